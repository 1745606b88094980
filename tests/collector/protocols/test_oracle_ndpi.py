"""nDPI's captures: names, fingerprints, certificates and pages as nDPI read them, each disagreement with its reason.

`ndpi_disagreements.yaml` lists all of them by reason, capture and field; no reason is taken on trust: what a value must
look like to have it stands here, and tshark is asked what the packets say.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from agent.wire.parameters import MARK
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
        (str(log.fields[name]).lower() for name in ("server_name", "query", "host", "host_name") if name in log.fields),
        None,
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
LISTED: dict[str, dict[str, object]] = yaml.safe_load(
    Path(__file__).with_name("ndpi_disagreements.yaml").read_text("utf-8")
)
_LONGEST_NAME = 79
"""Characters of a name that nDPI keeps, the last ones."""


class Disagreement(NamedTuple):
    """A value that nDPI read and we did not: where, nDPI's number of the protocol, theirs and ours."""

    capture: str
    line: Line
    mark: str
    theirs: str
    ours: frozenset[str]


def _ja4(found: Disagreement, places: set[int]) -> bool:
    """Tell whether a JA4 of ours differs in some of these characters of its beginning, and nowhere else."""
    return any(
        {n for n, (a, b) in enumerate(zip(found.theirs, one, strict=True)) if a != b} <= places
        for one in found.ours
        if len(one) == len(found.theirs)
    )


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-." else "_" for c in name)


def _is_name(found: Disagreement, protocol: str) -> bool:
    return found.mark == "Hostname/SNI" and found.line.protocol.startswith(protocol)


#: What a disagreement must look like to have a reason of the list; the first that fits is taken.
LOOKS: Mapping[str, Callable[[Disagreement], bool]] = {
    "secrets": lambda one: any(
        MARK in name and re.fullmatch(re.escape(name).replace(re.escape(MARK), ".+"), one.theirs) for name in one.ours
    ),
    "google_quic": lambda one: one.line.marks.get("QUIC ver", "")[:1] in {"Q", "T"},
    "fastcgi": lambda one: one.line.protocol.startswith("310/"),
    "stun_realm": lambda one: _is_name(one, "78."),
    "ssdp_host": lambda one: _is_name(one, "12/"),
    "netbios_datagram": lambda one: _is_name(one, "10.16/"),
    "ja4_no_server_name": lambda one: one.mark == "JA4" and one.theirs[3] == "d" and _ja4(one, {3}),
    "ja4_protocols": lambda one: one.mark == "JA4" and _ja4(one, {8, 9}),
    "ja4_dtls_version": lambda one: one.mark == "JA4" and one.theirs[0] == "d" and _ja4(one, {1, 2, 3}),
    "name_without_port": lambda one: any(re.fullmatch(re.escape(one.theirs) + r":\d+", name) for name in one.ours),
    "name_signs": lambda one: any(_plain(one.theirs) == _plain(name)[-_LONGEST_NAME:] for name in one.ours),
    "subject_parts": lambda one: (
        one.mark == "Subject" and any(set(one.theirs.split(", ")) < set(name.split(", ")) for name in one.ours)
    ),
}


@cache
def _compared(corpora: Path) -> tuple[Counter[str], list[Disagreement]]:
    """Return how many values agree by mark, and those that do not."""
    agreed: Counter[str] = Counter()
    other = []
    for result in sorted((corpora / "ndpi" / "result").glob("*.out")):
        capture = result.name.removesuffix(".out")
        logs: defaultdict[tuple[str, frozenset[tuple[str, int]]], list[Log]] = defaultdict(list)
        for entry in entries(corpora / "ndpi" / "pcap" / capture):
            if flow := entry.flow:
                ends = frozenset({(flow.orig_h, flow.orig_p), (flow.resp_h, flow.resp_p)})
                logs[flow.transport, ends].append(entry.log)
        for line in lines(result):
            for mark in sorted(MARKS.keys() & line.marks.keys()):
                # nDPI judges some ciphers behind a JA3S.
                wanted = line.marks[mark].partition(" (")[0] if mark == "JA3S" else line.marks[mark]
                values = {value for log in logs[line.transport, line.ends] if (value := MARKS[mark](log)) is not None}
                if mark in _FOLDED:
                    wanted, values = wanted.lower(), {value.lower() for value in values}
                if wanted in values:
                    agreed[mark] += 1
                else:
                    other.append(Disagreement(capture, line, mark, wanted, frozenset(values)))
    return agreed, other


def _reason(found: Disagreement) -> str:
    return next((name for name, fits in LOOKS.items() if fits(found)), "none")


def test_agreement_and_what_explains_the_rest_make_all(corpora: Path) -> None:
    agreed, other = _compared(corpora)
    explained: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for one in other:
        explained[_reason(one)][one.capture][one.mark] += 1
    assert "none" not in explained, [one for one in other if _reason(one) == "none"]
    listed = {name: entry["where"] for name, entry in LISTED.items()}
    assert {name: {place: dict(marks) for place, marks in where.items()} for name, where in explained.items()} == listed
    total = agreed.total() + len(other)
    print(f"nDPI: {agreed.total()} of {total} values agree ({agreed.total() / total:.1%}); {len(other)} are explained")
    assert agreed.total() >= 1058


