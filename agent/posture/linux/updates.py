"""Updates of a Linux host: security updates that wait, how fresh the lists are, who installs, whether to restart."""

from __future__ import annotations

import re

from agent.inventory.linux import updates
from agent.inventory.raw import Command, File, Names, Raws, Source, Unknown
from agent.inventory.section import DAY
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import day, listed

OLD = 7 * DAY
"""Seconds after which the package lists say nothing of today."""
LISTS: dict[str, Source] = {
    "stamps": Names("/var/lib/apt/periodic/update*stamp"),
    "lists": Names("/var/lib/apt/lists*"),
    "partial": Names("/var/lib/apt/lists/partial"),
    "dnf_stamp": Names("/var/cache/dnf/last_makecache"),
}
_PERIODIC = re.compile(r'^APT::Periodic::(Update-Package-Lists|Unattended-Upgrade) "([^"]*)";', re.MULTILINE)
_NUMBERS = re.compile(r"\d+")
_OFF = frozenset({"0", "", "never"})


def refreshed(raws: Raws) -> int:
    """Return when the package lists were last fetched; raises Unknown."""
    times: list[int] = [moment for name in LISTS if raws.there(name) for moment in raws.value(name).values()]
    if not times:
        raise Unknown("no_source")
    return max(times)


def _security(raws: Raws, now: float) -> Finding:
    waiting = [key for key, fields in updates.parse(raws) if fields["inventory.security"]]
    if waiting:
        return bad("security_pending", listed(waiting))
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


SECURITY = Check("security_updates", {**updates.SOURCES, **LISTS}, _security, ("security_pending", "lists_old"))
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
