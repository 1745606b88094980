"""All analysers together: on public captures, and on what no sensor should be told."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.analysers.analysis import Analysis
from collector.analysers.registry import analysers
from collector.capture.files import CaptureFile
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log, Value
from collector.protocols.registry import PROTOCOLS
from collector.read import entries
from collector.watch import Watch
from tests.collector.analysers.logs import BEGIN, DAY, FAR, SECOND, conn, dns

#: What the public captures hold that analysers notice: file → notes. dnscat2 speaks to its own server.
NOTICED = {"dns_exfiltration.pcap": ["DNS::Tunnel"]}
REMEMBERING = frozenset(
    ["beacon", "dns_generated", "dns_rebinding", "dns_tunnel", "long", "odd_hours", "slow_scan", "ssl_inside", "upload"]
)


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


def _crowd(draw: random.Random) -> Iterator[Entry]:
    """More of everything than anybody remembers, with names and addresses that nothing can pack."""
    for number in range(1200):
        host, name = f"192.168.{number >> 8}.{number & 255}", f"{draw.randbytes(8).hex()}.example"
        for day in range(30):
            at = BEGIN + day * DAY + number * SECOND
            yield conn(at, FAR, sent=draw.randrange(10**9), got=9, source=host)
        one = conn(BEGIN, "192.168.200.9", number, source=host)
        marks = {"cert_chain_fps": [draw.randbytes(32).hex()], "validation_status": "self-signed certificate"}
        yield Entry(Log("ssl", BEGIN, {"established": True, **marks}), one.uid, one.flow)
        yield one
        if number < 250:
            for beat in range(30):
                yield conn(BEGIN + beat * draw.randrange(600) * SECOND, name, sent=draw.randrange(9999), source=host)
            for pair in range(45):
                target, port = f"192.168.201.{draw.randrange(250)}", draw.randrange(60_000)
                yield conn(BEGIN + pair, target, port, conn_state="REJ", source=host)
            for _ in range(15):
                yield dns(BEGIN, f"{draw.randbytes(8).hex()}.example", source=host, rcode_name="NXDOMAIN")


def test_what_is_remembered_leaves_room_for_others() -> None:
    mine = [one for one in analysers() if one.name in REMEMBERING]
    assert len(mine) == len(REMEMBERING)
    together = Analysis(mine)
    for entry in _crowd(random.Random(5)):
        list(together.see(entry))
    packed = {name: len(zlib.compress(json.dumps(one).encode(), 1)) for name, one in together.memory().items()}
    # A third of the sensor's mebibyte, in base64.
    assert sum(packed.values()) < (1 << 20) // 3 * 3 // 4, packed
    assert min(packed[name] for name in ("beacon", "upload", "odd_hours", "slow_scan", "ssl_inside")) > 1000, packed
    after = Analysis([one for one in analysers() if one.name in REMEMBERING])
    after.recall(json.loads(json.dumps(together.memory())))
    assert after.faults == 0


FIELDS = (
    *("query", "qtype_name", "rcode_name", "answers", "TTLs", "AA", "server_name", "host", "established"),
    *("validation_status", "version", "cipher", "subject", "cert_chain_fps", "local_orig", "local_resp"),
    *("conn_state", "orig_bytes", "resp_bytes", "orig_ip_bytes", "duration"),
)
VALUES: tuple[Value, ...] = (
    *(0, 1, -5, 1 << 70, 0.5, -1.5, 1e300, True, False, "", ".", "..", "a", "x" * 5000, "ż.pl", "a.b.example.com"),
    *("NXDOMAIN", "S0", "REJ", "10.0.0.1", "::", "fe80::1%eth0", "TLSv10", "self-signed certificate", [], ["10.0.0.1"]),
    *([1, 2.5], ["", "x" * 300], [True], ["1.2.3.4", "10.0.0.1"], "zqxjkvwhgtrfpbnm.qzxwvjkhtrfpbn.example"),
)


def test_whatever_stands_in_a_log_no_analyser_breaks() -> None:
    draw = random.Random(9)
    together = Analysis([one for one in analysers() if one.name in REMEMBERING])
    flows = [None, *(Flow(a, 1, b, 443, "tcp") for a in ("10.0.0.1", "", "fe80::1") for b in ("10.0.0.2", "8.8.8.8"))]
    for number in range(20_000):
        said = {name: draw.choice(VALUES) for name in draw.sample(FIELDS, draw.randrange(len(FIELDS)))}
        at = draw.choice((0, -DAY, BEGIN + number * SECOND, BEGIN, 1 << 60))
        path = draw.choice(("conn", "conn_long", "dns", "ssl", "http"))
        list(together.see(Entry(Log(path, at, said), f"C{number % 50}", draw.choice(flows))))
        list(together.tick(at))
    assert together.faults == 0
    json.dumps(together.memory(), allow_nan=False)