#: Fields of tshark in which the reasons can be seen.
FIELDS = (
    "ip.src", "ipv6.src", "udp.srcport", "tcp.srcport", "tls.handshake.extensions_server_name",
    "dtls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str",
    "dtls.handshake.extensions.supported_version", "gquic.version", "quic.version", "stun.att.realm", "http.host",
    "http.request.uri",
    "nbdgm.source_name", "fcgi.version", "dns.qry.name", "x509sat.uTF8String", "x509sat.printableString",
)  # fmt: skip
_DTLS13 = "0xfefc"
Rows = list[dict[str, list[str]]]


def _tshark(file: Path) -> Rows:
    # FastCGI has no port of its own; nDPI knows it by its bytes.
    command = ["tshark", "-n", "-r", str(file), "-d", "tcp.port==9000,fcgi", "-T", "fields", "-E", "aggregator=|"]
    for name in FIELDS:
        command += ["-e", name]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return [{name: cell.split("|") for name, cell in zip(FIELDS, row, strict=True) if cell} for row in rows]


def _of_flow(found: Disagreement, rows: Rows) -> Iterator[dict[str, list[str]]]:
    """Yield the packets of a disagreement's flow."""
    ends = {(host, str(port)) for host, port in found.line.ends}
    for row in rows:
        port = [*row.get("udp.srcport", ()), *row.get("tcp.srcport", ())][-1:]
        if any((host, *port) in ends for host in [*row.get("ip.src", ()), *row.get("ipv6.src", ())]):
            yield row


def _all(rows: Rows, field: str) -> list[str]:
    return [value for row in rows for value in row.get(field, ())]


def _letters(protocol: str) -> str:
    """Return what JA4 has of the first protocol that a hello offers: its first and its last sign (FoxIO, JA4.md)."""
    return protocol[0] + protocol[-1] if protocol else "00"


def _left_out(theirs: str, ours: str) -> set[str]:
    """Return the values of those parts of a subject of ours that stand in theirs not, none if theirs has others."""
    parts = set(ours.split(", ")) - set(theirs.split(", "))
    return {part.partition("=")[2] for part in parts} if set(theirs.split(", ")) < set(ours.split(", ")) else set()


#: What tshark must show of a disagreement for its reason to hold.
SHOWN: Mapping[str, Callable[[Disagreement, Rows], bool]] = {
    "secrets": lambda one, rows: any(one.theirs.endswith(uri) for uri in _all(rows, "http.request.uri")),
    "google_quic": lambda one, rows: bool(_all(rows, "gquic.version") or _all(rows, "quic.version")),
    "fastcgi": lambda _, rows: bool(_all(rows, "fcgi.version")),
    "stun_realm": lambda one, rows: one.theirs in _all(rows, "stun.att.realm"),
    "ssdp_host": lambda one, rows: one.theirs in _all(rows, "http.host"),
    "netbios_datagram": lambda one, rows: any(
        value.lower().startswith(one.theirs) for value in _all(rows, "nbdgm.source_name")
    ),
    "ja4_no_server_name": lambda one, rows: (
        any(_of_flow(one, rows))
        and not any(
            f"{name}.handshake.extensions_server_name" in row for row in _of_flow(one, rows) for name in ("tls", "dtls")
        )
    ),
    "ja4_protocols": lambda one, rows: any(
        _letters(row["tls.handshake.extensions_alpn_str"][0]) in {ours[8:10] for ours in one.ours}
        for row in _of_flow(one, rows)
        if "tls.handshake.extensions_alpn_str" in row
    ),
    "ja4_dtls_version": lambda one, rows: (
        _DTLS13 in _all([*_of_flow(one, rows)], "dtls.handshake.extensions.supported_version")
    ),
    "name_without_port": lambda one, rows: bool(one.ours & set(_all(rows, "http.host"))),
    "name_signs": lambda one, rows: bool(one.ours & {name.lower() for name in _all(rows, "dns.qry.name")}),
    "subject_parts": lambda one, rows: any(
        _left_out(one.theirs, ours) <= {*_all(rows, "x509sat.printableString"), *_all(rows, "x509sat.uTF8String")}
        for ours in one.ours
        if _left_out(one.theirs, ours)
    ),
}


def test_tshark_shows_the_reasons(corpora: Path) -> None:
    _, other = _compared(corpora)
    captures = sorted({one.capture for one in other})
    with ThreadPoolExecutor(2) as pool:
        files = [corpora / "ndpi" / "pcap" / name for name in captures]
        rows = dict(zip(captures, pool.map(_tshark, files), strict=True))
    wrong = [one for one in other if not SHOWN[_reason(one)](one, rows[one.capture])]
    assert not wrong, "\n".join(f"{_reason(one)} {one.capture} {one.theirs} {sorted(one.ours)[:3]}" for one in wrong)
