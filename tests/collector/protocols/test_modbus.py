"""Modbus: what is switched, what is refused; reading that goes on and on is told once."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.modbus import ModbusADURequest, ModbusPDU06WriteSingleRegisterRequest

from collector.protocols.modbus import PROTOCOL
from collector.protocols.model import Malformed, Side
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("modbus")}


def test_reading_is_told_once_and_each_writing() -> None:
    told = logs_of(PROTOCOL, _TALKS["pump"])
    assert [(log["func"], log["pdu_type"]) for log in told] == [
        ("READ_HOLDING_REGISTERS", "REQ"),
        ("READ_HOLDING_REGISTERS", "RESP"),
        ("WRITE_SINGLE_REGISTER", "REQ"),
        ("WRITE_SINGLE_REGISTER", "RESP"),
        ("WRITE_MULTIPLE_REGISTERS", "REQ"),
        ("WRITE_MULTIPLE_REGISTERS_EXCEPTION", "RESP"),
    ]
    assert told[2] == {
        "_path": "modbus",
        "tid": 3,
        "unit": 1,
        "func": "WRITE_SINGLE_REGISTER",
        "pdu_type": "REQ",
        "address": 16,
    }
    assert told[5]["exception"] == "ILLEGAL_DATA_ADDRESS"


@settings(max_examples=50)
@given(
    number=st.integers(0, 65_535),
    unit=st.integers(0, 255),
    address=st.integers(0, 65_535),
    value=st.integers(0, 65_535),
)
def test_what_was_made_is_told(number: int, unit: int, address: int, value: int) -> None:
    request = ModbusADURequest(transId=number, unitId=unit) / ModbusPDU06WriteSingleRegisterRequest(
        registerAddr=address, registerValue=value
    )
    (log,) = run(PROTOCOL, flow_of("tcp", 5, 502), [(Side.ORIG, bytes(request))])
    assert log.fields == {
        "tid": number,
        "unit": unit,
        "func": "WRITE_SINGLE_REGISTER",
        "pdu_type": "REQ",
        "address": address,
    }


def test_what_is_remembered_is_bounded_and_other_bytes_are_malformed() -> None:
    reads = [(Side.ORIG, struct.pack("!HHHBBHH", 1, 0, 6, unit, code, 0, 1)) for unit in range(256) for code in (1, 3)]
    assert len(run(PROTOCOL, flow_of("tcp", 5, 502), reads)) == 256
    with pytest.raises(Malformed, match="modbus_header"):
        run(PROTOCOL, flow_of("tcp", 5, 502), [(Side.ORIG, b"GET / HTTP/1.1\r\n\r\n")])


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
