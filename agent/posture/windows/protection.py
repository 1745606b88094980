"""Protection of a Windows host: antivirus and its exclusions, BitLocker, Secure Boot, TPM, LSA, screen lock, USB."""

from __future__ import annotations

import re

from agent.inventory.raw import Raws, Registry, Script, Source, Unknown
from agent.inventory.windows.keys import CONTROL, CURRENT, DISABLED, POLICIES, SERVICES, VERSION
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import listed
from agent.posture.windows.keys import sure

IDLE = 900
"""Seconds of rest after which the screen must be locked."""
SIGNATURE_DAYS = 7
_ON, _STATE, _STALE = 0x1000, 0xF000, 0xF0
_PROTECTED = 1
_REMOVABLE = 2
_WIDE = re.compile(
    r"\*?$|[a-z]:\\?(?:\*.*)?$|\\\\|[a-z]:\\users(?:\\|$)"
    r"|%(?:userprofile|temp|tmp|appdata|localappdata|public|homepath)%"
    r"|(?:[a-z]:\\(?:windows(?:\\(?:temp|tasks|system32|syswow64))?|program files(?: \(x86\))?|programdata|perflogs)"
    r"|%(?:windir|systemroot)%(?:\\(?:temp|tasks|system32|syswow64))?"
    r"|%(?:systemdrive|programdata|allusersprofile|programfiles(?:\(x86\))?)%)\\?\*?$"
    r"|(?:\*?\.)?(?:exe|com|dll|sys|ps1|psm1|bat|cmd|vbs|vbe|js|jse|wsf|hta|msi|lnk|scr|cpl)$"
    r"|(?:.*\\)?(?:powershell|pwsh|cmd|[wc]script|mshta|rundll32|regsvr32|msbuild|installutil|regasm|regsvcs|certutil"
    r"|bitsadmin|wmic|wmiprvse|msiexec|schtasks|svchost|services|explorer|conhost|dllhost|winword|excel|powerpnt|outlook"
    r"|msedge|chrome|firefox|iexplore|python|pythonw|java|javaw|node)(?:\.exe)?$",
    re.IGNORECASE,
)
"""Exclusions that open a whole disk, people's or the system's folders, what comes from other computers, a type of
program, or whatever a program does that runs what others give it."""
_STORAGE_CLASS = "{53f5630d-b6bf-11d0-94f2-00a0c91efb8b}"


def _antivirus(raws: Raws, _now: float) -> Finding:
    products = raws.value_or("products", None)
    if products is not None:
        return _products({str(each["name"]): int(each["state"]) for each in products})
    defender = raws.value("defender")  # a server has no Security Center
    if not defender["enabled"] or not defender["realtime"]:
        return bad("disabled", "Microsoft Defender")
    age = int(defender["age"])
    return bad("signatures_old", f"{age} d") if age > SIGNATURE_DAYS else good(f"Microsoft Defender, {age} d")


def _products(states: dict[str, int]) -> Finding:
    on = [name for name, state in states.items() if state & _STATE == _ON]
    current = [name for name in on if not states[name] & _STALE]
    if current:
        return good(listed(current))
    if on:
        return bad("signatures_old", listed(on))
    return bad("disabled", listed(states)) if states else bad("none")


def _exclusions(raws: Raws, _now: float) -> Finding:
    sure(raws)
    kinds = [kind for name in ("own", "policy") for kind in raws.keys(name).values()]
    names = {str(name) for kind in kinds for name in kind}
    wide = [name for name in names if _WIDE.match(name)]
    return bad("too_wide", listed(wide)) if wide else good(listed(names))


def _encryption(raws: Raws, _now: float) -> Finding:
    fixed = [each for each in raws.value("volumes") if each["type"] != _REMOVABLE]
    if not fixed:
        raise Unknown("no_root_disk")
    bare = [str(each["letter"]) for each in fixed if each["protection"] != _PROTECTED]
    return bad("not_encrypted", listed(bare)) if bare else good(listed(str(each["letter"]) for each in fixed))


def _boot(raws: Raws, _now: float) -> Finding:
    sure(raws)
    if not raws.there("state"):
        return bad("legacy_boot")
    return good() if raws.key("state")["uefisecurebootenabled"] == 1 else bad("disabled")


def _tpm(raws: Raws, _now: float) -> Finding:
    tpm = raws.value("tpm")
    if not tpm["present"]:
        return bad("none")
    return good(str(tpm["version"])) if tpm["enabled"] and tpm["activated"] else bad("not_ready")


def _lsa(raws: Raws, _now: float) -> Finding:
    return good() if raws.value("lsa") and raws.key("lsa").get("runasppl") in {1, 2} else bad("disabled")


def _screen(raws: Raws, _now: float) -> Finding:
    seconds = raws.key("system").get("inactivitytimeoutsecs") if raws.value("system") else None
    if not isinstance(seconds, int) or seconds <= 0:
        raise Unknown("user_decides")
    return good(f"{seconds} s") if seconds <= IDLE else bad("too_late", f"{seconds} s")


def _usb(raws: Raws, _now: float) -> Finding:
    sure(raws)
    if raws.key("driver").get("start") == DISABLED or raws.key("policy").get("deny_all") == 1:
        return good()
    storage = {name.lower(): values for name, values in raws.keys("policy").items()}.get(_STORAGE_CLASS, {})
    return good() if storage.get("deny_read") == storage.get("deny_write") == 1 else bad("allowed")


_EXCLUSIONS: dict[str, Source] = {
    "windows": VERSION,
    "own": Registry(r"HKLM\SOFTWARE\Microsoft\Windows Defender\Exclusions", 1),
    "policy": Registry(POLICIES + r"\Windows Defender\Exclusions", 1),
}
_USB: dict[str, Source] = {
    "windows": VERSION,
    "driver": Registry(SERVICES + r"\USBSTOR"),
    "policy": Registry(POLICIES + r"\Windows\RemovableStorageDevices", 1),
}
_SECURE_BOOT: dict[str, Source] = {"windows": VERSION, "state": Registry(CONTROL + r"\SecureBoot\State")}
CHECKS = (
    Check(
        "antivirus", {"products": Script("antivirus"), "defender": Script("defender")}, _antivirus,
        ("none", "disabled", "signatures_old"),
    ),
    Check("antivirus_exclusions", _EXCLUSIONS, _exclusions, ("too_wide",)),
    Check("disk_encryption", {"volumes": Script("volumes")}, _encryption, ("not_encrypted", "no_root_disk")),
    Check("secure_boot", _SECURE_BOOT, _boot, ("disabled", "legacy_boot")),
    Check("tpm", {"tpm": Script("tpm")}, _tpm, ("none", "not_ready")),
    Check("lsa_protection", {"lsa": Registry(CONTROL + r"\Lsa")}, _lsa, ("disabled",)),
    Check("screen_lock", {"system": Registry(CURRENT + r"\Policies\System")}, _screen, ("too_late", "user_decides")),
    Check("usb_storage", _USB, _usb, ("allowed",)),
)  # fmt: skip
