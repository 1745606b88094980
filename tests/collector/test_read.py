"""`czujka-collector read` as a process: what it prints, what it says about files that are none or are cut."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import LLC, STP, Dot3, Ether
from scapy.packet import Raw

from appliance.home import CHECKOUT
from tests.collector.packets import enhanced, interface, pcap, section

MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ENDS: dict[str, Any] = {"src": "10.0.0.1", "dst": "10.0.0.2"}
FRAMES = [
    bytes(MAC / IP(**ENDS) / TCP(sport=40000, dport=445, flags="S")),
    bytes(MAC / IP(**ENDS) / UDP(sport=5000, dport=53) / DNS(id=7, qd=DNSQR(qname="urzad.example"))),
]


def collector(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "collector", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False, env=environment, timeout=60)


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "office.pcap"
    path.write_bytes(pcap(FRAMES))
    return path


def test_a_file_is_told_as_zeek_tells_it(file: Path) -> None:
    done = collector("read", str(file), "--network", "10.0.0.0/30")
    assert (done.returncode, done.stderr) == (0, b"")
    by_path = {line["_path"]: line for line in lines(done) if line.get("id.resp_p") in {53, 445}}
    assert by_path["dns"]["query"] == "urzad.example"
    conn = next(line for line in lines(done) if line["_path"] == "conn" and line["id.resp_p"] == 445)
    assert conn == {
        "_path": "conn", "ts": 1790000000.0, "uid": conn["uid"], "id.orig_h": "10.0.0.1", "id.orig_p": 40000,
        "id.resp_h": "10.0.0.2", "id.resp_p": 445, "proto": "tcp", "duration": 0.0, "orig_bytes": 0, "resp_bytes": 0,
        "conn_state": "S0", "local_orig": True, "local_resp": True, "missed_bytes": 0, "orig_pkts": 1,
        "orig_ip_bytes": 40, "resp_pkts": 0, "resp_ip_bytes": 0, "history": "S", "community_id": conn["community_id"],
        "orig_l2_addr": "02:00:00:00:00:01", "resp_l2_addr": "02:00:00:00:00:02",
    }  # fmt: skip


def test_logs_can_be_chosen_and_input_may_be_a_pipe(file: Path) -> None:
    done = collector("read", "-", "--log", "dns", data=file.read_bytes())
    assert [line["_path"] for line in lines(done)] == ["dns"]
    both = collector("read", str(file), str(file), "--log", "conn")
    assert len(lines(both)) == 4


def test_what_cannot_be_read_is_said_and_the_rest_is_read(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "list.txt"
    other.write_text("to nie pcap")
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(file.read_bytes()[:-5])
    done = collector("read", str(other), str(tmp_path / "missing.pcap"), str(cut), "--log", "conn")
    assert done.returncode == 1
    assert [line["id.resp_p"] for line in lines(done)] == [445]
    told = done.stderr.decode().splitlines()
    assert [line.partition(": ")[0].rpartition("/")[2] for line in told] == ["list.txt", "missing.pcap", "cut.pcap"]
    assert "ucięty" in told[2]
    assert collector("read", str(cut)).returncode == 0


def test_link_types_that_are_not_read_are_said_and_other_files_are_read(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "wifi.pcap"
    other.write_bytes(pcap(FRAMES, link=148))
    done = collector("read", str(other), str(file), "--log", "conn")
    assert (done.returncode, len(lines(done))) == (1, 2)
    assert done.stderr.decode() == f"{other}: pominięto pakiety o nieobsługiwanym typie łącza: 148 (pakietów: 2).\n"
    faces = section("<") + interface("<", 1) + interface("<", 147)
    other.write_bytes(faces + enhanced("<", 0, 7, FRAMES[0]) + enhanced("<", 1, 8, FRAMES[1]))
    done = collector("read", str(other), "--log", "conn")
    assert (done.returncode, len(lines(done))) == (0, 1)
    assert "147 (pakietów: 1)" in done.stderr.decode()


def test_what_was_not_read_of_a_file_is_said_at_the_end(file: Path, tmp_path: Path) -> None:
    broken = bytes(MAC / IP(**ENDS) / UDP(sport=5000, dport=53) / Raw(b"\0\7\1\0\0\1" + b"\xc0\6" * 9))
    profinet = [bytes(Ether(type=0x8892 + kind) / Raw(bytes(46))) for kind in (0, 0, 1, 2, 3, 4, 5)]
    tree = bytes(Dot3() / LLC() / STP())
    other = tmp_path / "other.pcap"
    other.write_bytes(pcap([*FRAMES, broken, *profinet, tree, bytes(MAC / IP(ihl=3) / UDP())], cut=60))
    done = collector("read", str(other), "--log", "dns")
    assert done.returncode == 0
    assert done.stderr.decode() == (
        f"{other}: nie wszystko odczytano (pakiety ucięte lub scalone: 2; pakiety z uszkodzonym nagłówkiem: 1; "
        "komunikaty wbrew zasadom protokołu: 2; ramki innych protokołów: 0x8892 (2), 0x8893 (1), 0x8894 (1), "
        "0x8895 (1), 0x8896 (1), inne (2)).\n"
    )
    assert collector("read", "--quiet", str(other)).stderr == b""
    assert collector("read", str(file)).stderr == b""


def test_a_log_that_there_is_not_is_a_wrong_command(file: Path) -> None:
    done = collector("read", str(file), "--log", "connn", "--log", "dns")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith("Nie ma dziennika connn. Są: arp, cdp, conn,")


def test_what_is_left_out_is_not_told(file: Path) -> None:
    done = collector(
        "read", str(file), "--log", "conn", "--leave-out", "vlan=7", "--leave-out", "host=10.0.0.2,port=445"
    )
    assert [line["id.resp_p"] for line in lines(done)] == [53]
    wrong = collector("read", str(file), "--leave-out", "host=serwer")
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert "host=serwer" in wrong.stderr.decode()


def test_a_run_without_anything_to_watch_is_a_wrong_command(tmp_path: Path) -> None:
    done = collector("run", "--home", str(tmp_path))
    assert (done.returncode, "--interface" in done.stderr.decode()) == (2, True)
    done = collector("run", "--home", str(tmp_path), "--eve", str(tmp_path / "eve.json"))
    assert "enrol TOKEN" in done.stderr.decode()


def test_a_network_that_is_none_is_a_wrong_command(file: Path) -> None:
    done = collector("read", str(file), "--network", "urząd")
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_reader_that_has_seen_enough_is_no_fault(file: Path) -> None:
    many = bytearray(FRAMES[0])
    frames = []
    for port in range(5000):
        many[34:36] = port.to_bytes(2, "big")
        frames.append(bytes(many))
    file.write_bytes(pcap(frames))
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = f"{sys.executable} -m collector read {file} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, check=True, env=environment, timeout=60)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, b"")
