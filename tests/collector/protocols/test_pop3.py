"""POP3: sign-ins, told without their passwords."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Side
from collector.protocols.pop3 import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("pop3")}
_FLOW = flow_of("tcp", 50123, 110)


def test_both_tries_are_told_and_nothing_after() -> None:
    common = {"_path": "pop3", "command": "LOGIN", "user": "anna", "cleartext_password": True}
    assert logs_of(PROTOCOL, _TALKS["sign_in"]) == [common | {"success": False}, common | {"success": True}]
    assert logs_of(PROTOCOL, _TALKS["tls"]) == [{"_path": "pop3", "command": "STARTTLS", "tls": True}]


@settings(max_examples=50)
@given(user=st.text("abcdefghijklmnopqrstuvwxyz.@", min_size=1, max_size=60), good=st.booleans())
def test_a_digest_is_no_password_in_clear(user: str, good: bool) -> None:
    turns = [
        (Side.ORIG, f"APOP {user} c4c9334bac560ecc\r\n".encode()),
        (Side.RESP, b"+OK\r\n" if good else b"-ERR\r\n"),
    ]
    (log,) = run(PROTOCOL, _FLOW, turns)
    assert log.fields == {"command": "LOGIN", "user": user, "success": good}


def test_guessing_is_told_up_to_a_bound() -> None:
    turns = [(Side.ORIG, b"USER a\r\nPASS Tajne\r\n"), (Side.RESP, b"+OK\r\n"), (Side.RESP, b"-ERR\r\n")] * 500
    assert len(run(PROTOCOL, _FLOW, turns)) == 64


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
