"""S7: a controller is read, loaded, stopped."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Malformed, Side
from collector.protocols.s7 import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("s7")}


def test_loading_and_stopping_are_told() -> None:
    told = logs_of(PROTOCOL, _TALKS["stop"])
    assert [log["function_name"] for log in told] == [
        "Setup Communication",
        "Setup Communication",
        "Read Variable",
        "Request Download",
        "PLC Stop",
        "PLC Stop",
        "PI Service",
    ]
    assert told[4] == {
        "_path": "s7comm",
        "rosctr_code": 1,
        "rosctr_name": "Job Request",
        "pdu_reference": 5,
        "function_code": 41,
        "function_name": "PLC Stop",
    }
    assert (told[5]["error_class"], told[5]["error_code"]) == ("0x81", "0x04")
    assert told[6]["service"] == "P_PROGRAM"


@settings(max_examples=50)
@given(
    number=st.integers(0, 65_535),
    code=st.integers(0, 255).filter(lambda code: code != 0x28),
    data=st.binary(max_size=40),
)
def test_a_job_is_told_as_made(number: int, code: int, data: bytes) -> None:
    body = struct.pack("!BBHHHH", 0x32, 1, 0, number, 2, len(data)) + bytes([code, 0]) + data
    message = struct.pack("!BBH", 3, 0, 7 + len(body)) + b"\x02\xf0\x80" + body
    assert PROTOCOL.recognises(Side.ORIG, message)
    (log,) = run(PROTOCOL, flow_of("tcp", 5, 102), [(Side.ORIG, message)])
    assert (log.fields["pdu_reference"], log.fields["function_code"]) == (number, code)


def test_the_newer_protocol_is_named_and_left() -> None:
    parser = PROTOCOL.open(flow_of("tcp", 5, 102))
    (log,) = parser.feed(Side.ORIG, 1, bytes.fromhex("0300000c02f0807201000000"))
    assert log.fields == {"rosctr_name": "S7comm-plus"}
    assert parser.done


def test_other_bytes_are_malformed() -> None:
    with pytest.raises(Malformed, match="tpkt"):
        run(PROTOCOL, flow_of("tcp", 5, 102), [(Side.ORIG, b"GET / HTTP/1.1\r\n\r\n")])


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
