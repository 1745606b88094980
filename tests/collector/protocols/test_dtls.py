"""DTLS: handshakes that the tests put into datagrams, in fragments and out of order; damage of every kind."""

from __future__ import annotations

import contextlib
import random
from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.dtls import MAX_DATAGRAMS, PROTOCOL, Messages
from collector.protocols.model import Log, Malformed, Side
from collector.protocols.tls.handshake import MAX_BROKEN
from tests.collector.protocols.talk import ALLOWED, Talk, damaged, flow_of, logs_of, run, talks

TALKS = {talk.name: talk for talk in talks("dtls")}
FLOW = flow_of("udp", 50123, 4433)
BODY = b"\xfe\xfd" + bytes(32) + b"\x00" + b"\x03abc" + b"\x00\x02\xc0\x2b" + b"\x01\x00"


def _fragment(kind: int, number: int, body: bytes, start: int, stop: int) -> bytes:
    size, at, length = (pack("!I", value)[1:] for value in (len(body), start, stop - start))
    return bytes([kind]) + size + pack("!H", number) + at + length + body[start:stop]


def _record(body: bytes, *, kind: int = 22, epoch: int = 0) -> bytes:
    return bytes([kind]) + b"\xfe\xfd" + pack("!H", epoch) + bytes(6) + pack("!H", len(body)) + body


HELLO = _record(_fragment(1, 0, BODY, 0, len(BODY)))


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)


def test_a_handshake_with_a_cookie_and_a_certificate_in_fragments() -> None:
    talk = TALKS["dtls12"]
    assert PROTOCOL.recognises(*talk.turns[0])
    ssl, certificate = logs_of(PROTOCOL, talk)
    assert (ssl["version"], ssl["cipher"]) == ("DTLSv12", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")
    assert (ssl["server_name"], ssl["established"], ssl["resumed"]) == ("vpn.gmina.example", True, False)
    assert str(ssl["ja4"]).startswith("dd2d")
    assert certificate["certificate.subject"] == ssl["subject"]


def test_the_version_of_old_vpns_is_read_too() -> None:
    body = b"\x01\x00" + BODY[2:]
    hello = _record(_fragment(1, 0, body, 0, len(body))).replace(b"\xfe\xfd", b"\x01\x00")
    chosen = b"\x01\x00" + bytes(32) + b"\x00" + b"\x00\x2f" + b"\x00"
    answer = _record(_fragment(2, 0, chosen, 0, len(chosen))).replace(b"\xfe\xfd", b"\x01\x00")
    assert PROTOCOL.recognises(Side.ORIG, hello)
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, hello), (Side.RESP, answer)])
    assert (log.fields["version"], log.fields["cipher"]) == ("DTLSv10", "TLS_RSA_WITH_AES_128_CBC_SHA")


def test_a_cookie_is_no_part_of_what_a_client_offers() -> None:
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, HELLO)])
    assert str(log.fields["ja4"]).startswith("dd2i010000_")


@given(cuts=st.lists(st.integers(1, len(BODY) - 1), max_size=6), order=st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_fragments_in_any_order(cuts: list[int], order: random.Random) -> None:
    edges = sorted({0, len(BODY), *cuts})
    parts = list(pairwise(edges))
    parts *= 2
    order.shuffle(parts)
    turns = [(Side.ORIG, _record(_fragment(1, 0, BODY, a, b))) for a, b in parts]
    (log,) = run(PROTOCOL, FLOW, turns)
    assert str(log.fields["ja4"]).startswith("dd2i010000_")


def test_messages_are_given_in_their_order() -> None:
    messages = Messages()
    assert list(messages.take(_fragment(2, 5, b"a", 0, 1))) == [b"\x02\0\0\x01a"]
    assert list(messages.take(_fragment(12, 7, b"c", 0, 1))) == []
    assert list(messages.take(_fragment(2, 5, b"x", 0, 1))) == []  # once more
    assert list(messages.take(_fragment(11, 6, b"b", 0, 1))) == [b"\x0b\0\0\x01b", b"\x0c\0\0\x01c"]
    assert list(messages.take(_fragment(14, 600, b"", 0, 0))) == []  # too far ahead


@pytest.mark.parametrize(
    ("data", "weird"),
    [
        (_record(_fragment(1, 0, BODY, 0, len(BODY)))[:-1], "ssl_length_past_end"),
        (_record(b"\x01\0\0\x09\0\0\0\0\0\0\0\x09abc"), "ssl_length_past_end"),
        (_record(b"\x0b\xff\xff\xff\0\0\xff\0\0\0\0\x01a"), "ssl_handshake_too_long"),
    ],
)
def test_lengths_that_lie(data: bytes, weird: str) -> None:
    with pytest.raises(Malformed, match=weird):
        run(PROTOCOL, FLOW, [(Side.ORIG, data)])


@pytest.mark.parametrize(
    "broken",
    [HELLO[:30], _record(_fragment(2, 0, b"\xfe", 0, 1)), _record(_fragment(1, 0, BODY[:40], 0, 40))],
    ids=["lengths", "a hello of the server", "a hello of the client"],
)
def test_a_broken_datagram_costs_itself(broken: bytes) -> None:
    whole = list(logs_of(PROTOCOL, TALKS["dtls12"]))
    parser, logs = PROTOCOL.open(TALKS["dtls12"].flow), list[Log]()
    for side, data in TALKS["dtls12"].turns:
        with contextlib.suppress(*ALLOWED):
            logs += parser.feed(Side(1 - side), 5, broken)
        with contextlib.suppress(*ALLOWED):
            logs += parser.feed(side, 5, broken)
        logs += parser.feed(side, 5, data)
    assert [{"_path": log.path, **log.fields} for log in [*logs, *parser.close(6)]] == whole


def test_broken_datagrams_have_an_end() -> None:
    parser = PROTOCOL.open(FLOW)
    assert not list(parser.feed(Side.ORIG, 1, HELLO))
    for _ in range(MAX_BROKEN - 1):
        with pytest.raises(Malformed, match="ssl_length_past_end"):
            parser.feed(Side.RESP, 2, HELLO[:30])
    ssl, weird = parser.feed(Side.RESP, 2, HELLO[:30])
    assert (ssl.path, weird.fields, parser.done) == ("ssl", {"name": "ssl_length_past_end"}, True)


def test_an_alert_ends_it() -> None:
    parser = PROTOCOL.open(FLOW)
    assert not list(parser.feed(Side.ORIG, 1, HELLO))
    (log,) = parser.feed(Side.RESP, 2, _record(b"\x02\x28", kind=21))
    assert (parser.done, log.fields["last_alert"], log.fields["established"]) == (True, "handshake_failure", False)


def test_other_datagrams_of_the_flow_are_passed_over() -> None:
    parser = PROTOCOL.open(FLOW)
    logs: list[Log] = [*parser.feed(Side.ORIG, 1, HELLO)]
    sent = 1
    while not parser.done:
        logs += parser.feed(Side.RESP, 2, b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12))
        sent += 1
    assert (sent, [log.path for log in logs]) == (MAX_DATAGRAMS, ["ssl"])


@given(st.binary(max_size=60))
@settings(max_examples=50)
def test_other_bytes_are_not_taken_for_it(data: bytes) -> None:
    assert not PROTOCOL.recognises(Side.ORIG, b"\x16\x03\x01" + data)
    assert not PROTOCOL.recognises(Side.ORIG, b"\x17\xfe\xfd" + data)
