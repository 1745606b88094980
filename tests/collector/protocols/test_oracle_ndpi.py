"""nDPI's captures: names, fingerprints, certificates and pages as nDPI read them, each disagreement with its reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.protocols.model import Log
from tests.collector.protocols.captures import entries
from tests.collector.protocols.ndpi import Line, lines

pytestmark = pytest.mark.corpora
_MAX_URL = 255
"""Bytes of an address that nDPI keeps."""


def _field(path: str, name: str) -> Callable[[Log], str | None]:
    return lambda log: str(log.fields[name]) if log.path == path and name in log.fields else None


def _name(log: Log) -> str | None:
    return next(
        (str(log.fields[name]).lower() for name in ("server_name", "query", "host") if name in log.fields), None
    )


def _address(log: Log) -> str | None:
    uri = str(log.fields.get("uri", ""))
    if log.path != "http" or not uri:
        return None
    return (uri if "://" in uri[:16] else f"{log.fields.get('host', '')}{uri}")[:_MAX_URL]


def _subject(name: str) -> Callable[[Log], str | None]:
    def read(log: Log) -> str | None:
        if log.path != "x509":
            return None
        parts = str(log.fields[name]).replace("\\,", "\0").split(",")
        return ", ".join(reversed(parts)).replace("\0", ",")

    return read


def _validity(log: Log) -> str | None:
    if log.path != "x509":
        return None
    times = (str(log.fields[f"certificate.not_valid_{side}"]) for side in ("before", "after"))
    return " - ".join(f"{datetime.fromtimestamp(float(time), UTC):%Y-%m-%d %H:%M:%S}" for time in times)


def _sha1(log: Log) -> str | None:
    return bytes.fromhex(str(log.fields["sha1"])).hex(":").upper() if log.path == "x509" else None


def _listed(path: str, name: str, *, first: bool = False) -> Callable[[Log], str | None]:
    def read(log: Log) -> str | None:
        values = log.fields.get(name) if log.path == path else None
        return None if not isinstance(values, list) else str(values[0]) if first else ",".join(map(str, values))

    return read


MARKS: dict[str, Callable[[Log], str | None]] = {
    "Hostname/SNI": _name,
    "JA3C": _field("ssl", "ja3"),
    "JA3S": _field("ssl", "ja3s"),
    "JA4": _field("ssl", "ja4"),
    "Cipher": _field("ssl", "cipher"),
    "(Negotiated) ALPN": _field("ssl", "next_protocol"),
    "Issuer": _subject("certificate.issuer"),
    "Subject": _subject("certificate.subject"),
    "Validity": _validity,
    "Certificate SHA-1": _sha1,
    "ServerNames": _listed("x509", "san.dns"),
    "URL": _address,
    "User-Agent": _field("http", "user_agent"),
    "StatusCode": _field("http", "status_code"),
    "Content-Type": _listed("http", "resp_mime_types", first=True),
}

#: What nDPI writes in lower case.
_FOLDED = ("Hostname/SNI", "ServerNames")
#: Why nDPI may say something else, and how many values at most.
REASONS = {
    "inside GTP, which the sensor does not open": 7,
    "DTLS behind STUN in one flow is not read": 3,
    "nDPI does not look for the version of DTLS in its extension": 2,
    "QUIC of Google before the standard is not read": 12,
    "a name within a protocol of other parsers (STUN, SSDP, DHCP, NetBIOS datagrams, FastCGI)": 30,
    "nDPI writes into every JA4 that there is a server name, and the first letters of h3-29 as its ends": 33,
    "nDPI writes _ for other characters of a name, and leaves its beginning out": 5,
    "nDPI leaves out parts of a name that it does not know (postalCode, street)": 2,
    "the server answers twice with different numbers, and the first is taken": 7,
}
_OTHERS = ("78", "12/", "18/", "10.", "10/", "310/")


def _reason(capture: str, line: Line, mark: str, wanted: str, values: set[str]) -> str | None:
    number = line.protocol
    found = None
    if "GTP" in number:
        found = "inside GTP"
    elif number.startswith("30/"):
        found = "nDPI does not look" if values else "DTLS behind"
    elif line.marks.get("QUIC ver", "")[:1] in {"Q", "T"}:
        found = "QUIC of Google"
    elif number.startswith(_OTHERS):
        found = "a name within"
    elif mark == "JA4" and any(_same_but_letters(wanted, value) for value in values):
        found = "nDPI writes into"
    elif mark == "Hostname/SNI" and any(_same_but_signs(wanted, value) for value in values):
        found = "nDPI writes _"
    elif mark == "Subject" and any(set(wanted.split(", ")) < set(value.split(", ")) for value in values):
        found = "nDPI leaves out"
    elif capture.startswith("tls_multiple_synack"):
        found = "the server answers twice"
    return next((reason for reason in REASONS if found and reason.startswith(found)), None)


def _same_but_letters(wanted: str, value: str) -> bool:
    return wanted[:3] + wanted[4:8] + wanted[10:] == value[:3] + value[4:8] + value[10:]


def _same_but_signs(wanted: str, value: str) -> bool:
    plain = "".join(c if c.isalnum() or c in "-." else "_" for c in value)
    return "".join(c if c.isalnum() or c in "-." else "_" for c in wanted) in plain


def test_agreement(corpora: Path) -> None:
    agreed: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    unexplained = []
    for result in sorted((corpora / "ndpi" / "result").glob("*.out")):
        capture = result.name.removesuffix(".out")
        logs: defaultdict[tuple[str, frozenset[tuple[str, int]]], list[Log]] = defaultdict(list)
        for entry in entries(corpora / "ndpi" / "pcap" / capture):
            if flow := entry.flow:
                ends = frozenset({(flow.orig_h, flow.orig_p), (flow.resp_h, flow.resp_p)})
                logs[flow.transport, ends].append(entry.log)
        for line in lines(result):
            for mark in MARKS.keys() & line.marks.keys():
                # nDPI judges some ciphers behind a JA3S.
                wanted = line.marks[mark].partition(" (")[0] if mark == "JA3S" else line.marks[mark]
                values = {value for log in logs[line.transport, line.ends] if (value := MARKS[mark](log)) is not None}
                if mark in _FOLDED:
                    wanted, values = wanted.lower(), {value.lower() for value in values}
                if wanted in values:
                    agreed[mark] += 1
                elif reason := _reason(capture, line, mark, wanted, values):
                    reasons[reason] += 1
                else:
                    unexplained.append((capture, sorted(line.ends), line.protocol, mark, wanted, sorted(values)[:5]))
    assert not unexplained, "\n".join(map(str, unexplained))
    assert agreed.total() > 1000
    assert {reason: count for reason, count in reasons.items() if count > REASONS[reason]} == {}
