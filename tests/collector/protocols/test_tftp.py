"""TFTP: which file is asked for or left."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.tftp import TFTP, TFTP_RRQ, TFTP_WRQ

from collector.protocols.model import Malformed, Side
from collector.protocols.tftp import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("tftp")}


def test_requests_and_refusals_are_told() -> None:
    assert logs_of(PROTOCOL, _TALKS["config"]) == [
        {"_path": "tftp", "wrq": False, "fname": "startup-config", "mode": "octet"},
        {"_path": "tftp", "error_code": 1, "error_msg": "File not found"},
        {"_path": "tftp", "wrq": True, "fname": "running-config", "mode": "netascii"},
    ]


@settings(max_examples=50)
@given(name=st.text("abcdefghijklmnopqrstuvwxyz/.-", min_size=1, max_size=100), write=st.booleans())
def test_what_was_made_is_told(name: str, write: bool) -> None:
    request = TFTP() / (TFTP_WRQ(filename=name) if write else TFTP_RRQ(filename=name))
    assert PROTOCOL.recognises(Side.ORIG, bytes(request))
    (log,) = run(PROTOCOL, flow_of("udp", 5, 69), [(Side.ORIG, bytes(request))])
    assert log.fields == {"wrq": write, "fname": name, "mode": "octet"}


def test_other_bytes_are_malformed() -> None:
    for data in (b"GET / HTTP/1.1", b"\0\1name", b"\0\1\0octet\0", b"\0"):
        with pytest.raises(Malformed, match="tftp"):
            run(PROTOCOL, flow_of("udp", 5, 69), [(Side.ORIG, data)])


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
