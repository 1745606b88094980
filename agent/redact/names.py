"""Which names of options, variables and fields hold a secret, in English and Polish, and by which values."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

MARK = "***"
"""What stands in a secret's place."""


class Kind(Enum):
    """What a name says of its value."""

    NOTHING = 0
    SECRET = 1
    DIRECTORY = 2
    """`PWD` of a shell holds a path, that of a connection a password."""
    CODE = 3
    """A PIN, a PUK, a code used once: secret when it has digits and is no version."""
    KEY_FILE = 4
    """A private key: secret unless it is the name of a file."""
    HASH = 5
    """A hash that opens what its password opens: secret when it is one."""
    KEY = 6
    """Some key: secret when the value looks as keys do, for there are keys of tables, maps and keyboards."""


_HUMP = re.compile(r"(?<=[a-z0-9ąćęłńóśźż])(?=[A-ZĄĆĘŁŃÓŚŹŻ])")
_APART = re.compile(r"[-_.:\s]+")
_BESIDES = re.compile(
    r"_?(?:\d{1,3}|b64|base(?:64)?|prod(?:uction)?|test|dev|staging|live|old|new|current|confirm(?:ation)?|(?<!phrase_)repeat|"
    r"again|verify|plain(?:_?text)?|clear(?:_?text)?|primary|secondary|stary|stare|nowy|nowe)\Z"
)
"""What may follow the word that counts: `SECRET_KEY_BASE`, `passwordConfirm`, `DB_PASSWORD_PROD`."""
_SECRET = re.compile(
    r"(?:password|passwd|passphrase|passwort|passcode|pswd|has[lł](?:[oa]|em)|hase[lł]|secret|sekret|(?<!public_key_)(?<!pkcs11_)token|bearer|"
    r"credential|(?<!set)(?<!set_)credentials|po[sś]wiadczenia|community|shared_?access_?signature|connection_?string|"
    r"(?:\A|_)pw|psk|(?<!by)(?<!by_)(?<!com)(?<!tres)(?<!over)(?<!under)(?<!sur)pass|pwd|requirepass|masterauth|"
    r"(?:\A|_)(?:kod|code)_?(?:dost[eę]pu|autoryzacji)|redis(?:cli)?_?auth|npm_?auth|"
    r"(?:api|access|secret|account|shared|encryption|decryption|cipher|crypto?|signing|master|storage|registration|"
    r"product|licen[cs]e|activation|pid|auth|app|application|subscription|functions|consumer|webhook|jwt|hmac|aes|"
    r"wep|wpa|wifi|network|recovery|dost[eę]pu|szyfrowania|szyfruj[aą]cy|licencji)_?(?:key|klucz)|"
    r"klucz_?(?:api|dost[eę]pu|szyfrowania|szyfruj[aą]cy|licencji|produktu|aplikacji|us[lł]ugi)|inp_?key)\Z"
)
_HEADED = re.compile(
    r"(?:\A|_)(?:has[lł]o|klucz|sekret|token_do)_(?!pli[kc]|file|path|[sś]cie[zż]k|d[lł]ug|min|max|publi|url|adres|id|"
    r"wygas|wa[zż]n|typ|rodzaj|rejestr|g[lł][oó]wn|obc|podst)\w{1,60}\Z"
)
"""A Polish name begins with the word that counts: `HASLO_DO_BAZY`, `klucz_epuap`."""
_HASH = re.compile(r"(?:\A|_)(?:pth|krbtgt|rc4|ntlm|(?:(?:nt|lm|ntlm)_?)?hash(?:es)?)\Z")
_HEX = re.compile(r"(?:[0-9a-f]{32})?:[0-9a-f]{32}\Z|[0-9a-f]{32}\Z", re.IGNORECASE)
_CODE = re.compile(
    r"(?:\A|_)(?:(?:so|user|new|old|kod)?(?:pin|puk)|t?otp|mfa_?code|kod_sms)\Z|\A(?:pin|puk)_(?:karty|podpisu|do|certyfikatu)\w{0,40}\Z"
)
_KEY_FILE = re.compile(r"(?:\A|_)(?:private|priv|prywatny)_?(?:key|klucz)\Z|(?:\A|_)klucz_prywatny\Z")
_KEY = re.compile(
    r"(?<!public)(?<!pub)(?<!primary)(?<!foreign)(?<!partition)(?<!sort)(?<!hot)(?<!host)(?<!cache)(?<!registry)"
    r"(?<!public_)(?<!pub_)(?<!primary_)(?<!foreign_)(?<!partition_)(?<!sort_)(?<!hot_)(?<!host_)(?<!cache_)"
    r"(?<!registry_)(?:key|klucz)\Z|(?:\A|_)auth\Z"
)
_FOLDER = re.compile(r"[/~]|[A-Za-z]:\\|\$[\w{(]|%\w{1,64}%")
_DIGITS = re.compile(r"(?=.{0,64}\d)(?=.{4})(?![vV]?\d{1,9}(?:\.\d{1,9})+\Z)[^\s/\\$%]{4,64}\Z")
_FILE = re.compile(
    r"(?:\.{0,2}/|~|[A-Za-z]:[\\/]|\\\\|[$%@<])[^\s+=]*\Z|[^\s+=]{1,250}\.(?:key|pem|crt|cer|der|pub|ppk|pfx|p12|jks|json|txt|asc|gpg|conf)\Z"
)
_RANDOM = re.compile(
    r"(?:[a-z0-9]{1,12}:)?(?=[^\d\s]{0,512}\d{1,512}[^\d\s]{1,512}\d)(?=[\w+/=~-]{0,512}[A-Za-z])[\w+/=~-]{12,512}\Z|"
    r"(?=[^A-Z]{0,512}[A-Z])(?=[^a-z]{0,512}[a-z])[\w+/-]{10,512}={1,2}\Z"
)
_SHORTEST_KEY = 16
_VERBS = re.compile(
    r"(?:\A|_)(?:install|recv|receive|sign|edit|export|delete|del|remove|send|list|search|refresh|fetch|import|add|get|show)_key\Z"
)
"""`gpg --recv-key` names a public key."""
_WORDS = re.compile(r"/|[a-z]+(?:[_-][a-z0-9]+)+\Z|\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}")
"""What has letters and digits and is no key: paths, names of several words, GUIDs."""


