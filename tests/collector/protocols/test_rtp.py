"""RTP: that voice flows, told once and only when it is sure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.rtp import RTP

from collector.protocols.model import Side
from collector.protocols.rtp import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("rtp")}


def test_voice_is_told_once() -> None:
    assert logs_of(PROTOCOL, _TALKS["voice"]) == [
        {"_path": "rtp", "payload_type": 8, "coding": "PCMA", "ssrc": "0x11223344"}
    ]


@settings(max_examples=50)
@given(first=st.integers(0, 65_535), source=st.integers(0, 2**32 - 1), kind=st.sampled_from([0, 3, 8, 9, 18, 101]))
def test_what_was_made_is_told(first: int, source: int, kind: int) -> None:
    turns = [
        (Side.ORIG, bytes(RTP(payload_type=kind, sequence=(first + number) % 65_536, sourcesync=source) / bytes(160)))
        for number in range(3)
    ]
    (log,) = run(PROTOCOL, flow_of("udp", 16384, 16386), turns)
    assert (log.fields["payload_type"], log.fields["ssrc"]) == (kind, f"0x{source:08x}")


def test_what_only_looks_like_it_is_not_told() -> None:
    jumps = [(Side.ORIG, bytes(RTP(payload_type=8, sequence=number * 1000) / bytes(160))) for number in range(5)]
    assert run(PROTOCOL, flow_of("udp", 5, 6), jumps) == []
    # Control packets (RFC 3550 section 6) share the first byte.
    assert run(PROTOCOL, flow_of("udp", 5, 6), [(Side.ORIG, b"\x80\xc8" + bytes(26))] * 5) == []


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
