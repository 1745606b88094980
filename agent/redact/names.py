"""Which names of options, variables and fields hold a secret, in English and Polish."""

from __future__ import annotations

import re

MARK = "***"
"""What stands in a secret's place."""
_SECRET = re.compile(
    r"(?:password|passwd|passphrase|passwort|passcode|pswd|has[lł][oa]|secret|token|bearer|(?<!set)credentials?|community|"
    r"(?:api|access|secret|private|account|shared|encryption|signing|master|storage|registration)[_-]?key|"
    r"shared[_-]?access[_-]?(?:key|signature)|connection[_-]?string|(?:store|key)pass|psk|"
    r"(?<!by)(?<!com)(?<!tres)(?<!over)(?<!under)(?<!sur)pass|pwd|has[lł]o[_-](?!plik|file)\w{1,40})\d{0,3}\Z",
    re.IGNORECASE,
)
_WHERE_ONE_IS = frozenset({"pwd", "oldpwd"})


def is_secret(name: str, value: str = "") -> bool:
    """Tell whether what this name holds is a secret; `PWD` of a shell holds a path, that of a connection a password."""
    if _SECRET.search(name) is None:
        return False
    bare = name.lstrip("-/$").lower()
    return bare not in _WHERE_ONE_IS or not (value.startswith(("/", "~", "$", "%")) or value[1:3] == ":\\")


HINTS = (
    "pass", "pwd", "pswd", "secret", "token", "key", "credential", "hasł", "hasl", "auth", "cookie", "eyj", "://",
    "bearer", "identified", "securestring", "private", "jdbc:", "psk", "community", "sig=", "psc", "connection",
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "aiza", "akia", "asia", "sk_live", "sk-",
    "sudo", "kinit", "cryptsetup", "| su", "|su", "gpg", "npm_", "pypi-", "hf_", "ya29.", "dop_v1_", "sg.",
    "czujka1.", "/ntlm:", "/rc4:", "/aes",
)  # fmt: skip
"""Nothing that the patterns of text find is without one of these, in whatever case."""
