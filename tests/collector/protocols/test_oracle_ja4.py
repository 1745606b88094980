"""FoxIO's own captures: every JA4 of TCP and QUIC, and its raw forms, as FoxIO's programs give them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from collector.protocols.tls import report
from collector.protocols.tls.fingerprints import ja4, ja4_raw
from collector.protocols.tls.hello import ClientHello
from tests.collector.protocols.captures import entries

pytestmark = pytest.mark.corpora


def _told(path: Path) -> Counter[tuple[object, ...]]:
    return Counter(
        (*flow[:4], log.fields.get("server_name", ""), log.fields["ja4"])
        for log, flow in (
            (entry.log, (entry.flow.orig_h, entry.flow.orig_p, entry.flow.resp_h, entry.flow.resp_p))
            for entry in entries(path)
            if entry.flow
        )
        if log.path == "ssl" and "ja4" in log.fields
    )


def _check(expected: dict[str, Counter[tuple[object, ...]]], folder: Path, most: int) -> None:
    wrong = {}
    for name, wanted in expected.items():
        if missing := wanted - _told(folder / name):
            wrong[name] = missing
    assert not wrong
    assert sum(sum(wanted.values()) for wanted in expected.values()) == most


def test_python(corpora: Path) -> None:
    expected: dict[str, Counter[tuple[object, ...]]] = {}
    for file in sorted((corpora / "ja4" / "python" / "test" / "testdata").glob("*.json")):
        expected[file.name.removesuffix(".json")] = Counter(
            (row["src"], int(row["srcport"]), row["dst"], int(row["dstport"]), row.get("domain", ""), row["JA4.1"])
            for row in json.loads(file.read_text("utf-8"))
            if "JA4.1" in row
        )
    _check(expected, corpora / "ja4" / "pcap", 71)


def test_rust(corpora: Path) -> None:
    expected: dict[str, Counter[tuple[object, ...]]] = {}
    for file in sorted((corpora / "ja4" / "rust" / "ja4" / "src" / "snapshots").glob("*.snap")):
        _, rows = yaml.safe_load_all(file.read_text("utf-8"))
        expected[file.name.removeprefix("ja4__insta@").removesuffix(".snap")] = Counter(
            (row["src"], row["src_port"], row["dst"], row["dst_port"], row.get("tls_server_name", ""), row["ja4"])
            for row in rows
            if "ja4" in row
        )
    _check(expected, corpora / "ja4" / "pcap", 95)


def _hashed(raw: str) -> str:
    """JA4_o of a JA4_ro."""
    head, suites, rest = raw.split("_", 2)
    return "_".join((head, *(hashlib.sha256(part.encode()).hexdigest()[:12] for part in (suites, rest))))


def test_raw_forms(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[tuple[str, ...]] = Counter()

    def noted(hello: ClientHello, transport: str) -> str:
        ordered = ja4_raw(hello, transport, ordered=True)
        seen[(ja4_raw(hello, transport), ordered, _hashed(ordered))] += 1
        return ja4(hello, transport)

    monkeypatch.setattr(report, "ja4", noted)
    compared = 0
    for file in sorted((corpora / "ja4" / "python" / "test" / "testdata").glob("*.json")):
        rows = [row for row in json.loads(file.read_text("utf-8")) if "JA4_r.1" in row]
        wanted: Counter[tuple[str, ...]] = Counter((row["JA4_r.1"], row["JA4_ro.1"], row["JA4_o.1"]) for row in rows)
        seen.clear()
        if wanted:
            entries(corpora / "ja4" / "pcap" / file.name.removesuffix(".json"))
        assert not wanted - seen, file.name
        compared += len(rows)
    assert compared == 71
