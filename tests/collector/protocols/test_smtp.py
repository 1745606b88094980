"""SMTP: envelopes and sign-ins; a message that looks like commands stays a message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Side
from collector.protocols.smtp import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("smtp")}
_FLOW = flow_of("tcp", 50123, 25)


def test_sign_ins_and_envelopes_are_told() -> None:
    helo = {"_path": "smtp", "helo": "st12.gmina.local"}
    sign_in = helo | {"user": "anna.nowak", "cleartext_password": True}
    assert logs_of(PROTOCOL, _TALKS["mail"]) == [
        sign_in | {"success": False, "last_reply": "535 5.7.8 no"},
        sign_in | {"success": True, "last_reply": "235 ok"},
        helo
        | {
            "trans_depth": 1,
            "mailfrom": "anna.nowak@gmina.pl",
            "rcptto": ["jan@example.org", "ewa@example.org"],
            "tls": False,
            "last_reply": "250 2.0.0 queued as 4711",
        },
        helo
        | {
            "trans_depth": 2,
            "mailfrom": "spam@example.com",
            "rcptto": ["x@example.net"],
            "tls": False,
            "last_reply": "554 5.7.1 relay denied",
        },
    ]


def test_tls_is_told_and_ends_the_reading() -> None:
    (log,) = logs_of(PROTOCOL, _TALKS["tls"])
    assert (log["tls"], log["helo"]) == (True, "st12")


@settings(max_examples=50)
@given(
    sender=st.emails().filter(str.isascii),
    lines=st.lists(st.sampled_from(["MAIL FROM:<a@b>", "RSET", "", "QUIT", "DATA", "x", "..", "AUTH PLAIN AGEAYg=="])),
)
def test_what_a_message_says_is_never_taken_for_commands(sender: str, lines: list[str]) -> None:
    body = "".join(f"{line}\r\n" for line in lines)
    turns = [
        (Side.ORIG, f"MAIL FROM:<{sender}>\r\n".encode()),
        (Side.RESP, b"250 ok\r\n"),
        (Side.ORIG, b"DATA\r\n"),
        (Side.RESP, b"354 go\r\n"),
        (Side.ORIG, f"{body}.\r\n".encode()),
        (Side.RESP, b"250 queued\r\n"),
    ]
    (log,) = run(PROTOCOL, _FLOW, turns)
    assert (log.fields["mailfrom"], log.fields["last_reply"]) == (sender, "250 queued")


def test_a_message_whose_end_is_not_seen_is_told_by_its_answer() -> None:
    parser = PROTOCOL.open(_FLOW)
    for side, line in [
        (Side.ORIG, b"MAIL FROM:<a@b.pl>\r\n"),
        (Side.RESP, b"250 ok\r\n"),
        (Side.ORIG, b"DATA\r\n"),
        (Side.RESP, b"354 go\r\n"),
        (Side.ORIG, b"Tajne\r\nTaj"),
    ]:
        parser.feed(side, 1, line)
    parser.lost(Side.ORIG, 2)
    (log,) = parser.feed(Side.RESP, 3, b"250 queued\r\n")
    assert log.fields["mailfrom"] == "a@b.pl"


def test_chunks_are_not_read_as_commands() -> None:
    turns = [
        (Side.ORIG, b"MAIL FROM:<a@b.pl>\r\n"),
        (Side.RESP, b"250 ok\r\n"),
        (Side.ORIG, b"BDAT 40 LAST\r\nMAIL FROM:<tajne@x>\r\nRCPT TO:<y@z>\r\n"),
        (Side.RESP, b"250 queued\r\n"),
    ]
    (log,) = run(PROTOCOL, _FLOW, turns)
    assert (log.fields["mailfrom"], "rcptto" in log.fields) == ("a@b.pl", False)


def test_receivers_are_bounded() -> None:
    turns = [(Side.ORIG, b"MAIL FROM:<a@b.pl>\r\n"), (Side.ORIG, b"RCPT TO:<c@d.pl>\r\n" * 500)]
    (log,) = run(PROTOCOL, _FLOW, turns)
    assert len(log.fields["rcptto"]) == 64  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
