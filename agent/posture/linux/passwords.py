"""Passwords of a Linux host: how long they must be, how many guesses there are, and accounts that have none."""

from __future__ import annotations

import re

from agent.inventory.linux.accounts import SOURCES, passwords
from agent.inventory.raw import File, Files, Raws, Source, Unknown
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import listed

LENGTH = 12
GUESSES = 10
PAM: dict[str, Source] = {
    "deb_password": File("/etc/pam.d/common-password"),
    "rpm_password": File("/etc/pam.d/system-auth"),
    "deb_auth": File("/etc/pam.d/common-auth"),
    "rpm_auth": File("/etc/pam.d/password-auth"),
}
_QUALITY = re.compile(r"^\s*password\s.*\bpam_(?:pwquality|cracklib)\.so\b(.*)$", re.MULTILINE)
_PASSWDQC = re.compile(r"^\s*password\s.*\bpam_passwdqc\.so\b", re.MULTILINE)
_MINLEN = re.compile(r"^\s*minlen\s*=\s*(\d{1,4})", re.MULTILINE)
_MINLEN_ARGUMENT = re.compile(r"\bminlen=(\d{1,4})")
_ENFORCING = re.compile(r"^\s*enforcing\s*=\s*(\d{1,4})", re.MULTILINE)
_ENFORCING_ARGUMENT = re.compile(r"\benforcing=(\d{1,4})")
_FAILLOCK = re.compile(r"^\s*auth\s.*\bpam_faillock\.so\b(.*)$", re.MULTILINE)
_DENY = re.compile(r"^\s*deny\s*=\s*(\d{1,6})", re.MULTILINE)
_DENY_ARGUMENT = re.compile(r"\bdeny=(\d{1,6})")
_DEFAULT_LENGTH, _DEFAULT_GUESSES = 8, 3


def _pam(raws: Raws, kind: str) -> str:
    names = (f"deb_{kind}", f"rpm_{kind}")
    if not any(raws.there(name) for name in names):
        raise Unknown("no_source")
    return "\n".join(raws.text_or(name) for name in names)


def _policy(raws: Raws, _now: float) -> Finding:
    pam = _pam(raws, "password")
    quality = _QUALITY.search(pam)
    if quality is None:
        if _PASSWDQC.search(pam):
            raise Unknown("other_module", "pam_passwdqc")
        return bad("no_module")
    # pwquality.conf(5): the folder's files are read first, so the file itself has the last word.
    settings = "\n".join([*raws.files("settings_d").values(), raws.text_or("settings")])
    enforced = _ENFORCING_ARGUMENT.findall(quality[1]) or _ENFORCING.findall(settings)
    if enforced and int(enforced[-1]) == 0:
        return bad("not_enforced")
    told = _MINLEN_ARGUMENT.findall(quality[1]) or _MINLEN.findall(settings)
    length = int(told[-1]) if told else _DEFAULT_LENGTH
    return good(str(length)) if length >= LENGTH else bad("too_short", str(length))


def _lockout(raws: Raws, _now: float) -> Finding:
    faillock = _FAILLOCK.search(_pam(raws, "auth"))
    if faillock is None:
        return bad("disabled")
    told = _DENY_ARGUMENT.findall(faillock[1]) or _DENY.findall(raws.text_or("faillock"))
    guesses = int(told[-1]) if told else _DEFAULT_GUESSES
    if guesses == 0:
        return bad("disabled")
    return good(str(guesses)) if guesses <= GUESSES else bad("too_many", str(guesses))


def _empty(raws: Raws, _now: float) -> Finding:
    empty = [name for name, state in passwords(raws.text("shadow")).items() if state == "empty"]
    return bad("without_password", listed(empty)) if empty else good()


POLICY = Check(
    "password_policy",
    {
        **PAM,
        "settings": File("/etc/security/pwquality.conf"),
        "settings_d": Files("/etc/security/pwquality.conf.d/*.conf"),
    },
    _policy,
    ("no_module", "not_enforced", "too_short", "other_module"),
)
LOCKOUT = Check(
    "account_lockout", {**PAM, "faillock": File("/etc/security/faillock.conf")}, _lockout, ("disabled", "too_many")
)
EMPTY = Check("empty_passwords", {"shadow": SOURCES["shadow"]}, _empty, ("without_password",))
CHECKS = (POLICY, LOCKOUT, EMPTY)
