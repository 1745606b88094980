"""Protection of a Linux host: antivirus, screen lock, USB storage, Secure Boot, audit, time, the system's own age."""

from __future__ import annotations

import re

from agent.inventory.linux.machine import release
from agent.inventory.linux.timesource import SHOW
from agent.inventory.raw import Command, File, Files, Names, Raws, Source, Unknown
from agent.inventory.section import DAY
from agent.posture import lifecycle
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import day, listed

SIGNATURES = 7 * DAY
IDLE = 900
"""Seconds of rest after which the screen must be locked."""
_OTHER_PRODUCTS = {"eset": "ESET", "sophos-spl": "Sophos", "bitdefender-security-tools": "Bitdefender",
                   "kaspersky": "Kaspersky", "withsecure": "WithSecure", "microsoft": "Microsoft Defender"}  # fmt: skip
_LOCK = re.compile(r"^\s*lock-enabled\s*=\s*(true|false)", re.MULTILINE)
_DELAY = re.compile(r"^\s*idle-delay\s*=\s*(?:uint32\s+)?(\d{1,9})", re.MULTILINE)
_NO_USB = re.compile(
    r"^\s*(?:install\s+usb[-_]storage\s+/(?:usr/)?bin/(?:true|false)|blacklist\s+usb[-_]storage)\b", re.M
)
_AUDIT_OFF = re.compile(r"(?:^|\s)audit=(?:0|off)(?:\s|$)")
_SCAN = re.compile(r"^[^#\n]*\bclamd?scan\b", re.MULTILINE)
_SCANNERS = (
    "clamav-daemon.service",
    "clamav-clamonacc.service",
    "clamonacc.service",
    "clamd@scan.service",
    "clamd.service",
)
_EFI = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def _antivirus(raws: Raws, now: float) -> Finding:
    if raws.there("clamav"):
        newest = max(raws.value("clamav").values())
        if now - newest > SIGNATURES:
            return bad("signatures_old", f"ClamAV, {day(newest)}")
        return good(day(newest)) if _scans(raws) else bad("not_scanning", "ClamAV")
    folders = [path.rpartition("/")[2] for path in raws.value("opt")] if raws.there("opt") else []
    others = [_OTHER_PRODUCTS[name] for name in folders if name in _OTHER_PRODUCTS]
    if others:
        raise Unknown("other_product", listed(others))
    return bad("none")


def _scans(raws: Raws) -> bool:
    """Say whether ClamAV looks at anything: a scanner that runs, or a job that starts one; raises Unknown."""
    if raws.there("scanners") and "active" in raws.output("scanners", (0, 3, 4)).split():
        return True
    jobs = [
        raws.text_or("crontab"),
        *(text for name in ("jobs", "crontabs", "units") for text in raws.files(name).values()),
    ]
    if any(_SCAN.search(text) for text in jobs):
        return True
    if not raws.there("scanners"):
        raise Unknown("source_failed")
    return False


def _screen(raws: Raws, _now: float) -> Finding:
    if not raws.there("sessions") and not raws.there("wayland"):
        return Finding("pass", "no_desktop")
    text = "\n".join(raws.files("dconf").values())
    locks, delays = _LOCK.findall(text), [int(each) for each in _DELAY.findall(text)]
    if "false" in locks:
        return bad("disabled")
    if any(each == 0 or each > IDLE for each in delays):
        return bad("too_late", f"{max(delays)} s")
    if locks and delays and raws.files("locks"):
        return good(f"{max(delays)} s")
    raise Unknown("user_decides")


def _usb(raws: Raws, _now: float) -> Finding:
    if any(_NO_USB.search(text) for text in raws.files("modprobe").values()):
        return good("modprobe")
    if raws.there("usbguard") and raws.output("usbguard", (0, 1, 3, 4)).strip() == "enabled":
        return good("usbguard")
    return bad("allowed")


def _boot(raws: Raws, _now: float) -> Finding:
    if not raws.there("efi"):
        return bad("legacy_boot")
    content = raws.text("variable")
    return good() if content[4:5] == "\x01" else bad("disabled")


def _audit(raws: Raws, _now: float) -> Finding:
    if _AUDIT_OFF.search(raws.text("cmdline")):
        return bad("disabled", "audit=0")
    return good() if raws.there("loginuid") else bad("no_audit")


def _time(raws: Raws, _now: float) -> Finding:
    if raws.there("show") and raws.value("show")["code"] == 0:
        shown = dict(line.partition("=")[::2] for line in raws.output("show").splitlines())
        if shown["NTPSynchronized"] == "yes":
            return good()
        return bad("not_synchronised" if shown["NTP"] == "yes" else "disabled")
    if raws.there("chrony"):
        return good("chrony") if "Leap status     : Normal" in raws.output("chrony") else bad("not_synchronised")
    raise Unknown("source_failed" if raws.there("show") else "no_source")


def _supported(raws: Raws, now: float) -> Finding:
    told = release(raws.text("release"))
    return lifecycle.linux(told["ID"], told.get("VERSION_ID", ""), now)


_ANTIVIRUS: dict[str, Source] = {
    "clamav": Names("/var/lib/clamav/daily.c?d"),
    "scanners": Command(("systemctl", "is-active", *_SCANNERS)),
    "crontab": File("/etc/crontab"),
    "jobs": Files("/etc/cron*/*"),
    "crontabs": Files("/var/spool/cron/crontabs/*"),
    "units": Files("/etc/systemd/system/*.service"),
    "opt": Names("/opt/*"),
}
_SCREEN: dict[str, Source] = {
    "sessions": Names("/usr/share/xsessions/*.desktop"),
    "wayland": Names("/usr/share/wayland-sessions/*.desktop"),
    "dconf": Files("/etc/dconf/db/*.d/*"),
    "locks": Files("/etc/dconf/db/*.d/locks/*"),
}
_TIME: dict[str, Source] = {"show": SHOW, "chrony": Command(("chronyc", "-n", "tracking"))}
_AGE: dict[str, Source] = {"release": File("/etc/os-release")}
_BOOT: dict[str, Source] = {"efi": Names("/sys/firmware/efi"), "variable": File(_EFI)}
_USBGUARD = Command(("systemctl", "is-enabled", "usbguard.service"))
CHECKS = (
    Check(
        "antivirus", _ANTIVIRUS, _antivirus, ("none", "signatures_old", "not_scanning", "other_product")
    ),
    Check("screen_lock", _SCREEN, _screen, ("disabled", "too_late", "user_decides", "no_desktop")),
    Check("usb_storage", {"modprobe": Files("/etc/modprobe.d/*.conf"), "usbguard": _USBGUARD}, _usb, ("allowed",)),
    Check("secure_boot", _BOOT, _boot, ("disabled", "legacy_boot")),
    Check(
        "event_audit", {"cmdline": File("/proc/cmdline"), "loginuid": File("/proc/self/loginuid")}, _audit,
        ("disabled", "no_audit"),
    ),
    Check("time_sync", _TIME, _time, ("disabled", "not_synchronised")),
    Check("system_supported", _AGE, _supported, ("ended", "ends_soon", "not_in_table")),
)  # fmt: skip
