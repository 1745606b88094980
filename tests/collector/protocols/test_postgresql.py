"""PostgreSQL: TLS behind its request is read; what comes in clear is not."""

from __future__ import annotations

import pytest

from collector.protocols.model import Side
from collector.protocols.postgresql import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, in_pieces, logs_of, talks

_TALKS = {talk.name: talk for talk in talks("postgresql")}


def test_tls_behind_the_request_is_told() -> None:
    ssl, *certificates = logs_of(PROTOCOL, _TALKS["tls"])
    assert (ssl["_path"], ssl["server_name"], ssl["established"]) == ("ssl", "gmina.example", True)
    assert ssl["ja3"]
    assert ssl["ja4"]
    assert [log["_path"] for log in certificates] == ["x509"] * 3


def test_what_goes_on_in_clear_is_left_alone() -> None:
    assert logs_of(PROTOCOL, _TALKS["clear"]) == []
    parser = PROTOCOL.open(_TALKS["clear"].flow)
    for side, data in _TALKS["clear"].turns[:3]:
        assert not list(parser.feed(side, 1, data))
    assert parser.done


@pytest.mark.parametrize("size", [1, 7])
def test_pieces_tell_the_same(size: int) -> None:
    talk = _TALKS["tls"]
    head = Talk("head", talk.flow, talk.turns[:4])
    whole = in_pieces(PROTOCOL, Talk("all", talk.flow, talk.turns), 50)
    assert whole == logs_of(PROTOCOL, talk)
    assert in_pieces(PROTOCOL, head, size) == []


@pytest.mark.parametrize(
    ("data", "known"),
    [
        ("0000000804d2162f", True),
        ("0000000804d21630", True),
        ("0000001004d2162e0000000100000002", True),
        ("0000000904d2162f", False),
        ("00000010000300007573657200610000", True),
        ("00000011000300007573657200610000", False),
        ("0000000800030000", False),
    ],
)
def test_a_beginning_is_known_by_all_of_it(data: str, known: bool) -> None:
    assert PROTOCOL.recognises(Side.ORIG, bytes.fromhex(data)) == known
    assert not PROTOCOL.recognises(Side.RESP, bytes.fromhex(data))


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
