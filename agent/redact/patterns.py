"""The forms of secrets that show themselves wherever they stand. Each pattern runs in linear time on bounded texts."""

from __future__ import annotations

import re

_DOUBLE = r"\"(?:\\.|`.|\"\"|[^\"\\`])*\"(?!\")|\"[^\"]{0,256}(?:\"|\Z)"
_SINGLE = r"'(?:''|[^'])*'|'[^']{0,256}\Z"
_INNER = r"\\\"(?:(?!\\\").){0,256}(?:\\\"|\Z)"
_BARE = r"(?:\\.|[^\s\"'&;|,\\<>)]|(?<![\"'])\)|,(?!\s|\Z|[\w.-]{1,40}=)|\\\Z)+"
_DONE = r"(?!\*\*\*(?:[\s\"'&;|,)}<]|\Z))"
VALUE = rf"{_DONE}(?:{_INNER}|{_DOUBLE}|{_SINGLE}|\{{[^{{}}]*\}}|{_BARE})+"
"""A value as shells, cmd.exe, PowerShell and connection strings write it, with quotes that are open or within others'
bounded: what a hostile line can hide behind them is bounded, too."""
QUOTED = rf"(?:{_DOUBLE}|{_SINGLE})"

ASSIGNED = re.compile(rf"(?<![\w./-])(\$?[\w./:-]{{1,100}}?)([=:])(?!=)({VALUE})")
"""`name=value`; `name:value` counts for options alone."""
SPACED = re.compile(rf"((?<![\w.-])(\$?[\w.:-]{{1,100}})\s{{0,8}}:?=\s{{0,8}})(?![=>])({QUOTED})")
"""`$name = "value"`, as scripts and settings have it."""
PAIR = re.compile(rf"((?<![\w.\"':-])([\w.-]{{1,100}})\s{{0,8}}(?:=>|:)\s{{0,8}})({QUOTED})")
JSON = re.compile(rf"([\"']([\w.-]{{1,100}})[\"']\s{{0,8}}(?:=>|:)\s{{0,8}})({QUOTED})")
"""`name: "value"`, `"name": "value"`, `'name' => 'value'`."""
FLAG = re.compile(rf"(?<![\w./-])((?:--?|/)[\w.-]{{1,100}})([ \t]{{1,8}})(?![-/])({VALUE})")
INDEXED = re.compile(rf"([\[{{][\"']([\w.-]{{1,100}})[\"'][\]}}]\s{{0,8}}=\s{{0,8}})({QUOTED})")
"""`env['NAME'] = 'value'`."""
_SETS = r"(?:set|put|add|append|insert|define|update|store|write|env)\w{0,40}\(\s{0,8}"
CALL = re.compile(rf"({_SETS}[\"']([\w.-]{{1,100}})[\"']\s{{0,8}},\s{{0,8}})({QUOTED})", re.IGNORECASE)
"""`SetEnvironmentVariable('NAME', 'value')`."""
CALL_ON = re.compile(
    rf"({_SETS}{QUOTED}\s{{0,8}},\s{{0,8}}[\"']([\w.-]{{1,100}})[\"']\s{{0,8}},\s{{0,8}})({QUOTED})", re.IGNORECASE
)
"""`Registry.SetValue('KEY', 'NAME', 'value')`."""
BESIDE = re.compile(
    rf"(\b(?:name|key)[\"']?\s{{0,8}}[=:]\s{{0,8}}[\"']?([\w.:-]{{1,100}})[\"']?[\s,;]{{1,8}}[\"']?value[\"']?\s{{0,8}}[=:]\s{{0,8}})"
    rf"({QUOTED}|[^\s\"',;<>}}]{{1,512}})",
    re.IGNORECASE,
)
"""`name="Password"; value="..."`: PowerShell's parameters (event 4103), settings in XML, JSON and YAML."""
BOUND = re.compile(
    rf"(name=\"(?:Name|Path)\";\s{{1,4}}value=\"([\w.:-]{{1,100}})\"\s{{1,4}}ParameterBinding\([\w-]{{1,64}}\):\s{{1,4}}"
    rf"name=\"Value\";\s{{1,4}}value=)({QUOTED})",
    re.IGNORECASE,
)
"""`-Name NAME -Value value`, as PowerShell's event 4103 tells it."""
HEADER = re.compile(
    r"((?:(?<![\w/-])|(?<=-H))([A-Za-z]\w{0,30}(?:-[A-Za-z]\w{0,30}){1,5})\s{0,2}:\s{0,2})([^\s'\"]{1,4096})"
)
"""`X-Auth-Key: value`, as HTTP has it."""
SET = re.compile(
    r"(?:(?<=\A)|(?<=[\n;>{'\"]))(\s{0,16}(\$?[\w.-]{1,100})[ \t]{1,8}=[ \t]{1,8})(?![$\[(@-])(?=\S{0,64}\d)"
    r"(?=\S{0,64}[^\W\d_])([^\s\"'(;&|]{6,512})(?![^\s;&|'\"])"
)
"""`name = value`, as files of settings have it: only what looks like a secret."""
XML = re.compile(r"(<([\w:.-]{1,64})(?:\s[^<>]{0,200})?>)([^<>]{1,2048})(?=</)")
NESTED = re.compile(r"(<([\w:.-]{1,64})>\s{0,64}<Value>)([^<>]{1,2048})(?=</)", re.IGNORECASE)
"""`<Password><Value>value</Value>`, as answer files of Windows have it."""
_TELLING = (
    r"(?![^\s\"']{0,64}\()(?=[^\s\"']{0,64}\d)(?=[^\s\"']{0,64}[^\W\d_])(?!\d{4}-\d\d-)[^\s\"'*$(\[][^\s\"']{5,512}"
)
_OF_WHAT = (
    r"(?:\s(?:do|dla|na|od|w|z|ze|for|of|on)(?:\s(?!(?:to|is)\s)[^\W\d]{1,24}){1,3}|"
    r"\s(?:u[zż]ytkownika|administratora|admina|roota|konta|bazy|serwera|dost[eę]pu)(?:\s(?!(?:to|is)\s)[^\W\d]{1,24})?)"
)
_SIGN = r"(?:\s?:\s{0,2}|\s=\s)"
PROSE = re.compile(
    rf"((?<![\w:-])(?:(?:password|passphrase|token){_OF_WHAT}?(?:{_SIGN}|\s(?:is|set\sto)(?:\s?:)?\s{{1,2}})|"
    rf"(?:has[łl]o|klucz){_OF_WHAT}?(?:{_SIGN}|\sto(?:\s?:)?\s{{1,2}}))){_TELLING}",
    re.IGNORECASE,
)
"""`hasło do bazy: Zima2024` in a text: only what looks like a secret, with a letter and a digit."""
CODE = re.compile(r"(\b(?:PIN|PUK)(?:\s[^\W\d]{1,24}){0,3}\s?[:=]\s{0,2})\d{4,12}\b", re.IGNORECASE)
TOKENS = (
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"),
    re.compile(r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?:[^-]|-(?!----END))*(?:-----END [A-Z ]{0,32}-----|\Z)"),
    re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,})"),
    re.compile(r"\b(?:AIza[\w-]{30,}|ya29\.[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|sk_live_\w{16,}|sk-[\w-]{20,})"),
    re.compile(
        r"\b(?:npm_\w{30,}|pypi-[\w-]{30,}|hf_\w{20,}|dop_v1_\w{32,}|SG\.[\w-]{16,}\.[\w-]{16,}|czujka1\.[\w-]{8,})"
    ),
    re.compile(
        r"\b(?:hvs\.[\w-]{20,}|dckr_pat_[\w-]{20,}|tskey-[\w-]{16,}|xapp-[\w-]{16,}|[sr]k_(?:live|test)_\w{16,}|"
        r"AGE-SECRET-KEY-1[A-Z0-9]{20,}|\d{8,10}:AA[\w-]{30,})"
    ),
    re.compile(r"(?<![\w+/])[A-Za-z0-9+/]{86}=="),
    re.compile(
        r"\$(?:(?:1|5|6|7|y|gy|apr1)\$(?:[\w./=,]{1,64}\$){1,3}[\w./]{16,}|2[abxy]?\$\d\d\$[\w./]{30,}|"
        r"(?:argon2[id]{1,2}|krb5\w{2,12}|DCC2)\$[\w./$,=+*#@:-]{12,})|\{(?:SSHA|SMD5)\d{0,3}\}[\w+/=]{16,}"
    ),
    re.compile(r"\b(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}\b|\b(?:\d{6}-){7}\d{6}\b"),
)
"""Tokens by their own forms: our codes of enrolment, JWT, PEM, GitHub, GitLab, Slack, Google, AWS, Stripe, OpenAI, npm,
PyPI, and others; hashes of passwords, as they are kept and as NTLM shows them; keys of products, and those
with which BitLocker is recovered."""
