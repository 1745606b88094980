"""The flow lines of nDPI's results: who spoke with whom, and what nDPI read of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET6, inet_ntop, inet_pton

_FLOW = re.compile(
    r"^\t\d+\t(TCP|UDP) (\S+):(\d+) (?:<->|->) (\S+):(\d+) (?:\[VLAN: \d+\])?\[proto: ([^\]]*?)\](.*)$", re.MULTILINE
)
_MARK = re.compile(r"\[([A-Za-z0-9() /_-]+): (.*?)\](?=\[|$)")


@dataclass(frozen=True)
class Line:
    """One flow as nDPI tells it. `ends` are its two ends; `marks` what it read, by nDPI's names."""

    transport: str
    ends: frozenset[tuple[str, int]]
    protocol: str
    marks: dict[str, str]


def _address(text: str) -> str:
    """As the sensor writes it: a single zero of IPv6 stays (RFC 5952, 4.2.2). nDPI shortens some beyond reading."""
    text = text.strip("[]")
    try:
        return inet_ntop(AF_INET6, inet_pton(AF_INET6, text)) if ":" in text else text
    except OSError:
        return text


def lines(path: Path) -> Iterator[Line]:
    """Yield the flow lines of one result."""
    for transport, source, sport, target, dport, protocol, rest in _FLOW.findall(path.read_text("utf-8", "replace")):
        ends = frozenset({(_address(source), int(sport)), (_address(target), int(dport))})
        yield Line(transport.lower(), ends, protocol, dict(_MARK.findall(rest)))
