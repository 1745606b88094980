"""SOCKS: who is let through to where, how a password went, TLS behind it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.protocols.model import Malformed, Side
from collector.protocols.socks import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("socks")}
_FLOW = flow_of("tcp", 50123, 1080)
_GREETING = [(Side.ORIG, b"\x05\x01\x00"), (Side.RESP, b"\x05\x00")]


def test_who_is_let_through_to_where_and_what_tls_says_behind_it() -> None:
    socks, ssl, *_ = logs_of(PROTOCOL, _TALKS["v5"])
    assert socks == {
        "_path": "socks", "version": 5, "user": "anna", "cleartext_password": True, "success": True,
        "request.name": "gmina.example", "request_p": 443, "status": "succeeded",
    }  # fmt: skip
    assert (ssl["_path"], ssl["server_name"]) == ("ssl", "gmina.example")


def test_the_old_version_names_the_target_too() -> None:
    socks, ssl, *_ = logs_of(PROTOCOL, _TALKS["v4a"])
    assert socks == {
        "_path": "socks", "version": 4, "user": "anna", "request.name": "gmina.example", "request_p": 443,
        "status": "succeeded",
    }  # fmt: skip
    assert ssl["_path"] == "ssl"


def test_a_password_that_is_refused_is_told_without_the_password() -> None:
    (socks,) = logs_of(PROTOCOL, _TALKS["refused"])
    assert (socks["user"], socks["success"], socks["cleartext_password"]) == ("anna", False, True)


@given(st.ip_addresses(), st.integers(1, 65535), st.integers(0, 20))
def test_a_request_is_told_as_made(target: IPv4Address | IPv6Address, port: int, code: int) -> None:
    kind = b"\x01" if target.version == 4 else b"\x04"
    asked = (Side.ORIG, b"\x05\x01\x00" + kind + target.packed + port.to_bytes(2, "big"))
    answered = (Side.RESP, b"\x05" + bytes([code]) + b"\0\x01" + bytes(6))
    (log,) = run(PROTOCOL, _FLOW, [*_GREETING, asked, answered])
    assert (log.fields["request.host"], log.fields["request_p"]) == (str(target), port)
    assert (log.fields["status"] == "succeeded") == (code == 0)


def test_a_request_without_an_answer_is_told() -> None:
    (log,) = run(PROTOCOL, _FLOW, [*_GREETING, (Side.ORIG, b"\x05\x01\0\x01\x0a\0\0\x01\0\x50")])
    assert log.fields == {"version": 5, "request.host": "10.0.0.1", "request_p": 80}


def test_a_hole_ends_it() -> None:
    parser = PROTOCOL.open(_FLOW)
    assert not list(parser.feed(*_GREETING[0][:1], 1, _GREETING[0][1]))
    assert [log.path for log in parser.lost(Side.RESP, 2)] == ["socks"]
    assert parser.done
    assert list(parser.close(3)) == []


@pytest.mark.parametrize("name", ["v5", "v4a"])
def test_pieces_tell_the_same(name: str) -> None:
    assert in_pieces(PROTOCOL, _TALKS[name], 40) == logs_of(PROTOCOL, _TALKS[name])


@pytest.mark.parametrize("size", [1, 3])
def test_messages_come_in_any_pieces(size: int) -> None:
    assert in_pieces(PROTOCOL, _TALKS["refused"], size) == logs_of(PROTOCOL, _TALKS["refused"])


def test_other_answers_are_malformed() -> None:
    with pytest.raises(Malformed, match="socks_version"):
        run(PROTOCOL, _FLOW, [*_GREETING, (Side.ORIG, b"\x06\x01\0\x01\x0a\0\0\x01\0\x50")])
    with pytest.raises(Malformed, match="socks_address"):
        run(PROTOCOL, _FLOW, [*_GREETING, (Side.ORIG, b"\x05\x01\0\x02\x0a\0\0\x01\0\x50")])


@pytest.mark.parametrize(
    ("data", "known"),
    [
        ("050100", True), ("05020002", True), ("0502000200", False), ("050101", True), ("0501ff", False),
        ("05020000", False), ("040100500102030400", True), ("040100500000000161006200", True),
        ("04010050000000016100", False), ("040100000102030400", False), ("0401005001020304ff00", False),
    ],
)  # fmt: skip
def test_a_greeting_is_known_by_all_of_it(data: str, known: bool) -> None:
    assert PROTOCOL.recognises(Side.ORIG, bytes.fromhex(data)) == known


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