def is_secret(name: str, value: str = "") -> bool:
    """Tell whether what this name holds is a secret."""
    kind = kind_of(name)
    if kind in (Kind.NOTHING, Kind.SECRET):
        return kind is Kind.SECRET
    bare = value.strip("\"'")
    if kind is Kind.DIRECTORY:
        return _FOLDER.match(bare) is None
    if kind is Kind.CODE:
        return _DIGITS.match(bare) is not None
    if kind is Kind.KEY_FILE:
        return len(bare) >= _SHORTEST_KEY and _FILE.match(bare) is None
    if kind is Kind.HASH:
        return _HEX.match(bare) is not None
    return _RANDOM.match(bare) is not None and _WORDS.match(bare) is None


@lru_cache(maxsize=1024)
def kind_of(name: str) -> Kind:
    """Return what a name says of its value: by its words, however they are put together."""
    bare = _APART.sub("_", _HUMP.sub("_", name[-128:].rstrip("]}\"'")).casefold()).lstrip("_-/$[{\"'")
    if bare in {"pwd", "oldpwd"}:
        return Kind.SECRET if name[0] in "-/" else Kind.DIRECTORY
    for _ in range(3):
        for kind, pattern in _KINDS:
            if pattern.search(bare):
                return kind if kind is not Kind.KEY or _VERBS.search(bare) is None else Kind.NOTHING
        shorter = _BESIDES.sub("", bare)
        if shorter == bare:
            break
        bare = shorter
    return Kind.NOTHING


_KINDS = (
    (Kind.KEY_FILE, _KEY_FILE),
    (Kind.SECRET, _SECRET),
    (Kind.SECRET, _HEADED),
    (Kind.HASH, _HASH),
    (Kind.CODE, _CODE),
    (Kind.KEY, _KEY),
)

HINTS = (
    "pass", "pwd", "pswd", "secret", "sekret", "token", "key", "klucz", "cred", "hasł", "hasl", "hase", "auth",
    "poświadcz", "poswiadcz", "cookie", "eyj", "://", "dost", "kod_", "kod-", "otp", "puk", "mfa", "hash", "bearer",
    "identified", "securestring", "private", "jdbc:", "psk", "community", "sig=", "psc", "connection", "ghp_", "gho_",
    "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "xapp-", "aiza", "akia", "asia", "k_live", "k_test",
    "sk-", "sudo", "kinit", "cryptsetup", "| su", "|su", "| net", "|net", "gpg", "npm_", "pypi-", "hf_", "ya29.",
    "dop_v1_", "sg.", "hvs.", "dckr_pat_", "tskey-", "hooks.", "/bot", "==", "$1$", "$2", "$5$", "$6$", "$7$", "$y$",
    "$gy$", "$apr1$", "$argon2", "$krb5", "$dcc2", "{ssha", "{smd5", "aad3b435", ":pserver:", "czujka1.", "/ntlm:",
    "/rc4:", "/aes", "-aes", "/pth", "/krbtgt", "/ticket", "-pw", "/pw", "$pw", "_pw", "pin", "/ipk", "-ipk", "/pid=",
    "-u:", "/u:", "-u=", "/u=", "-user:", "/user:", "-user=", "/user=", "<<<", "runas", "openconnect", "createuser",
    "vpncli", "mapnetworkdrive", "sp_addlogin", "connect to", "echo user", "expect ", "pgp_sym",
)  # fmt: skip
"""Nothing that the patterns of text find is without one of these, in whatever case."""
