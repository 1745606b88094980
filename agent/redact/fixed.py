"""Secrets by the words around them: of headers, addresses, pipes, PowerShell, SQL. In linear time."""

from __future__ import annotations

import re

from agent.redact.names import MARK
from agent.redact.patterns import QUOTED, VALUE

_SCHEMES = r"(?:bearer|basic|token|digest|negotiate|ntlm)"
_READER = (
    r"(?:(?!chp)\w{0,12}passwd|kinit|cryptsetup|su|gpg2?|anydesk|runas|saslpasswd2|createuser|openconnect|vpncli|"
    r"keepassxc-cli|grub2?-mkpasswd-pbkdf2|lpass|scrypt|pdbedit|zfs|(?:docker|podman|gh\s+auth)\s+login|pass\s+insert|gcloud\s+secrets|"
    r"ipa\s+user-\w+|elasticsearch-reset-password|"
    r"sudo\s+(?:-\S{1,64}\s+){0,8}(?:-\w{0,8}S|--stdin)|net1?(?:\.exe)?\s+use(?![^|\n]{0,256}/d)|net1?(?:\.exe)?\s+user\s[^|\n*]{1,64}\*|"
    r"[\w./-]{1,64}(?:\s+[^\s|<]{1,64}){0,6}\s+--?[\w-]{0,32}(?:pass\w{0,8}|token|secret|key|pin)-?(?:from-|on-)?(?:stdin|fd\b))(?!\w)"
)
"""What reads a secret from its standard input."""
_READERS = rf"(?:sudo\s+)?(?:[^\s|]{{1,200}}[/\\])?{_READER}"
_CREDENTIAL = r"(?:NetworkCredential|PSCredential)\"?\]?(?:::new)?[\"']?"
_HERE = (
    rf"(\b{_READER}[^<|\n]{{0,128}}<<-?[ \t]*[\"']?(\w{{1,32}})[\"']?[^\n]{{0,128}}\n)"
    r"(?!\*\*\*\n)(?:.|\n){1,2048}?(?=\n\2\b|\Z)"
)
"""`kinit <<EOF`, with what stands to the word in lines of their own."""
_PRINTED = r"[^\s'\"|;&()]{1,256}"
_PIPED = (
    r"(\b(?:echo|printf|write-output)\s+(?:-\w+\s+){0,4})(?!(?:[ytn]|yes|tak|no?|nie)[\"']?\s*\|)"
    rf"(?:{QUOTED}|{_PRINTED}(?:[ \t]+{_PRINTED}){{0,15}})(?=\s*\|\s*{_READERS})"
)
_IN_ADDRESS = r"((?<![\w:/.@\\-])[\w.-]{1,64}[\\/][\w.$-]{1,64}:)(?!\*\*\*@)[^\s'\"@]{1,256}(?=@(?!sha256:)[\w.-])"
"""`GMINA/jan:SECRET@host`."""
_FIXED: tuple[tuple[str, ...], ...] = (
    # Authorization and other headers, as HTTP and as scripts write them.
    ("authorization",
     rf"(\b(?:proxy-)?authorization[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?(?:{_SCHEMES}\s+)?)(?!{_SCHEMES}\b)[^\s'\"]+"),
    ("key", r"(\b(?:x-)?api-?key[\"']?\s{0,4}[:=]\s{0,4}[\"']?)[^\s'\"]+"),
    ("token", r"(\b(?:x-(?:auth|access|gitlab|vault)|private)-token[\"']?\s{0,4}[:=]\s{0,4}[\"']?)[^\s'\"]+"),
    ("cookie", r"(\b(?:set-)?cookie\s?:\s?)[^'\"\r\n]+"),
    ("bearer", r"(\bbearer\s+)(?=[\w.~+/-]{0,200}\d)[\w.~+/=-]{16,}"),
    # The user's part of an address.
    ("://", r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"]{0,128}:)[^\s/'\"]{1,512}(?=@)"),
    ("smb://", r"(\bsmb://[^\s:@'\"]{1,128}:)[^\s/'\"]{1,512}(?=@)"),
    ("data=", r"(\bsecret,[^\s]{0,100}\bdata=)[^\s,]+"),
    ("pin=pin", r"(\bpin=pin\d?,)\d{4,12}"),
    ("http", r"(\bhttps?://)(?=[\w-]{0,200}\d)[\w-]{20,200}(?=@)"),
    ("jdbc:", r"(\bjdbc:oracle:\w{1,10}:[^/\s'\"]{1,64}/)[^@\s'\"]+(?=@)"),
    ("sig=", r"([?&]sig=)[^&\s'\"]+"),
    # Piped into a program that reads it.
    ("chpasswd",
     r"(\becho\s+(?:-\w+\s+)?[\"']?[\w.-]{1,64}:)[^\s'\"|]+(?=[\"']?\s*\|\s*(?:sudo\s+)?(?:/\S+/)?chpasswd)"),
    ("|", rf"\([^()|]{{1,256}}\)(?=\s*\|\s*{_READERS})", f"({MARK})"),
    ("|", _PIPED),
    ("chpasswd", r"(\bprintf\s+)[^|\n]{1,256}(?=\|\s*(?:sudo\s+)?(?:/\S+/)?chpasswd)", rf"\1{MARK} "),
    ("<<<", r"(\bchpasswd\s*<<<\s*[\"']?[\w.-]{1,64}:)[^\s'\"]+"),
    ("<<<", rf"(\b{_READER}[^<|\n]{{0,128}}<<<\s*){VALUE}"),
    ("<<", _HERE),
    ("echo", r"(\becho\s+user\s+\S{1,64}\s+)[^\s>]+(?=\s*>)"),
    ("echo", r"(\becho\s+)[^\s>|]+(?=\s*>>?\s*[^\s>|]{0,200}(?:has[lł]|pass|pwd|secret))"),
    ("expect", rf"(\bexpect\s+[^;\n]{{0,64}}(?:assword|assphrase|asło)[^;\n]{{0,16}};?\s*send\s+(?:--\s+)?){VALUE}"),
    # PowerShell and .NET.
    ("securestring",
     rf"(\bConvertTo-SecureString(?:[ \t]+-(?:AsPlainText|Force|String)){{0,4}}[ \t]+)(?!-)(?:{VALUE})"),
    ("parameterbinding", rf"(\(ConvertTo-SecureString\):\s{{1,4}}name=\"String\";\s{{1,4}}value=){QUOTED}"),
    ("securestring", rf"({QUOTED})(?=\s*\|\s*ConvertTo-SecureString)", MARK),
    ("credential", rf"({_CREDENTIAL}\s*(?:-ArgumentList\s+)?\(?\s*{QUOTED}\s*,\s*){QUOTED}"),
    ("password", rf"(\.(?:Set|Change)Password\(\s*|['\"]SetPassword['\"]\s*,\s*){QUOTED}(?:\s*,\s*{QUOTED})?"),
    ("mapnetworkdrive", rf"(\bMapNetworkDrive\((?:[^,()]{{0,256}},){{4}}\s*){QUOTED}"),
    ("/", r"(/(?:ntlm|rc4|aes128|aes256):)[0-9a-f]{16,}"),
    # SQL.
    ("identified", rf"(\bidentified\s+(?:with\s+\w{{1,64}}\s+)?(?:by|as)\s+(?:password\s+)?(?:values\s+)?){QUOTED}"),
    ("sp_addlogin", rf"(\bsp_addlogin\s+N?{QUOTED}\s*,\s*N?){QUOTED}"),
    ("sp_password", rf"(\bsp_password\s+(?:NULL|N?{QUOTED})\s*,\s*N?){QUOTED}"),
    ("pgp_sym", rf"(\bpgp_sym_\w{{7,14}}\([^,()]{{1,256}},\s*){QUOTED}"),
    ("pragma", rf"(\bpragma\s+(?:re)?key\s*=\s*){QUOTED}"),
    ("connect", r"(\bconnect\s+to\s+\S{1,64}\s+user\s+\S{1,64}\s+using\s+)[^\s;'\"]+"),
    ("psk", rf"(:\s?PSK\s+){QUOTED}"),
    ("password", r"(\bpassword(?:\s*=\s*|\s*\(\s*|\s+)N?)'(?:''|[^'])*'", rf"\1'{MARK}'"),
    ("@", _IN_ADDRESS),
    # Tokens with their address, and what keeps a password.
    ("hooks.slack", r"(\bhooks\.slack\.com/services/)[\w/-]{20,}"),
    ("/bot", r"(/bot)\d{8,10}:[\w-]{30,}"),
    (":pserver:", r"(:pserver:[\w.-]{1,64}:)[^\s@]{1,256}(?=@)"),
    ("aad3b435b51404ee", r"(\baad3b435b51404eeaad3b435b51404ee:)[0-9a-f]{32}"),
    ("pass:", r"(\bpass:)[^\s'\"]+"),
)  # fmt: skip
"""What a text must have, in small letters; the pattern; what stands in its place, when it is not its first group."""
_COMPILED = tuple(
    (needs, re.compile(form, re.IGNORECASE), instead[0] if instead else rf"\1{MARK}")
    for needs, form, *instead in _FIXED
)


def hide_fixed(text: str, folded: str) -> str:
    """Hide secrets by the words around them; `folded` is the text in small letters."""
    for needs, pattern, instead in _COMPILED:
        if needs in folded:
            text = pattern.sub(instead, text)
    return text
