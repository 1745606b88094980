"""Which names of options, variables and fields hold a secret, in English and Polish."""

from __future__ import annotations

import re

MARK = "***"
"""What stands in a secret's place."""
_SECRET = re.compile(
    r"(?:password|passwd|passphrase|passwort|passcode|pswd|has[lł][oa]|secret|token|bearer|(?<!set)credentials?|community|"
    r"(?:api|access|secret|private|account|shared|encryption|signing|master|storage|registration)[_-]?key|"
    r"(?:product|licen[cs]e|activation|pid)[_-]?key|inpkey|(?:\A|[^a-z])pw|"
    r"shared[_-]?access[_-]?(?:key|signature)|connection[_-]?string|(?:store|key)pass|psk|"
    r"(?<!by)(?<!com)(?<!tres)(?<!over)(?<!under)(?<!sur)pass|pwd|has[lł]o[_-](?!plik|file)\w{1,40})(?:\d{1,3}|[_-]?b(?:ase)?64)?\Z",
    re.IGNORECASE,
)
_PIN = re.compile(r"(?:\A|[^a-z])pin\Z", re.IGNORECASE)
_DIGITS = re.compile(r"[\"']?\d{4,12}[\"']?\Z")
_WHERE_ONE_IS = frozenset({"pwd", "oldpwd"})


def is_secret(name: str, value: str = "") -> bool:
    """Tell whether what this name holds is a secret.

    `PWD` of a shell holds a path, that of a connection a password; a `pin` is one of digits alone.
    """
    if _SECRET.search(name) is None:
        return _PIN.search(name) is not None and _DIGITS.match(value) is not None
    bare = name.lstrip("-/$").lower()
    return bare not in _WHERE_ONE_IS or not (value.startswith(("/", "~", "$", "%")) or value[1:3] == ":\\")


HINTS = (
    "pass", "pwd", "pswd", "secret", "token", "key", "credential", "hasł", "hasl", "auth", "cookie", "eyj", "://",
    "bearer", "identified", "securestring", "private", "jdbc:", "psk", "community", "sig=", "psc", "connection",
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "aiza", "akia", "asia", "sk_live", "sk-",
    "sudo", "kinit", "cryptsetup", "| su", "|su", "gpg", "npm_", "pypi-", "hf_", "ya29.", "dop_v1_", "sg.",
    "czujka1.", "/ntlm:", "/rc4:", "/aes", "-pw", "/pw", "$pw", "-pin", "/pin", "pin=", "/ipk", "-ipk", "/pid=",
    "-u:", "/u:", "-u=", "/u=", "-user:", "/user:", "-user=", "/user=", "<<<", "runas", "openconnect", "createuser",
    "vpncli", "mapnetworkdrive", "sp_addlogin", "connect to", "echo user", "expect ", "pgp_sym",
)  # fmt: skip
"""Nothing that the patterns of text find is without one of these, in whatever case."""
