"""An account and its secret in one word: `jan:SECRET`, `GMINA\\jan%SECRET`; the account is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.redact.names import MARK
from agent.redact.programs import program_of

_SURE = re.compile(
    r"--?(?:[a-z]{1,16}-)?(?:creds?|credentials?|auth|basic-?auth|http-?auth|user-?pass(?:word)?)(?:[=:]|\Z)",
    re.IGNORECASE,
)
"""Options whose value is an account, and after a colon its secret."""
_PERHAPS = re.compile(r"(?:-[uU]|[-/]{1,2}(?:u|usr|user|username|user-name|login))(?:[=:]|\Z)", re.IGNORECASE)
"""Options whose value may also be a group, an address, or an image."""
_JOINED = re.compile(r"-[uU](?=[A-Za-z])")
_MOUNTED = re.compile(r"(?:\A|.{0,2000}?,)user(?:name)?=", re.DOTALL)
_PERCENT = re.compile(r"[A-Za-z][\w.\\/@+$ -]{0,127}%(?=.)", re.DOTALL)
_COLON = re.compile(r"[A-Za-z][\w.\\/@+$-]{0,127}:(?!//)(?=.)", re.DOTALL)
_TELLING = re.compile(
    r"(?![/\\]|\d{1,5}(?:/|\Z)|v?\d{1,9}(?:\.\d{1,9})*\Z)"
    r"(?:(?=.{0,256}\d)(?=.{0,256}[^\W\d_]).{6}|.{0,256}[!#$^*+?;&|<>~ {}()])",
    re.DOTALL,
)
"""What looks like a secret rather than a group or a version."""
_NAMED = re.compile(r"[-/](?:u|usr|user|username|login)[:=].", re.IGNORECASE)
_BUILDERS = frozenset({"msbuild", "dotnet", "devenv", "xbuild"})
_ITS_SECRET = re.compile(r"[-/]p[:=](?=.)", re.IGNORECASE)


def hide_accounts(words: Sequence[str], found: list[str | None], offset: int) -> None:
    """Hide the secrets of accounts in a command's words, whatever the program."""
    for place, word in enumerate(words):
        if not word.startswith(("-", "/")):
            continue
        option, sure = _option(word)
        if option == len(word):  # the value stands in the next word
            value, start, at = words[place + 1] if place + 1 < len(words) else "", 0, place + 1
        else:
            value, start, at = word[option:] if option else "", option, place
        if kept := _kept(value, sure=sure):
            found[offset + at] = f"{word[:start]}{value[:kept]}{MARK}"
        if word == "-o" and place + 1 < len(words):
            _mounted(words[place + 1], found, offset + place + 1)
    _given_to_an_account(words, found, offset)


def _option(word: str) -> tuple[int, bool]:
    """Return where an option ends that an account follows, 0 for all other words, and whether one surely follows."""
    for pattern in (_SURE, _PERHAPS, _JOINED):
        option = pattern.match(word)
        if option is not None:
            return option.end(), pattern is _SURE
    return 0, False


def _mounted(word: str, found: list[str | None], place: int) -> None:
    """Hide the secret in `-o rw,username=jan%SECRET`."""
    before = _MOUNTED.match(word)
    account = _PERCENT.match(word, before.end()) if before else None
    if account:
        found[place] = f"{word[: account.end()]}{MARK}"


def _kept(value: str, *, sure: bool) -> int:
    """Return how many characters of an account's word may be shown, 0 for all of it."""
    account = _PERCENT.match(value)
    if account is None:
        account = _COLON.match(value)
        if account is None:
            return 0
        secret = value[account.end() :]
        if not sure and (secret == value[: account.end() - 1] or _TELLING.match(secret) is None):
            return 0
    return account.end()


def _given_to_an_account(words: Sequence[str], found: list[str | None], offset: int) -> None:
    """Hide what `/p:` holds where `/u:` names who it belongs to; compilers are given properties so."""
    if any(word[:1] in "-/" and _NAMED.match(word) for word in words) and not any(
        program_of(word) in _BUILDERS for word in words
    ):
        for place, word in enumerate(words):
            if secret := _ITS_SECRET.match(word):
                found[offset + place] = f"{secret[0]}{MARK}"


def hidden_account(word: str, value: str, between: str, *, hosted: bool) -> str | None:
    """Return the word with the secret after its account hidden, None when there is none; a host may follow `@`."""
    drive = value[:2] if value[1:3] in {":\\", ":/"} else ""
    account, sign, secret = value[len(drive) :].partition(between)
    if not (sign and secret) or value.startswith(("/", "\\", "@", "-", "http:", "https:")):
        return None
    _, at, host = secret.rpartition("@") if hosted else ("", "", "")
    return f"{word[: len(word) - len(value)]}{drive}{account}{sign}{MARK}{at}{host if at else ''}"
