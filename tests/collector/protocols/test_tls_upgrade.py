"""TLS within another protocol: what the first parser told is told, and the handshake behind it."""

from __future__ import annotations

import pytest

from collector.protocols import ftp, rdp, registry
from collector.protocols.model import Flow, Log, Side
from collector.protocols.tls import upgrade
from tests.collector.protocols.talk import Turn, flow_of, run, talks

FTP = upgrade.upgrading(ftp.PROTOCOL)
FLOW = flow_of("tcp", 50123, 21)
BEFORE: list[Turn] = [(Side.RESP, b"220 ready\r\n"), (Side.ORIG, b"AUTH TLS\r\n"), (Side.RESP, b"234 go on\r\n")]


def _handshake() -> tuple[Turn, ...]:
    (talk,) = (talk for talk in talks("tls") if talk.name == "tls12")
    return talk.turns


def test_what_follows_starttls_is_read_as_tls() -> None:
    logs = run(FTP, FLOW, [*BEFORE, *_handshake()])
    assert [log.path for log in logs] == ["ftp", "ssl", "x509", "x509", "x509"]
    assert logs[1].fields["server_name"] == "gmina.example"


def test_it_is_the_same_in_pieces_and_through_the_registry() -> None:
    (known,) = (protocol for protocol in registry.PROTOCOLS if protocol.name == "ftp")
    turns = [(side, data[at : at + 50]) for side, data in _handshake() for at in range(0, len(data), 50)]
    assert [log.path for log in run(known, FLOW, [*BEFORE, *turns])][:2] == ["ftp", "ssl"]


def test_rdp_goes_on_as_tls() -> None:
    asked = bytes.fromhex("030000130ee000000000000100080003000000")
    answered = bytes.fromhex("030000130ed000001234000200080002000000")
    logs = run(
        upgrade.upgrading(rdp.PROTOCOL),
        flow_of("tcp", 50123, 3389),
        [(Side.ORIG, asked), (Side.RESP, answered), *_handshake()],
    )
    assert [log.path for log in logs][:2] == ["rdp", "ssl"]


def test_what_is_no_tls_is_left_alone() -> None:
    parser = FTP.open(FLOW)
    logs: list[Log] = [log for side, data in BEFORE for log in parser.feed(side, 1, data)]
    assert not parser.done
    assert not list(parser.feed(Side.ORIG, 2, b"\x00\x01"))
    assert (parser.done, [log.path for log in logs], list(parser.close(3))) == (True, ["ftp"], [])


def test_a_protocol_without_tls_is_read_as_before() -> None:
    turns: list[Turn] = [
        (Side.RESP, b"220 ready\r\n"),
        (Side.ORIG, b"USER kasia\r\n"),
        (Side.RESP, b"331 password\r\n"),
    ]
    assert run(FTP, FLOW, turns) == run(ftp.PROTOCOL, FLOW, turns)


@pytest.mark.parametrize("turns", [(), _handshake()[:1]])
def test_holes_are_told_to_the_parser_of_the_moment(turns: tuple[Turn, ...]) -> None:
    parser = FTP.open(Flow("10.0.0.1", 1, "10.0.0.2", 21, "tcp"))
    for side, data in (*BEFORE, *turns):
        list(parser.feed(side, 1, data))
    logs = [*parser.lost(Side.RESP, 2), *parser.lost(Side.ORIG, 3)]
    assert parser.done
    assert [log.path for log in logs] == (["ssl"] if turns else [])
