"""Secrets in command lines and log lines, replaced before anything is kept or sent.

Bounded and pure: every pattern runs in linear time on texts that the callers have already cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MARK = "***"
_SECRET_NAME = re.compile(
    r"(?:password|passwd|passphrase|passwort|haslo|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|"
    r"private[_-]?key|credentials?|(?:^|[_-]|db|user|root)(?:pass|pwd))\Z",
    re.IGNORECASE,
)
_VALUE = r"(\"[^\"]*\"|'[^']*'|[^\s\"'&;|,]+)"
_ASSIGNED = re.compile(rf"(?<![\w./-])([\w./-]{{1,100}})([=:]){_VALUE}")
_FLAG = re.compile(r"-{1,2}[\w-]{1,100}\Z")
_FLAG_IN_TEXT = re.compile(rf"(?<![\w./-])(-{{1,2}}[\w-]{{1,100}})([ \t]{{1,8}})(?!-){_VALUE}")
_JSON = re.compile(r"(\"([\w.-]{1,100})\"\s{0,8}:\s{0,8}\")[^\"]*\"")
_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/@:'\"]{0,128}:)[^\s/@'\"]{1,512}@", re.IGNORECASE)
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization\s?[:=]\s?(?:(?:bearer|basic|token|digest|negotiate)\s+)?|"
    r"(?:x-api-key|x-auth-token|private-token|cookie)\s?:\s?)([^\s'\"]+)",
    re.IGNORECASE,
)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*")
_CHPASSWD = re.compile(
    r"(\becho\s+(?:-\w+\s+)?['\"]?[\w.-]{1,64}:)[^\s'\"|]+(?=['\"]?\s*\|\s*(?:sudo\s+)?(?:/\S+/)?chpasswd)"
)
_PASSIN = re.compile(r"(\bpass:)[^\s'\"]+")
_MAY_HOLD = (
    "pass", "pwd", "secret", "token", "key", "credential", "haslo", "auth", "cookie", "eyj", "://", "mysql", "mariadb",
    "redis-cli", "7z", "unrar",
)  # fmt: skip
"""Nothing that the patterns find is without one of these, in whatever case."""
_NOT_SECRET = frozenset({"pwd", "oldpwd"})

_SHORT: dict[str, tuple[str, ...]] = {
    "mysql": ("-p",),
    "mysqldump": ("-p",),
    "mysqladmin": ("-p",),
    "mariadb": ("-p",),
    "mariadb-dump": ("-p",),
    "sshpass": ("-p",),
    "useradd": ("-p",),
    "usermod": ("-p",),
    "redis-cli": ("-a",),
    "ldapsearch": ("-w",),
    "ldapmodify": ("-w",),
    "curl": ("-u", "--user", "-U", "--proxy-user"),
    "smbclient": ("-U",),
    "rpcclient": ("-U",),
    "xfreerdp": ("/p",),
    "7z": ("-p",),
    "unrar": ("-p",),
    "zip": ("-P",),
    "unzip": ("-P",),
    "wget": (),
}
"""Programs whose short options carry a secret, joined to the option or in the next argument."""
_ACCOUNT = frozenset({"curl", "smbclient", "rpcclient"})
"""Programs whose option is an account with its secret after `:` or `%`: the account is kept."""
_SHORT_IN_TEXT = re.compile(
    r"(?<![\w/.-])((?:/[\w/.-]{0,200}/)?"
    r"(mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|sshpass|redis-cli|7z|unrar)\b[^|;&\n]{0,400}?\s)"
    r"(-p|-a)(?=\S|\s+\S)(\s*)(\"[^\"]*\"|'[^']*'|[^\s\"'&;|]+)"
)


def redact_args(args: Sequence[str]) -> list[str]:
    """Return a command's arguments with their secrets replaced; as many as were given."""
    if not args:
        return []
    program = args[0].rsplit("/", 1)[-1]
    if program not in _SHORT and not _may_hold(" ".join(args)):
        return list(args)
    options = _SHORT.get(program, ())
    clean = [redact_text(args[0])]
    secret_next = ""
    for arg in args[1:]:
        if secret_next and not (arg.startswith("-") and len(arg) > 1):
            clean.append(_hide(arg, program, secret_next))
            secret_next = ""
            continue
        secret_next = arg if arg in options or _is_secret_flag(arg) else ""
        clean.append(arg if secret_next else _joined(arg, program, options))
    return clean


def redact_text(text: str) -> str:
    """Return a line of text with the secrets that it shows replaced."""
    if not _may_hold(text):
        return text
    text = _JSON.sub(_json, text)
    text = _HEADER.sub(rf"\1{MARK}", text)
    text = _URL.sub(rf"\1{MARK}@", text)
    text = _JWT.sub(MARK, text)
    text = _CHPASSWD.sub(rf"\1{MARK}", text)
    text = _SHORT_IN_TEXT.sub(_short_in_text, text)
    text = _FLAG_IN_TEXT.sub(_flag_in_text, text)
    text = _ASSIGNED.sub(_assigned, text)
    return _PASSIN.sub(rf"\1{MARK}", text)


def _may_hold(text: str) -> bool:
    folded = text.casefold()
    return any(word in folded for word in _MAY_HOLD)


def _short_in_text(found: re.Match[str]) -> str:
    wanted = {"redis-cli": "-a"}.get(found[2], "-p")
    return f"{found[1]}{found[3]}{found[4]}{MARK}" if found[3] == wanted else found[0]


def _is_secret_flag(arg: str) -> bool:
    return _FLAG.match(arg) is not None and _SECRET_NAME.search(arg) is not None


def _assigned(found: re.Match[str]) -> str:
    name = found[1]
    known = _SECRET_NAME.search(name) and name.lower() not in _NOT_SECRET
    if known and (found[2] == "=" or name[0] in "-/"):
        return f"{name}{found[2]}{MARK}"
    return found[0]


def _flag_in_text(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{MARK}" if _is_secret_flag(found[1]) else found[0]


def _json(found: re.Match[str]) -> str:
    return f'{found[1]}{MARK}"' if _SECRET_NAME.search(found[2]) else found[0]


def _joined(arg: str, program: str, options: tuple[str, ...]) -> str:
    for option in options:
        if len(option) == 2 and len(arg) > 2 and arg.startswith(option) and not arg.startswith("--"):
            return option + _hide(arg[2:], program, option)
    return redact_text(_value_of(arg))


def _value_of(arg: str) -> str:
    """Hide all of the value of `--password=a b`: inside one argument a blank does not end the secret."""
    name, equals, _ = arg.partition("=")
    if (
        equals
        and len(name) <= 100
        and " " not in name
        and name.lower() not in _NOT_SECRET
        and _SECRET_NAME.search(name)
    ):
        return f"{name}={MARK}"
    return arg


def _hide(value: str, program: str, option: str) -> str:
    if program in _ACCOUNT and not _is_secret_flag(option):
        for separator in (":", "%"):
            account, found, _ = value.partition(separator)
            if found:
                return f"{account}{separator}{MARK}"
        return value
    return MARK
