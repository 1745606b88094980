"""RADIUS: who was let into the network, who was not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.radius import Radius, RadiusAttribute

from collector.protocols.model import Malformed, Side
from collector.protocols.radius import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("radius")}


def test_answers_are_told_with_what_was_asked() -> None:
    taken, refused, started = logs_of(PROTOCOL, _TALKS["wireless"])
    assert taken == {
        "_path": "radius",
        "username": "anna.nowak",
        "pap": True,
        "nas_addr": "192.168.10.250",
        "mac": "3C-2A-F4-11-22-33",
        "called_station": "aa-bb:URZAD",
        "nas_identifier": "ap-pietro1",
        "result": "success",
    }
    assert refused == taken | {"result": "failed"}
    assert started == {
        "_path": "radius",
        "username": "anna.nowak",
        "acct_status": "start",
        "framed_addr": "192.168.10.31",
    }


@settings(max_examples=50)
@given(
    user=st.text("abcdefghijklmnopqrstuvwxyz.@", min_size=1, max_size=60),
    number=st.integers(0, 255),
    good=st.booleans(),
)
def test_what_was_made_is_told(user: str, number: int, good: bool) -> None:
    asked = Radius(
        code=1, id=number, authenticator=bytes(16), attributes=[RadiusAttribute(type=1, value=user.encode())]
    )
    said = Radius(code=2 if good else 3, id=number, authenticator=bytes(16))
    (log,) = run(PROTOCOL, flow_of("udp", 5, 1812), [(Side.ORIG, bytes(asked)), (Side.RESP, bytes(said))])
    assert log.fields == {"username": user, "result": "success" if good else "failed"}


def test_unanswered_requests_are_bounded_and_other_bytes_malformed() -> None:
    turns = [(Side.ORIG, bytes([1, number, 0, 20]) + bytes(16)) for number in range(256)]
    assert len(run(PROTOCOL, flow_of("udp", 5, 1812), turns)) == 64
    with pytest.raises(Malformed, match="radius_header"):
        run(PROTOCOL, flow_of("udp", 5, 1812), [(Side.ORIG, b"GET / HTTP/1.1\r\n\r\n")])
    with pytest.raises(Malformed, match="attribute"):
        run(PROTOCOL, flow_of("udp", 5, 1812), [(Side.ORIG, bytes([1, 1, 0, 22]) + bytes(18))])


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
