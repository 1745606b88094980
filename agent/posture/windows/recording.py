"""What a Windows host records (audit policy, command lines, PowerShell, logs), its time and its firewall."""

from __future__ import annotations

import re
from typing import Any

from agent.inventory.raw import Native, Raws, Registry, Script, Source, Unknown
from agent.inventory.windows.keys import CURRENT, DISABLED, POLICIES, SERVICES, VERSION
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import listed
from agent.posture.windows.keys import sure

PROCESS_CREATION = "0cce922b-69ae-11d9-bed3-505054503030"
"""The audit subcategory of started processes, by the number that is the same in every language."""
_SUCCESS = 1
LOG_BYTES = 128 << 20
_CHANNEL = {"off": "disabled"}
"""A channel's state -> the reason by which people read of it, where it has another name."""
_NOT_STARTED = 0x80070426
"""w32tm's exit code while the time service is not running."""
_NO_LEAP = 3
"""The leap indicator of a clock that nothing has set (RFC 5905); w32tm says it in its first line, the stratum in its
second, in every language."""
_NUMBER = re.compile(r":\s*(\d{1,3})\b")
_PROFILES = {"domainprofile": "Domain", "standardprofile": "Private", "publicprofile": "Public"}


def _audit(raws: Raws, _now: float) -> Finding:
    return good() if int(raws.value("audit")[PROCESS_CREATION]) & _SUCCESS else bad("disabled")


def _command_line(raws: Raws, _now: float) -> Finding:
    sure(raws)
    return good() if raws.key("audit").get("processcreationincludecmdline_enabled") == 1 else bad("disabled")


def _powershell(raws: Raws, _now: float) -> Finding:
    sure(raws)
    return good() if raws.key("policy").get("enablescriptblocklogging") == 1 else bad("disabled")


def _log_size(raws: Raws, _now: float) -> Finding:
    kilobytes = raws.key("policy").get("maxsize")
    size = int(kilobytes) * 1024 if kilobytes else int(raws.key("log")["maxsize"])
    shown = f"{size // 1_000_000} MB"
    return good(shown) if size >= LOG_BYTES else bad("small", shown)


def _channels(raws: Raws, _now: float) -> Finding:
    by_state: dict[str, list[str]] = {}
    for each in raws.value("channels"):
        kept = each["state"] == "on" and each["retention"] == "keep"
        by_state.setdefault("not_overwritten" if kept else _CHANNEL.get(each["state"], each["state"]), []).append(
            str(each["path"])
        )
    for reason in ("disabled", "missing", "not_overwritten"):
        if reason in by_state:
            return bad(reason, listed(by_state[reason]))
    if set(by_state) != {"on"}:
        raise Unknown("needs_root" if "denied" in by_state else "unreadable")
    return good(f"{len(by_state['on'])}")


def _time(raws: Raws, _now: float) -> Finding:
    kind = str(raws.key("parameters")["type"])
    if kind.lower() == "nosync" or raws.key("service")["start"] == DISABLED:
        return bad("disabled", kind)
    clock = raws.value("clock")
    if int(clock["code"]) & 0xFFFFFFFF == _NOT_STARTED:
        raise Unknown("not_running", kind)
    if clock["code"] != 0:
        raise Unknown("source_failed", kind)
    leap, stratum = (int(_NUMBER.findall(line)[0]) for line in clock["lines"][:2])
    return bad("not_synchronised", kind) if leap == _NO_LEAP or stratum == 0 else good(f"{kind}, stratum {stratum}")


def _firewall(raws: Raws, _now: float) -> Finding:
    stopped = [name for name in ("filter", "engine") if raws.key(name)["start"] == DISABLED]
    if stopped:
        return bad("service_disabled", listed(_GUARDS[name] for name in stopped))
    own, policy = (_by_profile(raws.keys(name)) for name in ("own", "policy"))
    missing = [name for name in _PROFILES if "enablefirewall" not in {**own.get(name, {}), **policy.get(name, {})}]
    if missing:
        raise Unknown("unreadable")
    open_ = []
    for name, shown in _PROFILES.items():
        settings = {**own.get(name, {}), **policy.get(name, {})}
        if settings["enablefirewall"] != 1 or settings.get("defaultinboundaction", 1) != 1:
            open_.append(shown)
    return bad("disabled", listed(open_)) if open_ else good()


def _by_profile(keys: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the settings by profile; in the policy's newer form the private profile has another name."""
    return {name.lower().replace("privateprofile", "standardprofile"): values for name, values in keys.items()}


_COMMAND_LINE: dict[str, Source] = {"windows": VERSION, "audit": Registry(CURRENT + r"\Policies\System\Audit")}
_POWERSHELL: dict[str, Source] = {
    "windows": VERSION,
    "policy": Registry(POLICIES + r"\Windows\PowerShell\ScriptBlockLogging"),
}
_LOG: dict[str, Source] = {
    "log": Registry(SERVICES + r"\EventLog\Security"),
    "policy": Registry(POLICIES + r"\Windows\EventLog\Security"),
}
_TIME: dict[str, Source] = {
    "parameters": Registry(SERVICES + r"\W32Time\Parameters"),
    "service": Registry(SERVICES + r"\W32Time"),
    "clock": Script("clock"),
}
_GUARDS = {"filter": "mpssvc", "engine": "BFE"}
"""The services without which no profile's rules act: Windows Defender Firewall, Base Filtering Engine."""
_FIREWALL: dict[str, Source] = {
    "own": Registry(SERVICES + r"\SharedAccess\Parameters\FirewallPolicy", 1),
    "policy": Registry(POLICIES + r"\WindowsFirewall", 1),
    "filter": Registry(SERVICES + r"\mpssvc"),
    "engine": Registry(SERVICES + r"\BFE"),
}
CHECKS = (
    Check("event_audit", {"audit": Native("audit")}, _audit, ("disabled",)),
    Check("command_line_in_events", _COMMAND_LINE, _command_line, ("disabled",)),
    Check("powershell_logging", _POWERSHELL, _powershell, ("disabled",)),
    Check("event_log_size", _LOG, _log_size, ("small",)),
    Check("event_channels", {"channels": Native("channels")}, _channels, ("disabled", "missing", "not_overwritten")),
    Check("time_sync", _TIME, _time, ("disabled", "not_synchronised", "not_running")),
    Check("firewall", _FIREWALL, _firewall, ("disabled", "service_disabled")),
)
