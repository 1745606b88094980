"""MySQL: TLS is read from where the client begins it, in the same segment too; a sign-in in clear is not."""

from __future__ import annotations

import pytest

from collector.protocols.model import Side
from collector.protocols.mysql import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, in_pieces, logs_of, talks

_TALKS = {talk.name: talk for talk in talks("mysql")}


def test_tls_is_told_that_begins_in_the_segment_of_the_request() -> None:
    ssl, *certificates = logs_of(PROTOCOL, _TALKS["tls"])
    assert (ssl["_path"], ssl["server_name"], ssl["established"]) == ("ssl", "gmina.example", True)
    assert [log["_path"] for log in certificates] == ["x509"] * 3


def test_a_sign_in_in_clear_is_left_alone() -> None:
    assert logs_of(PROTOCOL, _TALKS["clear"]) == []


def test_pieces_tell_the_same() -> None:
    assert in_pieces(PROTOCOL, _TALKS["tls"], 40) == logs_of(PROTOCOL, _TALKS["tls"])


def test_a_greeting_is_known_by_its_version() -> None:
    greeting = _TALKS["tls"].turns[0][1]
    assert PROTOCOL.recognises(Side.RESP, greeting)
    assert not PROTOCOL.recognises(Side.ORIG, greeting)
    assert not PROTOCOL.recognises(Side.RESP, greeting.replace(b"8.0.36", b"8:0:36"))


def test_a_packet_without_end_is_given_up() -> None:
    parser = PROTOCOL.open(_TALKS["tls"].flow)
    assert not list(parser.feed(Side.RESP, 1, b"\xff\xff\xff\0\x0a8.0.1\0" + bytes(5000)))
    assert parser.done


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
