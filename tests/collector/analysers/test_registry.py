"""All analysers together: on public captures, and on what no sensor should be told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.analysers.analysis import Analysis
from collector.analysers.registry import analysers
from collector.capture.files import CaptureFile
from collector.protocols.registry import PROTOCOLS
from collector.read import entries
from collector.watch import Watch

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


def test_memory_is_json_and_comes_back() -> None:
    before, after = Analysis(analysers()), Analysis(analysers())
    memory = json.loads(json.dumps(before.memory()))
    after.recall(memory)
    assert after.memory() == memory
    assert after.faults == 0
