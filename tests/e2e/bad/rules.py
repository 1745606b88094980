"""Rules that cannot be used, and what is wrong with each."""

from __future__ import annotations

from dataclasses import dataclass

_ID = "00000000-0000-4000-8000-0000000000"


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule file, the line of its fault (None: the rule is fine), and what the fault's message names."""

    content: bytes
    line: int | None
    names: str = ""


def _rule(number: int, line: str, condition: str = "selection") -> bytes:
    return f"""title: Reguła {number}
id: {_ID}{number:02d}
status: test
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        {line}
    condition: {condition}
level: high
""".encode()


BROKEN = {
    "nie-yaml.yml": BrokenRule(b"title: Raz\n  zle: [wciecie\n", 2),
    "nie-utf8.yml": BrokenRule(b"title: Raz\ndescription: \xff\xfe\n", 2),
    "pusta.yml": BrokenRule(b"just text\n", 1),
    "bez-wykrycia.yml": BrokenRule(b"title: Raz\nlogsource:\n    product: windows\n", 1, "detection"),
    "nieznany-modyfikator.yml": BrokenRule(_rule(1, "CommandLine|wrecz: abc"), 9, "wrecz"),
    "patrzy-wstecz.yml": BrokenRule(_rule(2, r"CommandLine|re: '(?<=a)b'"), 9, "CommandLine"),
    "symbol-bez-wartosci.yml": BrokenRule(_rule(3, "CommandLine|expand: '%administratorzy%'"), 9, "administratorzy"),
    "zly-warunek.yml": BrokenRule(_rule(4, "CommandLine: abc", "selection and nieznane"), 10, "nieznane"),
    # A back-tracking engine needs 2^n steps on it; the rule loads and is decided in linear time.
    "katastrofalne.yml": BrokenRule(_rule(5, r"CommandLine|re: '^(a+)+$'"), None),
}
CATASTROPHIC = f"{_ID}05"
