"""FTP's data connections: announced by the control connection, joined to their command, told by their first bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from collector.heads import expected
from collector.heads.expected import Waiting
from collector.heads.head import Entry
from collector.protocols.ftp_data import PROTOCOL, Transfer, announced, answered
from collector.protocols.model import Flow
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.packets import batch
from tests.collector.protocols.talk import Talk, damaged, in_pieces, logs_of, talks

_TALKS = {talk.name: talk for talk in talks("ftp_data")}
CLIENT, SERVER = "192.168.10.31", "192.168.10.5"
MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def said(source: tuple[str, int], target: tuple[str, int], data: bytes, seq: int = 1, flags: str = "PA") -> bytes:
    ports: dict[str, Any] = {"sport": source[1], "dport": target[1]}
    return bytes(MAC / IP(src=source[0], dst=target[0]) / TCP(**ports, flags=flags, seq=seq) / Raw(data))


def seen(control: list[tuple[bool, bytes]], *data: bytes) -> list[Entry]:
    """Return what the sensor tells of a control connection followed by frames."""
    seq, frames = {True: 1, False: 1}, []
    ends = {True: (CLIENT, 50123), False: (SERVER, 21)}
    for mine, line in control:
        frames.append(said(ends[mine], ends[not mine], line, seq[mine]))
        seq[mine] += len(line)
    watch = Watch(PROTOCOLS)
    return [*watch.take(batch([*frames, *data])), *watch.finish()]


def files(entries: list[Entry]) -> list[dict[str, object]]:
    return [dict(entry.log.fields) for entry in entries if entry.log.path == "files"]


PASSIVE = [
    (False, b"220 FTP\r\n"), (True, b"USER bip\r\n"), (False, b"230 ok\r\n"), (True, b"PASV\r\n"),
    (False, b"227 Entering Passive Mode (192,168,10,5,200,101).\r\n"), (True, b"STOR kopia.exe\r\n"),
]  # fmt: skip


def test_a_transfer_is_joined_to_its_command() -> None:
    entries = seen(PASSIVE, said((CLIENT, 50200), (SERVER, 51301), b"MZ\x90\0 and so on"))
    control = next(entry.uid for entry in entries if entry.log.path == "ftp")
    told = {"source": "FTP_DATA", "is_orig": True, "user": "bip", "command": "STOR", "filename": "kopia.exe"}
    assert files(entries) == [told | {"mime_type": "application/x-dosexec", "control_uid": control}]
    services = {entry.log.fields.get("service") for entry in entries if entry.log.path == "conn"}
    assert services == {"ftp", "ftp-data"}


def test_an_address_behind_a_gateway_is_known_by_that_of_the_control_connection() -> None:
    named = [*PASSIVE[:4], (False, b"227 Entering Passive Mode (10,0,0,7,200,101)\r\n"), (True, b"NLST\r\n")]
    begins = said((CLIENT, 50200), (SERVER, 51301), b"", 0, "S")
    (told,) = files(seen(named, begins, said((SERVER, 51301), (CLIENT, 50200), b"GET / HTTP/1.1\r\n\r\n")))
    assert (told["command"], told["is_orig"], "filename" in told) == ("NLST", False, False)


def test_an_active_connection_comes_from_the_server() -> None:
    active = [*PASSIVE[:3], (True, b"PORT 192,168,10,31,200,10\r\n"), (True, b"RETR a.pdf\r\n")]
    begins = said((SERVER, 20), (CLIENT, 51210), b"", 0, "S")
    (told,) = files(seen(active, begins, said((SERVER, 20), (CLIENT, 51210), b"%PDF-1.7")))
    assert (told["filename"], told["mime_type"], told["is_orig"]) == ("a.pdf", "application/pdf", True)


def test_without_the_control_connection_only_the_port_tells() -> None:
    assert logs_of(PROTOCOL, _TALKS["archive"]) == [
        {"_path": "files", "source": "FTP_DATA", "is_orig": True, "mime_type": "application/zip"}
    ]
    assert logs_of(PROTOCOL, _TALKS["list"]) == [{"_path": "files", "source": "FTP_DATA", "is_orig": True}]
    other = seen(PASSIVE, said((CLIENT, 50200), (SERVER, 51302), b"MZ\x90\0"))
    assert files(other) == []


def test_what_was_announced_is_waited_for_once_not_for_long_and_not_without_end() -> None:
    control, flow = Flow(CLIENT, 1, SERVER, 21, "tcp"), Flow(CLIENT, 2, SERVER, 5000, "tcp")
    waiting = Waiting()
    waiting.add(Transfer(True, "", 5000).expected(control), "C1", 0)
    assert waiting.take(flow, 1) is not None
    assert waiting.take(flow, 1) is None
    waiting.add(Transfer(True, "", 5000).expected(control), "C1", 0)
    assert waiting.take(flow, expected.PATIENCE + 1) is None
    for port in range(1, expected.MOST + 100):
        waiting.add(Transfer(True, "", port).expected(control), "C1", 0)
    assert len(waiting) == expected.MOST


@settings(max_examples=100)
@given(host=st.ip_addresses(), port=st.integers(1, 65535), sign=st.sampled_from("|!#"))
def test_what_is_announced_is_read(host: Any, port: int, sign: str) -> None:
    family = 1 if host.version == 4 else 2
    found = announced("EPRT", f"{sign}{family}{sign}{host}{sign}{port}{sign}".encode())
    assert found == Transfer(False, str(host), port)
    assert answered("EPSV", f"229 Entering ({sign * 3}{port}{sign})".encode()) == Transfer(True, "", port)
    if family == 1:
        six = ",".join([*str(host).split("."), str(port >> 8), str(port & 255)])
        assert announced("PORT", six.encode()) == Transfer(False, str(host), port)
        assert answered("PASV", f"227 =({six})".encode()) == Transfer(True, str(host), port)


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"|",
        b"|1|10.0.0.1|0|",
        b"|1|10.0.0.1|65536|",
        b"|3|10.0.0.1|5|",
        b"|1|::|",
        b"||||",
        b"|2|" + b"1" * 99 + b"|5|",
    ],
)
def test_nonsense_announces_nothing(argument: bytes) -> None:
    assert announced("EPRT", argument) is None


@pytest.mark.parametrize(
    "numbers", [b"1,2,3,4,5", b"256,1,1,1,1,1", b"1,1,1,1,0,0", b"1,1,1,1,999,1", b"1000,1,1,1,1,1", b""]
)
def test_six_numbers_that_are_none_announce_nothing(numbers: bytes) -> None:
    assert announced("PORT", numbers) is answered("PASV", b"227 (" + numbers + b")") is None


@settings(max_examples=200)
@given(line=st.binary(max_size=80))
def test_any_bytes_are_survived(line: bytes) -> None:
    for verb in ("PORT", "EPRT", "PASV", "EPSV"):
        found = (announced if verb in {"PORT", "EPRT"} else answered)(verb, line)
        assert found is None or 0 < found.port < 65536


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same_but_for_what_the_first_bytes_show(talk: Talk, size: int) -> None:
    told = [{**log, "mime_type": None} for log in logs_of(PROTOCOL, talk)]
    assert [{**log, "mime_type": None} for log in in_pieces(PROTOCOL, talk, size)] == told


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
