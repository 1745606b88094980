"""QUIC: Initial packets that the tests seal themselves, keys of the RFCs' examples, damage of every kind."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from random import Random
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Log, Malformed, Side
from collector.protocols.quic import PROTOCOL
from collector.protocols.quic.conversation import MAX_DATAGRAMS
from collector.protocols.quic.initial import V2, Keys, crypto, packets, varint
from collector.protocols.tls.handshake import MAX_BROKEN
from collector.protocols.tls.pieces import MAX_PIECES, MAX_SIZE, Pieces
from tests.collector.protocols.initials import SERVER, crypto_frame, initial, number
from tests.collector.protocols.talk import ALLOWED, Talk, damaged, flow_of, logs_of, run, talks

TALKS = {talk.name: talk for talk in talks("quic")}
FLOW = flow_of("udp", 50123, 443)


def _hello() -> bytes:
    (tls13,) = (talk for talk in talks("tls") if talk.name == "tls13")
    return tls13.turns[0][1][5:]


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_the_handshake_is_told_as_that_of_tls(talk: Talk) -> None:
    assert PROTOCOL.recognises(*talk.turns[0])
    (ssl,) = logs_of(PROTOCOL, talk)
    assert (ssl["_path"], ssl["server_name"], ssl["ja4"]) == (
        "ssl",
        "gmina.example",
        "q13d1812h2_85036bcba153_d41ae481755e",
    )


@pytest.mark.parametrize(
    ("name", "version", "answered", "established"),
    [
        ("v1", "1", True, True),
        ("v2", "2", True, False),
        ("draft29", "draft-29", True, False),
        ("pieces", "1", False, False),
    ],
)
def test_versions_and_how_far_it_came(name: str, version: str, answered: bool, established: bool) -> None:
    (ssl,) = logs_of(PROTOCOL, TALKS[name])
    assert (ssl["quic_version"], ssl["established"]) == (version, established)
    assert ssl.get("cipher") == ("TLS_AES_256_GCM_SHA384" if answered else None)


@pytest.mark.parametrize(
    ("version", "iv", "mask"),
    [
        (1, "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"),  # RFC 9001, A.1
        (V2, "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9"),  # RFC 9369, A.1
    ],
)
def test_keys_are_those_of_the_examples(version: int, iv: str, mask: str) -> None:
    client = Keys(version, bytes.fromhex("8394c8f03e515708")).side(0)
    assert (client.iv.hex(), client.mask.hex()) == (iv, mask)


def test_the_servers_keys_are_those_of_the_example() -> None:
    server = Keys(1, bytes.fromhex("8394c8f03e515708")).side(1)
    assert (server.iv.hex(), server.mask.hex()) == ("0ac1493ca1905853b0bba03e", "c206b8d9b9f0f37644430b490eeaa314")


@given(st.integers(0, 2**62 - 1))
@settings(max_examples=50)
def test_numbers_of_variable_length(value: int) -> None:
    size = next(size for size in (1, 2, 4, 8) if value < 1 << 8 * size - 2)
    raw = bytearray(value.to_bytes(size, "big"))
    raw[0] |= {1: 0, 2: 0x40, 4: 0x80, 8: 0xC0}[size]
    assert varint(bytes(raw), 0) == (value, size)
    with pytest.raises((Malformed, IndexError)):
        varint(bytes(raw[:-1]), 0)


@given(cuts=st.lists(st.integers(1, 500), max_size=12), order=st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_a_hello_in_any_pieces_in_any_order(cuts: list[int], order: Random) -> None:
    hello = _hello()
    edges = sorted({0, len(hello), *(cut for cut in cuts if cut < len(hello))})
    frames = [crypto_frame(a, hello[a:b]) for a, b in pairwise(edges)]
    order.shuffle(frames)
    (ssl,) = run(PROTOCOL, FLOW, [(Side.ORIG, initial(b"\0\x01".join(frames)))])
    assert ssl.fields["server_name"] == "gmina.example"


def test_a_packet_beside_others_in_a_datagram_is_found() -> None:
    early = b"\xd3" + pack("!I", 1) + b"\x02ab\x02cd" + number(30) + bytes(30)
    (ssl,) = run(PROTOCOL, FLOW, [(Side.ORIG, early + initial(crypto_frame(0, _hello())))])
    assert ssl.fields["server_name"] == "gmina.example"
    assert PROTOCOL.recognises(Side.ORIG, early + bytes(40))


def test_what_the_key_does_not_open_is_not_read() -> None:
    packet = bytearray(initial(crypto_frame(0, _hello())))
    packet[-1] ^= 1
    assert run(PROTOCOL, FLOW, [(Side.ORIG, bytes(packet))]) == []


def test_a_flow_is_followed_for_so_many_datagrams() -> None:
    parser = PROTOCOL.open(FLOW)
    logs: list[Log] = []
    sent = 0
    while not parser.done:
        logs += parser.feed(Side.ORIG, 1, initial(crypto_frame(0, _hello()), count=sent))
        sent += 1
    assert (sent, [log.path for log in logs]) == (MAX_DATAGRAMS, ["ssl"])
    assert list(parser.close(2)) == []


def test_pieces_have_bounds() -> None:
    stream = Pieces()
    with pytest.raises(Malformed, match="ssl_handshake_too_long"):
        stream.take(MAX_SIZE, b"a")
    for piece in range(MAX_PIECES):
        assert stream.take(10 + 2 * piece, b"a") == b""
    with pytest.raises(Malformed, match="ssl_handshake_too_many_pieces"):
        stream.take(5, b"a")


def test_pieces_that_overlap_are_read_once() -> None:
    stream = Pieces()
    assert stream.take(2, b"cdef") == b""
    assert stream.take(0, b"abcd") == b"abcdef"
    assert stream.take(3, b"defg") == b"g"
    assert stream.take(0, b"zz") == b""


def test_frames_that_lie() -> None:
    with pytest.raises(Malformed, match="quic_truncated"):
        list(crypto(b"\x06\x00\x3f" + bytes(5)))
    with pytest.raises((Malformed, IndexError)):
        list(crypto(b"\x02\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"))
    assert list(crypto(b"\x1c\x00\x06\x00\x01a")) == []  # what comes after the end of the connection
    assert len(list(crypto(b"\x06\x00\x01a" * 2000))) <= 1000
    assert list(crypto(bytes(5000))) == []


def test_a_connection_id_has_a_bound() -> None:
    with pytest.raises(Malformed, match="quic_connection_id_too_long"):
        list(packets(b"\xc3" + pack("!I", 1) + b"\x15" + bytes(60)))


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
@pytest.mark.parametrize(
    "broken",
    [
        b"\xc3" + pack("!I", 1) + b"\x15" + bytes(60),
        initial(crypto_frame(0, b"abcd"))[:-1],
        initial(crypto_frame(MAX_SIZE, b"abc")),
        initial(crypto_frame(MAX_SIZE, b"abc"), side=SERVER),
        initial(b"".join(crypto_frame(20_000 + 2 * n, b"a") for n in range(8)) + crypto_frame(MAX_SIZE, b"abc")),
    ],
    ids=["id", "cut", "far", "far answer", "after pieces"],
)
def test_a_broken_datagram_costs_itself(talk: Talk, broken: bytes) -> None:
    parser, logs = PROTOCOL.open(talk.flow), list[Log]()
    for side, data in talk.turns:
        for sender in Side:
            with contextlib.suppress(*ALLOWED):
                logs += parser.feed(sender, 5, broken)
        if not parser.done:
            logs += parser.feed(side, 5, data)
    assert [{"_path": log.path, **log.fields} for log in [*logs, *parser.close(6)]] == logs_of(PROTOCOL, talk)


def test_broken_datagrams_have_an_end() -> None:
    parser, answer = PROTOCOL.open(FLOW), initial(crypto_frame(MAX_SIZE, b"abc"), side=SERVER)
    assert not list(parser.feed(Side.ORIG, 1, initial(crypto_frame(0, _hello()))))
    for _ in range(MAX_BROKEN - 1):
        with pytest.raises(Malformed, match="ssl_handshake_too_long"):
            parser.feed(Side.RESP, 2, answer)
    ssl, weird = parser.feed(Side.RESP, 2, answer)
    assert (ssl.fields["server_name"], parser.done) == ("gmina.example", True)
    assert weird.fields == {"name": "ssl_handshake_too_long"}


@given(st.binary(max_size=120), st.sampled_from([1, V2, 0xFF00001D]))
@settings(max_examples=50)
def test_any_frames_under_the_right_key_harm_nobody(frames: bytes, version: int) -> None:
    with contextlib.suppress(*ALLOWED):
        told = run(PROTOCOL, FLOW, [(Side.ORIG, initial(frames, version=version))])
        assert all(log.path in {"ssl", "weird"} for log in told)


@given(st.binary(max_size=100))
@settings(max_examples=50)
def test_other_bytes_are_not_taken_for_it(data: bytes) -> None:
    assert not PROTOCOL.recognises(Side.ORIG, b"\x40" + data)
    assert not PROTOCOL.recognises(Side.ORIG, b"\xc3\x51\x30\x35\x30" + data)
