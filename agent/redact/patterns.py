"""The forms of secrets that show themselves wherever they stand. Each pattern runs in linear time on bounded texts."""

from __future__ import annotations

import re

from agent.redact.names import MARK

_DOUBLE = r"\"(?:\\.|`.|\"\"|[^\"\\`])*\"(?!\")|\"[^\"]{0,256}(?:\"|\Z)"
_SINGLE = r"'(?:''|[^'])*'|'[^']{0,256}\Z"
_INNER = r"\\\"(?:(?!\\\").){0,256}(?:\\\"|\Z)"
_BARE = r"(?:\\.|[^\s\"'&;|,\\<>)]|(?<![\"'])\)|,(?!\s|\Z|[\w.-]{1,40}=)|\\\Z)+"
_DONE = r"(?!\*\*\*(?:[\s\"'&;|,)}<]|\Z))"
VALUE = rf"{_DONE}(?:{_INNER}|{_DOUBLE}|{_SINGLE}|\{{[^{{}}]*\}}|{_BARE})+"
"""A value as shells, cmd.exe, PowerShell and connection strings write it, with quotes that are open or within others'
bounded: what a hostile line can hide behind them is bounded, too."""
_QUOTED = rf"(?:{_DOUBLE}|{_SINGLE})"

ASSIGNED = re.compile(rf"(?<![\w./-])(\$?[\w./:-]{{1,100}}?)([=:])(?!=)({VALUE})")
"""`name=value`; `name:value` counts for options alone."""
SPACED = re.compile(rf"((?<![\w.-])(\$?[\w.:-]{{1,100}})\s{{0,8}}=\s{{0,8}})(?!=)({_QUOTED})")
"""`$name = "value"`, as scripts and settings have it."""
FLAG = re.compile(rf"(?<![\w./-])((?:--?|/)[\w.-]{{1,100}})([ \t]{{1,8}})(?![-/])({VALUE})")
JSON = re.compile(rf"([\"']([\w.-]{{1,100}})[\"']\s{{0,8}}:\s{{0,8}})({_QUOTED})")
VARIABLE = re.compile(rf"(SetEnvironmentVariable\(\s{{0,8}}[\"']([\w.-]{{1,100}})[\"']\s{{0,8}},\s{{0,8}})({_QUOTED})")
XML = re.compile(r"(<([\w:.-]{1,64})(?:\s[^<>]{0,200})?>)([^<>]{1,2048})(?=</)")
PROSE = re.compile(
    r"((?<![\w-])(?:password|passphrase|has[łl]o)\s?:\s{0,2})(?=[^\s\"']{0,64}\d)(?=[^\s\"']{0,64}[^\W\d_])[^\s\"'*][^\s\"']{5,}",
    re.IGNORECASE,
)
"""`hasło: Zima2024` in a text: only what looks like a secret, with a letter and a digit."""
TOKENS = (
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"),
    re.compile(r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?:[^-]|-(?!----END))*(?:-----END [A-Z ]{0,32}-----|\Z)"),
    re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,})"),
    re.compile(r"\b(?:AIza[\w-]{30,}|ya29\.[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|sk_live_\w{16,}|sk-[\w-]{20,})"),
    re.compile(
        r"\b(?:npm_\w{30,}|pypi-[\w-]{30,}|hf_\w{20,}|dop_v1_\w{32,}|SG\.[\w-]{16,}\.[\w-]{16,}|czujka1\.[\w-]{8,})"
    ),
    re.compile(r"\b(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}\b|\b(?:\d{6}-){7}\d{6}\b"),
)
"""Tokens by their own forms: our codes of enrolment, JWT, PEM, GitHub, GitLab, Slack, Google, AWS, Stripe, OpenAI, npm,
PyPI, and others; keys of products, and those with which BitLocker is recovered."""
_SCHEMES = r"(?:bearer|basic|token|digest|negotiate|ntlm)"
_READER = (
    r"(?:(?:smb)?passwd|kinit|cryptsetup|su|gpg2?|anydesk|runas|saslpasswd2|createuser|openconnect|vpncli|keepassxc-cli|"
    r"grub2?-mkpasswd-pbkdf2|lpass|scrypt|pdbedit|zfs|(?:docker|podman|gh\s+auth)\s+login|pass\s+insert|gcloud\s+secrets|"
    r"ipa\s+user-\w+|elasticsearch-reset-password)\b"
)
"""What reads a secret from its standard input."""
_READERS = rf"(?:sudo\s+)?(?:[^\s|]{{1,200}}[/\\])?(?:sudo\s+(?:-\S+\s+)*-S|{_READER})"
_CREDENTIAL = r"(?:NetworkCredential|PSCredential)\"?\]?(?:::new)?[\"']?"
_FIXED = (
    # Authorization and other headers, as HTTP and as scripts write them.
    (rf"(\b(?:proxy-)?authorization[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?(?:{_SCHEMES}\s+)?)(?!{_SCHEMES}\b)[^\s'\"]+",
     rf"\1{MARK}"),
    (r"(\b(?:(?:x-)?api-?key|x-(?:auth|access|gitlab|vault)-token|private-token)[\"']?\s{0,4}[:=]\s{0,4}[\"']?)[^\s'\"]+",
     rf"\1{MARK}"),
    (r"(\b(?:set-)?cookie\s?:\s?)[^'\"\r\n]+", rf"\1{MARK}"),
    (r"(\bbearer\s+)(?=[\w.~+/-]{0,200}\d)[\w.~+/=-]{16,}", rf"\1{MARK}"),
    # The user's part of an address.
    (r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"]{0,128}:)[^\s/'\"]{1,512}(?=@)", rf"\1{MARK}"),
    (r"(\bsmb://[^\s:@'\"]{1,128}:)[^\s/'\"]{1,512}(?=@)", rf"\1{MARK}"),
    (r"(\bsecret,[^\s]{0,100}\bdata=)[^\s,]+", rf"\1{MARK}"),
    (r"(\bpin=pin\d?,)\d{4,12}", rf"\1{MARK}"),
    (r"(\bhttps?://)(?=[\w-]{0,200}\d)[\w-]{20,200}(?=@)", rf"\1{MARK}"),
    (r"(\bjdbc:oracle:\w{1,10}:[^/\s'\"]{1,64}/)[^@\s'\"]+(?=@)", rf"\1{MARK}"),
    (r"([?&]sig=)[^&\s'\"]+", rf"\1{MARK}"),
    # Piped into a program that reads it.
    (r"(\becho\s+(?:-\w+\s+)?[\"']?[\w.-]{1,64}:)[^\s'\"|]+(?=[\"']?\s*\|\s*(?:sudo\s+)?(?:/\S+/)?chpasswd)",
     rf"\1{MARK}"),
    (rf"\([^()|]{{1,256}}\)(?=\s*\|\s*{_READERS})", f"({MARK})"),
    (rf"(\b(?:echo|printf)\s+(?:-\w+\s+)?)(?:\"[^\"|]*\"|'[^'|]*'|[^\s'\"|]+)(?=\s*\|\s*{_READERS})", rf"\1{MARK}"),
    (r"(\bprintf\s+)[^|\n]{1,256}(?=\|\s*(?:sudo\s+)?(?:/\S+/)?chpasswd)", rf"\1{MARK} "),
    (r"(\bchpasswd\s*<<<\s*[\"']?[\w.-]{1,64}:)[^\s'\"]+", rf"\1{MARK}"),
    (rf"(\b{_READER}[^<|\n]{{0,128}}<<<\s*){VALUE}", rf"\1{MARK}"),
    (r"(\becho\s+user\s+\S{1,64}\s+)[^\s>]+(?=\s*>)", rf"\1{MARK}"),
    (r"(\becho\s+)[^\s>|]+(?=\s*>>?\s*[^\s>|]{0,200}(?:has[lł]|pass|pwd|secret))", rf"\1{MARK}"),
    (rf"(\bexpect\s+[^;\n]{{0,64}}(?:assword|assphrase|asło)[^;\n]{{0,16}};?\s*send\s+(?:--\s+)?){VALUE}",
     rf"\1{MARK}"),
    # PowerShell and .NET.
    (rf"(\bConvertTo-SecureString(?:\s+-(?:AsPlainText|Force|String))*\s+)(?!-)(?:{VALUE})", rf"\1{MARK}"),
    (rf"({_QUOTED})(?=\s*\|\s*ConvertTo-SecureString)", MARK),
    (rf"({_CREDENTIAL}\s*(?:-ArgumentList\s+)?\(?\s*{_QUOTED}\s*,\s*){_QUOTED}", rf"\1{MARK}"),
    (rf"(\.(?:Set|Change)Password\(\s*|['\"]SetPassword['\"]\s*,\s*){_QUOTED}(?:\s*,\s*{_QUOTED})?", rf"\1{MARK}"),
    (rf"(\bMapNetworkDrive\((?:[^,()]{{0,256}},){{4}}\s*){_QUOTED}", rf"\1{MARK}"),
    (r"(/(?:ntlm|rc4|aes128|aes256):)[0-9a-f]{16,}", rf"\1{MARK}"),
    # SQL.
    (rf"(\bidentified\s+(?:with\s+\w{{1,64}}\s+)?(?:by|as)\s+(?:password\s+)?(?:values\s+)?){_QUOTED}", rf"\1{MARK}"),
    (rf"(\bsp_addlogin\s+N?{_QUOTED}\s*,\s*N?){_QUOTED}", rf"\1{MARK}"),
    (rf"(\bsp_password\s+(?:NULL|N?{_QUOTED})\s*,\s*N?){_QUOTED}", rf"\1{MARK}"),
    (rf"(\bpgp_sym_\w{{7,14}}\([^,()]{{1,256}},\s*){_QUOTED}", rf"\1{MARK}"),
    (rf"(\bpragma\s+(?:re)?key\s*=\s*){_QUOTED}", rf"\1{MARK}"),
    (r"(\bconnect\s+to\s+\S{1,64}\s+user\s+\S{1,64}\s+using\s+)[^\s;'\"]+", rf"\1{MARK}"),
    (rf"(:\s?PSK\s+){_QUOTED}", rf"\1{MARK}"),
    (r"(\bpassword(?:\s*=\s*|\s*\(\s*|\s+)N?)'(?:''|[^'])*'", rf"\1'{MARK}'"),
    (r"(\bpass:)[^\s'\"]+", rf"\1{MARK}"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in _FIXED)


def hide_fixed(text: str) -> str:
    """Hide secrets by the words around them."""
    for pattern, instead in _COMPILED:
        text = pattern.sub(instead, text)
    return text
