"""RDP: the name on the cookie, the security agreed on, and what an old client says of itself."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Malformed, Side
from collector.protocols.rdp import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("rdp")}
_FLOW = flow_of("tcp", 50123, 3389)


def test_a_sign_in_over_tls() -> None:
    assert logs_of(PROTOCOL, _TALKS["nla"]) == [
        {
            "_path": "rdp",
            "cookie": "admin",
            "requested_protocols": ["SSL", "HYBRID", "HYBRID_EX"],
            "security_protocol": "HYBRID_EX",
            "result": "encrypted",
        }
    ]


def test_a_refusal_tells_its_reason() -> None:
    (log,) = logs_of(PROTOCOL, _TALKS["refused"])
    assert (log["cookie"], log["requested_protocols"]) == ("kadry", ["RDP"])
    assert log["result"] == "HYBRID_REQUIRED_BY_SERVER"


def test_an_old_client_says_what_it_is() -> None:
    assert logs_of(PROTOCOL, _TALKS["standard"]) == [
        {
            "_path": "rdp",
            "security_protocol": "RDP",
            "desktop_width": 1280,
            "desktop_height": 1024,
            "keyboard_layout": "0x00000415",
            "client_build": "RDP 5.1",
            "client_name": "KIOSK-3",
            "result": "Success",
        }
    ]


@settings(max_examples=50)
@given(name=st.text("abcdefghijklmnopqrstuvwxyz.\\-", min_size=1, max_size=40), asked=st.integers(0, 31))
def test_a_request_is_told_as_made(name: str, asked: int) -> None:
    offer = b"Cookie: mstshash=" + name.encode() + b"\r\n" + struct.pack("<BBHI", 1, 0, 8, asked)
    data = struct.pack(">BBHBB5x", 3, 0, 11 + len(offer), 6 + len(offer), 0xE0) + offer
    assert PROTOCOL.recognises(Side.ORIG, data)
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, data)])
    assert log.fields["cookie"] == name
    assert len(log.fields["requested_protocols"]) == max(1, asked.bit_count())  # type: ignore[arg-type]


def test_other_users_of_the_same_transport_are_not_taken_for_it() -> None:
    # A connection to a programmable controller: TSAPs instead of a cookie.
    assert not PROTOCOL.recognises(Side.ORIG, bytes.fromhex("0300001611e00000000100c0010ac1020100c2020102"))
    with pytest.raises(Malformed, match="tpkt"):
        run(PROTOCOL, _FLOW, [(Side.ORIG, b"GET / HTTP/1.1\r\n\r\n")])


@pytest.mark.parametrize("size", [1, 5, 40])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
