"""Who gets into a Windows host and with what power: accounts by their numbers, never by their localised names."""

from __future__ import annotations

from agent.inventory.raw import Native, Raws, Registry, Source, Unknown
from agent.inventory.windows.keys import CONTROL, CURRENT, POLICIES, SERVICES, VERSION
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import listed
from agent.posture.windows.keys import sure

LENGTH = 12
GUESSES = 10
NTLM_V2 = 3
"""LmCompatibilityLevel from which only NTLMv2 is sent; the default of every Windows that has updates."""
_EVERYONE = frozenset({"S-1-1-0", "S-1-5-11", "S-1-5-32-545", "S-1-5-32-546"})
_USUAL = frozenset({"500", "512", "519"})
"""Ends of the SIDs of the built-in administrator, the domain's and the enterprise's administrators."""
_DOMAIN_USERS = ("513", "514", "515")


def _administrators(raws: Raws, _now: float) -> Finding:
    members = raws.value("members")
    if not members:  # every Windows has one: an empty list was not the whole answer
        raise Unknown("unreadable")
    wide = [each for each in members if each["sid"] in _EVERYONE or _rid(each["sid"]) in _DOMAIN_USERS]
    if wide:
        return bad("everyone", listed(str(each["name"]) for each in wide))
    more = [str(each["name"]) for each in members if _rid(each["sid"]) not in _USUAL]
    return bad("many", listed(more)) if len(more) > 1 else good(listed(more))


def _rid(sid: str) -> str:
    return sid.rpartition("-")[2] if sid.startswith("S-1-5-21-") else ""


def _builtin(raws: Raws, _now: float) -> Finding:
    accounts = [each for each in raws.value("accounts") if each["rid"] == 500]
    return bad("enabled", str(accounts[0]["name"])) if not accounts[0]["disabled"] else good()


def _policy(raws: Raws, _now: float) -> Finding:
    length = int(raws.value("modals")["min_length"])
    if length < LENGTH:
        return bad("too_short", str(length))
    rules = raws.value("rules")
    if int(rules["min_length"]) != length:  # one of the two speaks of something else
        raise Unknown("unreadable", str(length))
    return good(str(length)) if rules["complex"] else bad("not_complex", str(length))


def _lockout(raws: Raws, _now: float) -> Finding:
    guesses = int(raws.value("modals")["lockout_threshold"])
    if guesses == 0:
        return bad("disabled")
    return good(str(guesses)) if guesses <= GUESSES else bad("too_many", str(guesses))


def _desktop(raws: Raws, _now: float) -> Finding:
    settings = {**raws.key("listener"), **raws.key("server"), **raws.key("policy")}
    if settings["fdenytsconnections"] == 1:
        return good()
    network_first = raws.key("policy").get("userauthentication", raws.key("listener").get("userauthentication"))
    return good("NLA") if network_first == 1 else bad("no_nla")


def _smb1(raws: Raws, _now: float) -> Finding:
    sure(raws)
    client = raws.there("client") and raws.key("client").get("start") != 4
    return bad("enabled") if client or raws.key("server").get("smb1") == 1 else good()


def _ntlm(raws: Raws, _now: float) -> Finding:
    level = int(raws.key("lsa").get("lmcompatibilitylevel", NTLM_V2)) if raws.value("lsa") else 0
    return good(str(level)) if level >= NTLM_V2 else bad("weak", str(level))


def _uac(raws: Raws, _now: float) -> Finding:
    settings = raws.key("system") if raws.value("system") else {}
    if settings.get("enablelua", 1) == 0:
        return bad("disabled")
    return bad("silent") if settings.get("consentpromptbehavioradmin") == 0 else good()


def _laps(raws: Raws, _now: float) -> Finding:
    sure(raws)
    on = [name for name in ("csp", "gpo") if raws.key(name).get("backupdirectory") in {1, 2}]
    if on:
        return good("Windows LAPS")
    return good("Microsoft LAPS") if raws.key("legacy").get("admpwdenabled") == 1 else bad("disabled")


_DESKTOP: dict[str, Source] = {
    "server": Registry(CONTROL + r"\Terminal Server"),
    "listener": Registry(CONTROL + r"\Terminal Server\WinStations\RDP-Tcp"),
    "policy": Registry(POLICIES + r"\Windows NT\Terminal Services"),
}
_SMB1: dict[str, Source] = {
    "windows": VERSION,
    "client": Registry(SERVICES + r"\mrxsmb10"),
    "server": Registry(SERVICES + r"\LanmanServer\Parameters"),
}
_LAPS: dict[str, Source] = {
    "windows": VERSION,
    "csp": Registry(r"HKLM\SOFTWARE\Microsoft\Policies\LAPS"),
    "gpo": Registry(CURRENT + r"\Policies\LAPS"),
    "legacy": Registry(POLICIES + r" Services\AdmPwd"),
}
_PASSWORDS: dict[str, Source] = {"modals": Native("modals"), "rules": Native("password_rules")}
CHECKS = (
    Check("local_administrators", {"members": Native("administrators")}, _administrators, ("many", "everyone")),
    Check("builtin_administrator", {"accounts": Native("accounts")}, _builtin, ("enabled",)),
    Check("password_policy", _PASSWORDS, _policy, ("too_short", "not_complex")),
    Check("account_lockout", {"modals": Native("modals")}, _lockout, ("disabled", "too_many")),
    Check("remote_desktop", _DESKTOP, _desktop, ("no_nla",)),
    Check("smb1", _SMB1, _smb1, ("enabled",)),
    Check("ntlm_level", {"lsa": Registry(CONTROL + r"\Lsa")}, _ntlm, ("weak",)),
    Check("uac", {"system": Registry(CURRENT + r"\Policies\System")}, _uac, ("disabled", "silent")),
    Check("laps", _LAPS, _laps, ("disabled",)),
)
