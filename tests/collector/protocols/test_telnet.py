"""Telnet: that somebody signed in with a password in clear, and as whom."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Side
from collector.protocols.telnet import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("telnet")}
_FLOW = flow_of("tcp", 50123, 23)


def test_both_tries_are_told_and_nothing_after() -> None:
    common = {"_path": "telnet", "cleartext_password": True}
    assert logs_of(PROTOCOL, _TALKS["switch"]) == [
        common | {"user": "admin", "success": False},
        common | {"user": "root", "success": True},
    ]


@settings(max_examples=50)
@given(
    user=st.text("abcdefghijklmnopqrstuvwxyz.", min_size=1, max_size=40),
    asked=st.sampled_from(
        ["login: ", "Username:", "User name: ", "U\N{LATIN SMALL LETTER Z WITH DOT ABOVE}ytkownik: "]
    ),
    secret=st.sampled_from(["Password:", "password: ", "Has\N{LATIN SMALL LETTER L WITH STROKE}o: "]),
)
def test_the_question_may_have_many_forms(user: str, asked: str, secret: str) -> None:
    turns = [
        (Side.RESP, asked.encode()),
        (Side.ORIG, f"{user}\r\n".encode()),
        (Side.RESP, secret.encode()),
        (Side.ORIG, b"Tajne\r\n"),
        (Side.RESP, b"\r\n> "),
    ]
    (log,) = run(PROTOCOL, _FLOW, turns)
    assert log.fields == {"cleartext_password": True, "user": user, "success": True}


def test_what_is_typed_and_shown_is_bounded() -> None:
    parser = PROTOCOL.open(_FLOW)
    parser.feed(Side.RESP, 1, b"x" * 100_000 + b"login: ")
    parser.feed(Side.ORIG, 1, b"y" * 100_000)
    assert len(parser._shown) <= 256  # type: ignore[attr-defined]
    assert len(parser._typed) <= 64  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
