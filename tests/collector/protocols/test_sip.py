"""SIP: calls abroad, registrations, refusals; what was agreed on stays unread."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Malformed, Side
from collector.protocols.sip import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("sip")}


def test_a_registration_and_a_call_abroad_are_told() -> None:
    told = logs_of(PROTOCOL, _TALKS["calls"])
    assert [(log["method"], log.get("status_code")) for log in told] == [
        ("REGISTER", None),
        ("REGISTER", 401),
        ("REGISTER", None),
        ("REGISTER", 200),
        ("INVITE", None),
        ("INVITE", 403),
    ]
    assert told[2]["user"] == "101"
    assert told[4] == {
        "_path": "sip",
        "method": "INVITE",
        "uri": "sip:00881234567@192.168.10.5",
        "request_from": '"101" <sip:101@192.168.10.5>',
        "request_to": "<sip:00881234567@192.168.10.5>",
        "call_id": "4711@192.168.10.31",
        "seq": "1 INVITE",
        "contact": "<sip:101@192.168.10.31:5060>",
        "user_agent": "friendly-scanner",
        "from_orig": True,
    }
    # Answers use the short forms of names.
    assert (told[5]["response_from"], told[5]["status_msg"]) == ('"101" <sip:101@192.168.10.5>', "Forbidden")


def _said(first: str, *lines: str) -> bytes:
    return "\r\n".join((first, "Call-ID: 1@a", *lines, "", "")).encode()


def test_a_password_in_an_address_is_not_kept() -> None:
    address = "sip:101:Tajne;x=1@10.0.0.1"
    asked = _said(
        f"INVITE {address}:5060;transport=udp SIP/2.0",
        f'From: "101" <{address}>;tag=1',
        f"To: <SIPS{address[3:]}>",
        f"Contact: <{address}:5060>, <{address}>",
        "CSeq: 1 INVITE",
    )
    (told,) = run(PROTOCOL, flow_of("udp", 5060, 5060), [(Side.ORIG, asked)])
    assert "Tajne" not in str(told.fields)
    assert (told.fields["uri"], told.fields["cleartext_password"]) == ("sip:101:***@10.0.0.1:5060;transport=udp", True)
    assert told.fields["contact"] == "<sip:101:***@10.0.0.1:5060>, <sip:101:***@10.0.0.1>"


_ASKED = ("CSeq: 1 REGISTER", "To: <sip:101@10.0.0.1>")
_PROVED = ("CSeq: 2 REGISTER", "To: <sip:101@10.0.0.1>", 'Authorization: Digest username="101", response="00"')
_STALE = 'WWW-Authenticate: Digest realm="a", stale=TRUE, nonce="x"'


@pytest.mark.parametrize(
    ("answer", "success"),
    [
        (("SIP/2.0 401 Unauthorized",), False),
        (("SIP/2.0 403 Forbidden",), False),
        (("SIP/2.0 200 OK",), True),
        (("SIP/2.0 401 Unauthorized", _STALE), None),
        (("SIP/2.0 503 Service Unavailable",), None),
    ],
)
def test_an_answer_to_a_password_says_whether_it_was_right(answer: tuple[str, ...], success: bool | None) -> None:
    turns = [
        (Side.ORIG, _said("REGISTER sip:10.0.0.1 SIP/2.0", *_ASKED)),
        (Side.RESP, _said("SIP/2.0 401 Unauthorized", *_ASKED)),
        (Side.ORIG, _said("REGISTER sip:10.0.0.1 SIP/2.0", *_PROVED)),
        (Side.RESP, _said(answer[0], "CSeq: 2 REGISTER", *answer[1:])),
        (Side.RESP, _said(answer[0], "CSeq: 2 REGISTER", *answer[1:])),
    ]
    told = [log.fields for log in run(PROTOCOL, flow_of("udp", 5060, 5060), turns)]
    # The first refusal only asks for a password; what is sent again counts once.
    expected = [None, None, None, success, None]
    assert [fields.get("success") for fields in told] == expected
    assert [fields.get("user") for fields in told] == [None, None, "101", None if success is None else "101", None]


def test_a_number_that_a_signed_in_telephone_may_not_call_is_no_wrong_password() -> None:
    proved = ("CSeq: 2 INVITE", _PROVED[2])
    turns = [
        (Side.ORIG, _said("INVITE sip:999@10.0.0.1 SIP/2.0", *proved)),
        (Side.RESP, _said("SIP/2.0 404 Not Found", "CSeq: 2 INVITE")),
    ]
    assert "success" not in run(PROTOCOL, flow_of("udp", 5060, 5060), turns)[1].fields


def test_passwords_without_answers_are_forgotten() -> None:
    turns = [(Side.ORIG, _said("REGISTER sip:10.0.0.1 SIP/2.0", f"CSeq: {n} REGISTER", _PROVED[2])) for n in range(100)]
    turns += [(Side.RESP, _said("SIP/2.0 403 Forbidden", f"CSeq: {n} REGISTER")) for n in (0, 99)]
    told = [log.fields for log in run(PROTOCOL, flow_of("udp", 5060, 5060), turns)]
    assert [fields.get("success") for fields in told[-2:]] == [None, False]


@settings(max_examples=50)
@given(
    number=st.text("0123456789+*#", min_size=1, max_size=30), agent=st.text("abcdefXYZ 0123/.", min_size=1, max_size=60)
)
def test_a_call_is_told_as_made(number: str, agent: str) -> None:
    data = f"INVITE sip:{number}@10.0.0.1 SIP/2.0\r\nUser-Agent: {agent}\r\n\r\n".encode()
    assert PROTOCOL.recognises(Side.ORIG, data)
    (log,) = run(PROTOCOL, flow_of("udp", 5060, 5060), [(Side.ORIG, data)])
    assert (log.fields["uri"], log.fields.get("user_agent")) == (f"sip:{number}@10.0.0.1", agent.strip())


def test_a_head_without_end_and_other_bytes_are_malformed() -> None:
    with pytest.raises(Malformed, match="too_long"):
        run(PROTOCOL, flow_of("tcp", 5, 5060), [(Side.ORIG, b"INVITE sip:a SIP/2.0\r\n" + b"x: y\r\n" * 5000)])
    with pytest.raises(Malformed, match="first_line"):
        run(PROTOCOL, flow_of("tcp", 5, 5060), [(Side.ORIG, b"GET / HTTP/1.1\r\n\r\n")])
    assert not PROTOCOL.recognises(Side.ORIG, b"GET / HTTP/1.1\r\n\r\n")


def test_what_keeps_a_way_open_is_passed_over() -> None:
    call = _TALKS["calls"].turns[4]
    turns = [(Side.ORIG, b"hello"), (Side.ORIG, b"\0\0\0\0"), (Side.ORIG, b"\r\n\r\n"), call]
    assert len(run(PROTOCOL, flow_of("udp", 5060, 5060), turns)) == 1


def test_what_only_has_the_port_is_malformed() -> None:
    call = _TALKS["calls"].turns[4]
    tunnelled = (Side.ORIG, b"\4\0\0\0" + bytes(92))
    with pytest.raises(Malformed, match="first_line"):
        run(PROTOCOL, flow_of("udp", 22595, 5060), [tunnelled, call])
    assert len(run(PROTOCOL, flow_of("udp", 5060, 5060), [call, tunnelled, call])) == 2


def test_a_body_longer_than_a_segment_is_skipped() -> None:
    head = b"INVITE sip:a SIP/2.0\r\nContent-Length: 9000\r\n\r\n"
    turns = [(Side.ORIG, head + b"z" * 1000), (Side.ORIG, b"z" * 8000 + b"BYE sip:a SIP/2.0\r\n\r\n")]
    assert [log.fields["method"] for log in run(PROTOCOL, flow_of("tcp", 5, 5060), turns)] == ["INVITE", "BYE"]


@pytest.mark.parametrize("size", [1, 3, 20])
def test_pieces_tell_the_same(size: int) -> None:
    talk = _TALKS["stream"]
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
