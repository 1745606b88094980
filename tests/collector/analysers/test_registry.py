"""All analysers together: on public captures, and on what no sensor should be told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.analysers.analysis import Analysis
from collector.analysers.registry import analysers
from collector.capture.files import CaptureFile
from collector.heads.head import Entry
from collector.protocols.model import Log
from collector.protocols.registry import PROTOCOLS
from collector.read import entries
from collector.watch import Watch
from tests.collector.analysers.logs import BEGIN, DAY, conn

#: What the public captures hold that analysers notice: file → notes. dnscat2 speaks to its own server.
NOTICED = {"dns_exfiltration.pcap": ["DNS::Tunnel"]}


@pytest.mark.corpora
def test_of_the_public_captures_the_attack_alone_is_noticed(corpora: Path) -> None:
    files = [file for name in ("ndpi", "ja4") for file in sorted((corpora / name / "pcap").glob("*.*cap*"))]
    assert len(files) > 140
    found, faults = {}, 0
    for file in files:
        watch = Watch(PROTOCOLS, analysers=analysers())
        with file.open("rb") as stream:
            notes = [one.log.fields["note"] for one in entries(CaptureFile(stream), watch) if one.log.path == "notice"]
        faults += watch.analysis.faults
        if notes:
            found[file.name] = notes
    assert found == NOTICED
    assert faults == 0


def test_a_log_that_several_look_at_counts_once() -> None:
    together, sent = Analysis(analysers()), 400_000_000
    for day in range(6):
        one = conn(BEGIN + day * DAY, sent=sent if day == 5 else 10_000_000, got=9)
        named = Entry(Log("ssl", one.log.at, {"server_name": "paczki.example"}), one.uid, one.flow)
        found = [log.log.fields for entry in (named, one) for log in together.see(entry)]
    assert [(fields["note"], fields["n"], fields["sub"]) for fields in found] == [
        ("Conn::Upload_Above_Usual", sent, "paczki.example")
    ]


def test_memory_is_json_and_comes_back() -> None:
    before, after = Analysis(analysers()), Analysis(analysers())
    memory = json.loads(json.dumps(before.memory()))
    after.recall(memory)
    assert after.memory() == memory
    assert after.faults == 0
