"""IMAP: sign-ins, told without their passwords."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.imap import PROTOCOL
from collector.protocols.model import Side
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("imap")}
_FLOW = flow_of("tcp", 50123, 143)


def test_both_tries_are_told_and_nothing_after() -> None:
    common = {"_path": "imap", "command": "LOGIN", "cleartext_password": True}
    assert logs_of(PROTOCOL, _TALKS["sign_in"]) == [
        common | {"user": "anna nowak", "success": False},
        common | {"user": "anna", "success": True},
    ]
    assert logs_of(PROTOCOL, _TALKS["tls"]) == [{"_path": "imap", "command": "STARTTLS", "tls": True}]


@settings(max_examples=50)
@given(user=st.text("abcdefghijklmnopqrstuvwxyz.@ ", min_size=1, max_size=60).filter(str.strip), good=st.booleans())
def test_a_quoted_name_is_told_as_given(user: str, good: bool) -> None:
    turns = [(Side.ORIG, f'x LOGIN "{user}" "Tajne"\r\n'.encode()), (Side.RESP, b"x OK\r\n" if good else b"x NO\r\n")]
    (log,) = run(PROTOCOL, _FLOW, turns)
    assert log.fields == {"command": "LOGIN", "user": user, "success": good, "cleartext_password": True}


def test_the_answer_to_another_command_ends_nothing() -> None:
    turns = [(Side.ORIG, b"a LOGIN anna Tajne\r\n"), (Side.RESP, b"b OK\r\n* OK\r\n")]
    (log,) = run(PROTOCOL, _FLOW, turns)
    assert "success" not in log.fields


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
