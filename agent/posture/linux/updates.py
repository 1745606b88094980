"""Updates of a Linux host: security updates that wait, how fresh the lists are, who installs, whether to restart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.utils import mktime_tz, parsedate_tz

from agent.inventory.linux import updates
from agent.inventory.raw import Command, File, Files, Names, Raws, Source, Unknown
from agent.inventory.section import DAY
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import day, listed

OLD = 7 * DAY
"""Seconds after which the package lists say nothing of today."""
LISTS: dict[str, Source] = {
    "releases": Files("/var/lib/apt/lists/*Release", 1 << 20),
    "success": Names("/var/lib/apt/periodic/update-success-stamp"),
    "dnf_stamp": Names("/var/cache/dnf/last_makecache"),
}
"""What tells how old the lists are. `apt-get update` ends with 0 and touches its folders also when nothing was fetched,
so what counts is the date that the archive itself signed; its own stamp of success only where no archive dates its
security updates."""
_STAMPS = ("success", "dnf_stamp")
_HEAD = re.compile(r"^(Label|Suite|Date): (.+)$", re.MULTILINE)
_UNSTABLE = frozenset({"testing", "unstable", "experimental"})
"""Suites of Debian that have no archive of security updates of their own."""
_PERIODIC = re.compile(r'^APT::Periodic::(Update-Package-Lists|Unattended-Upgrade) "([^"]*)";', re.MULTILINE)
_NUMBERS = re.compile(r"\d+")
_OFF = frozenset({"0", "", "never"})


def _releases(raws: Raws) -> list[dict[str, str]]:
    """Return what each archive's signed release file says of itself: Label, Suite, Date."""
    return [dict(reversed(_HEAD.findall(text))) for text in raws.files("releases").values()]


def _is_security(release: Mapping[str, str]) -> bool:
    label, suite = release.get("Label", ""), release.get("Suite", "")
    return label == "Debian-Security" or (label == "Ubuntu" and suite.endswith("-security"))


def _lacks_security(releases: Sequence[Mapping[str, str]]) -> bool:
    """Say whether the system's own archive is there and the one of its security updates is not."""
    own = any(
        one.get("Label") in {"Debian", "Ubuntu"} and one.get("Suite", "").partition("-")[0] not in _UNSTABLE
        for one in releases
    )
    return own and not any(map(_is_security, releases))


def _dated(release: Mapping[str, str]) -> int:
    parsed = parsedate_tz(release["Date"])
    if parsed is None:
        raise ValueError(release["Date"][:40])
    return mktime_tz(parsed)


def refreshed(raws: Raws) -> int:
    """Return the date of what the lists say of security updates, the oldest where several say it; raises Unknown."""
    releases = _releases(raws)
    security = [_dated(one) for one in releases if _is_security(one)]
    if security:
        return min(security)
    times: list[int] = [moment for name in _STAMPS if raws.there(name) for moment in raws.value(name).values()]
    times += [_dated(one) for one in releases]
    if not times:
        raise Unknown("no_source")
    return max(times)


def _security(raws: Raws, now: float) -> Finding:
    waiting = [key for key, fields in updates.parse(raws) if fields["inventory.security"]]
    if waiting:
        return bad("security_pending", listed(waiting))
    if _lacks_security(_releases(raws)):
        return bad("no_security_source")
    last = refreshed(raws)
    if now - last > OLD:
        raise Unknown("lists_old", day(last))
    return good()


def _fresh(raws: Raws, now: float) -> Finding:
    last = refreshed(raws)
    return bad("lists_old", day(last)) if now - last > OLD else good(day(last))


def _automatic(raws: Raws, _now: float) -> Finding:
    if raws.there("apt"):
        settings = dict(_PERIODIC.findall(raws.output("apt")))
        if not raws.there("unattended"):
            return bad("not_installed")
        on = all(settings.get(name, "0") not in _OFF for name in ("Update-Package-Lists", "Unattended-Upgrade"))
        return good() if on else bad("disabled")
    if raws.there("dnf"):
        return good() if raws.output("dnf", (0, 1, 4)).strip() == "enabled" else bad("disabled")
    raise Unknown("no_source")


def _restart(raws: Raws, _now: float) -> Finding:
    if raws.there("flag"):
        return bad("restart", listed(raws.text_or("packages").split()))
    if not raws.there("kernels"):
        raise Unknown("no_source")
    running = raws.text("running").strip()
    newest = max((path.partition("vmlinuz-")[2] for path in raws.value("kernels")), key=_version)
    return bad("restart", f"{running} < {newest}") if _version(newest) > _version(running) else good(running)


def _version(kernel: str) -> list[int]:
    return [int(number) for number in _NUMBERS.findall(kernel)]


SECURITY = Check(
    "security_updates", {**updates.SOURCES, **LISTS}, _security, ("security_pending", "no_security_source", "lists_old")
)
FRESH = Check("update_freshness", LISTS, _fresh, ("lists_old",))
AUTOMATIC = Check(
    "automatic_updates",
    {
        "apt": Command(("apt-config", "dump")),
        "unattended": Names("/usr/bin/unattended-upgrade"),
        "dnf": Command(("systemctl", "is-enabled", "dnf-automatic.timer")),
    },
    _automatic,
    ("disabled", "not_installed"),
)
RESTART = Check(
    "reboot_pending",
    {
        "flag": File("/run/reboot-required"),
        "packages": File("/run/reboot-required.pkgs"),
        "kernels": Names("/boot/vmlinuz-[0-9]*"),
        "running": File("/proc/sys/kernel/osrelease"),
    },
    _restart,
    ("restart",),
)
CHECKS = (SECURITY, FRESH, AUTOMATIC, RESTART)
