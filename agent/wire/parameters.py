"""Secrets in addresses of pages, found by the names of their parameters and left out. Pure, in linear time."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

MARK = "***"
"""What stands in a secret's place."""
_NAMED = (
    r"(?<!com)(?<!by)(?<!tres)(?<!over)(?<!under)(?<!sur)pass(?!age|eng|iv|port|thr|ing|ion|ed|es(?![a-z]))|"
    r"pas(?![a-z])|pwd|psw|has[lł\ufffd][oa]|kennwort|secret|(?<![a-z])pw(?!r)|pw\d*(?![a-z])|"
    r"(?<![a-z])pin(?![a-z])"
)
"""Names of passwords, wherever they stand in a parameter's name; U+FFFD is a letter that is no UTF-8."""
_KEYS = (
    r"token|credential|bearer|jwt|signature|(?<![a-z])(?:sig|otp)(?![a-z])|"
    r"(?:api|app|access|account|auth|private|shared|subscription)[._-]?key"
)
_WANTED, _PASSWORDS = (re.compile(one, re.IGNORECASE) for one in (f"{_NAMED}|{_KEYS}", _NAMED))
#: A name with its value within a value: an address in an address, or JSON.
_WITHIN = re.compile(rf"(?:{_NAMED}|{_KEYS})[\w\].-]{{0,64}}[\"']?\s{{0,8}}[=:]", re.IGNORECASE)
_PARAMETER = re.compile(
    r"(?<![^?&;#/,\s])([^?&;#/,\s=]+)=((?:[^&;#\s]|;(?![^&;#=\s]*=)|[ \t](?! ?HTTP/1))+)", re.IGNORECASE
)
_USER_PART = re.compile(r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*://[^/?#@:\s]*):[^/?#\s]*@", re.IGNORECASE)


def without_secret(address: str) -> tuple[str, bool]:
    """Return an address, or a line with one, without its secrets, and whether a password was among them.

    What is left out besides are tokens and keys of programs.
    """
    found = False

    def hide(parameter: re.Match[str]) -> str:
        nonlocal found
        name, value = _plain(parameter[1]), parameter[2]
        if _WANTED.search(name):
            found = found or _PASSWORDS.search(name) is not None
        elif within := _WITHIN.search(_plain(value)):
            found = found or _PASSWORDS.search(within[0]) is not None
        else:
            return parameter[0]
        return f"{parameter[1]}={MARK}"

    clean = _PARAMETER.sub(hide, address) if "=" in address else address
    if "@" not in clean:
        return clean, found
    clean, users = _USER_PART.subn(rf"\1:{MARK}@", clean)
    return clean, found or users > 0


def _plain(written: str) -> str:
    """Return what may be encoded twice, as addresses within addresses are."""
    return unquote_plus(unquote_plus(written)) if "%" in written or "+" in written else written
