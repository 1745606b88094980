"""HTTP/1: heads as they were made, bodies passed over, secrets left out, damage of every kind."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.http import HTTP, HTTPRequest, HTTPResponse

from collector.protocols.http import PROTOCOL
from collector.protocols.http.conversation import MAX_PENDING
from collector.protocols.http.heads import MAX_HEAD, MAX_TEXT
from collector.protocols.model import Malformed, Side
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

TALKS = {talk.name: talk for talk in talks("http")}
FLOW = flow_of("tcp", 50123, 80)
ASK = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_it_is_read_in_any_pieces_and_keeps_no_secret(talk: Talk) -> None:
    assert PROTOCOL.recognises(*talk.turns[0])
    whole = logs_of(PROTOCOL, talk)
    assert "Tajne" not in repr(whole)
    assert "Sekret" not in repr(whole)
    for size in (5, 16, 33):
        assert [{**log, "resp_mime_types": 0} for log in in_pieces(PROTOCOL, talk, size)] == [
            {**log, "resp_mime_types": 0} for log in whole
        ]


def test_a_page_behind_a_password() -> None:
    (log,) = logs_of(PROTOCOL, TALKS["page"])
    assert log == {
        "_path": "http",
        "trans_depth": 1,
        "method": "GET",
        "uri": "/kasa/lista?rok=2026&haslo=***&x=1",
        "version": "1.1",
        "host": "kasa.gmina.example:8080",
        "referrer": "http://admin:***@kasa.gmina.example/?pwd=***",
        "user_agent": "Mozilla/5.0 (X11)",
        "origin": "http://kasa.gmina.example",
        "username": "kasia",
        "cleartext_password": True,
        "proxied": ["X-FORWARDED-FOR -> 10.1.2.3"],
        "status_code": 200,
        "status_msg": "OK",
        "resp_mime_types": ["text/html"],
        "request_body_len": 0,
        "response_body_len": 12,
    }


def test_requests_in_a_row_meet_their_responses() -> None:
    told = [
        (log["method"], log["uri"], log["status_code"], log["request_body_len"], log["response_body_len"])
        for log in logs_of(PROTOCOL, TALKS["pipeline"])
    ]
    assert told == [("HEAD", "/a", 200, 0, 0), ("GET", "/b", 304, 0, 0), ("POST", "/c", 201, 8, 14)]


def test_a_program_shows_itself_whatever_it_is_called() -> None:
    (log,) = logs_of(PROTOCOL, TALKS["program"])
    assert (log["resp_mime_types"], log["resp_filenames"]) == (["application/x-dosexec"], ["faktura.scr"])
    assert log["response_body_len"] == 100


def test_an_upload_and_a_request_without_an_answer() -> None:
    upload, waiting = logs_of(PROTOCOL, TALKS["upload"])
    assert (upload["method"], upload["request_body_len"], upload["status_code"]) == ("PUT", 5, 403)
    assert (waiting["method"], "status_code" in waiting) == ("DELETE", False)


def test_a_tunnel_is_read_on_as_tls() -> None:
    connect, ssl = logs_of(PROTOCOL, TALKS["tunnel"])
    assert (connect["method"], connect["uri"], connect["username"]) == ("CONNECT", "gmina.example:443", "kasia")
    assert (ssl["_path"], ssl["server_name"], ssl["established"]) == ("ssl", "gmina.example", True)


def test_a_tunnel_of_something_else_is_left_alone() -> None:
    parser = PROTOCOL.open(FLOW)
    turns = [*TALKS["tunnel"].turns[:2], (Side.ORIG, b"SSH-2.0-x\r\n")]
    assert [log.path for side, data in turns for log in parser.feed(side, 1, data)] == ["http"]
    assert (parser.done, list(parser.close(2))) == (True, [])


@pytest.mark.parametrize(("name", "version"), [("socket", "1.1"), ("http2", "2")])
def test_what_becomes_another_protocol_is_named_and_left(name: str, version: str) -> None:
    parser = PROTOCOL.open(FLOW)
    (log,) = (log for side, data in TALKS[name].turns for log in parser.feed(side, 1, data))
    assert (parser.done, log.fields["version"]) == (True, version)


def test_bodies_that_were_not_fed_do_not_confuse() -> None:
    parser = PROTOCOL.open(FLOW)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 1000
    logs = [*parser.feed(Side.ORIG, 1, ASK), *parser.feed(Side.RESP, 2, answer), *parser.lost(Side.RESP, 3)]
    logs += [*parser.feed(Side.RESP, 4, b"GET in the middle of a body"), *parser.lost(Side.ORIG, 5)]
    logs += [
        *parser.feed(Side.ORIG, 6, ASK.replace(b"/ ", b"/2 ")),
        *parser.feed(Side.RESP, 7, b"HTTP/1.1 204 No\r\n\r\n"),
    ]
    assert [
        (log.at, log.fields["uri"], log.fields["status_code"], log.fields["response_body_len"]) for log in logs
    ] == [
        (1, "/", 200, 9_000_000),
        (6, "/2", 204, 0),
    ]


def test_a_lost_response_is_not_given_the_next_request() -> None:
    parser = PROTOCOL.open(FLOW)
    logs = [*parser.feed(Side.ORIG, 1, ASK), *parser.lost(Side.RESP, 2), *parser.feed(Side.ORIG, 3, ASK)]
    logs += parser.feed(Side.RESP, 4, b"HTTP/1.1 204 No\r\n\r\n")
    assert [(log.at, log.fields.get("status_code")) for log in logs] == [(1, None), (3, 204)]


def test_more_requests_than_may_wait() -> None:
    logs = run(PROTOCOL, FLOW, [(Side.ORIG, ASK * (MAX_PENDING + 3))], close=False)
    assert [log.fields["trans_depth"] for log in logs] == [1, 2, 3]


def test_a_response_alone_is_told() -> None:
    (log,) = run(PROTOCOL, FLOW, [(Side.RESP, b"HTTP/1.1 404 Nie ma\r\nContent-Length: 0\r\n\r\n")])
    assert (log.fields["status_code"], "method" in log.fields) == (404, False)


@pytest.mark.parametrize(
    ("side", "data", "weird"),
    [
        (Side.ORIG, b"GET /" + b"a" * (MAX_HEAD + 1), "HTTP_head_too_long"),
        (Side.ORIG, b"\x00\x01\x02\r\n\r\n", "HTTP_bad_request_line"),
        (Side.RESP, b"HTTP/1.1 OK\r\n\r\n", "HTTP_bad_status_line"),
        (Side.RESP, b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP_bad_content_length"),
        (Side.RESP, b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n", "HTTP_bad_content_length"),
        (Side.RESP, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP_chunked_bad_length"),
        (
            Side.RESP,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 999,
            "HTTP_chunked_line_too_long",
        ),
    ],
)
def test_messages_that_lie(side: Side, data: bytes, weird: str) -> None:
    with pytest.raises(Malformed, match=weird):
        run(PROTOCOL, FLOW, [(side, data)])


def test_long_values_are_cut_and_control_characters_escaped() -> None:
    data = b"GET /\x1b[2J" + b"a" * 9000 + b" HTTP/1.1\r\nHost: \xc5\x82\xff\r\n\r\n"
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, data)])
    assert str(log.fields["uri"]).startswith("/\\x1b[2Jaaa")
    assert len(str(log.fields["uri"])) == MAX_TEXT + 3
    assert log.fields["host"] == "ł\\xff"


@pytest.mark.parametrize(
    ("address", "clean", "password"),
    [
        ("/login.cgi?loginuse=admin&loginpas=Zima1", "/login.cgi?loginuse=admin&loginpas=***", True),
        ("/a?user%5Bpassword%5D=Zima1", "/a?user%5Bpassword%5D=***", True),
        ("/a?access_token=Zima1&b=1", "/a?access_token=***&b=1", False),
        ("/a?b=Zima1", "/a?b=Zima1", False),
    ],
)
def test_secrets_in_addresses(address: str, clean: str, password: bool) -> None:
    data = f"GET {address} HTTP/1.1\r\nReferer: http://h{address}\r\n\r\n".encode()
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, data)])
    assert (log.fields["uri"], log.fields["referrer"]) == (clean, f"http://h{clean}")
    assert log.fields.get("cleartext_password", False) is password


@pytest.mark.parametrize("token", [b"%%%", b64encode(b"nobody"), b"A" * 9000])
def test_a_sign_in_that_is_none(token: bytes) -> None:
    data = b"GET / HTTP/1.1\r\nAuthorization: Basic " + token + b"\r\n\r\n"
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, data)])
    assert not {"username", "cleartext_password"} & set(log.fields)


_WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=30)


@given(host=_WORD, path=_WORD, agent=_WORD, code=st.integers(200, 599), size=st.integers(0, 500))
@settings(max_examples=50)
def test_exchanges_are_read_as_they_were_made(host: str, path: str, agent: str, code: int, size: int) -> None:
    asked = bytes(HTTP() / HTTPRequest(Method=b"POST", Path=f"/{path}", Host=host, User_Agent=agent))
    answered = bytes(
        HTTP() / HTTPResponse(Status_Code=str(code), Content_Length=str(size), Content_Type="text/plain; x=1")
    )
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, asked), (Side.RESP, answered + b"y" * size)])
    assert (log.fields["method"], log.fields["uri"], log.fields["host"]) == ("POST", f"/{path}", host)
    assert (log.fields["user_agent"], log.fields["status_code"]) == (agent, code)
    assert log.fields["resp_mime_types"] == ["text/plain"]
    assert log.fields["response_body_len"] == (0 if code in {204, 304} else size)


@pytest.mark.parametrize(
    "data",
    [
        b"OPTIONS sip:kasa@gmina.example SIP/2.0\r\n",
        b"OPTIONS rtsp://10.0.0.1/ RTSP/1.0\r\nCSeq: 1\r\n",
        b"SUBSCRIBE sip:1@h SIP/2.0\r\n",
        b"GET",
        b"\x16\x03\x01\x00\x05",
        b"SSH-2.0-OpenSSH",
    ],
)
def test_other_protocols_are_not_taken_for_it(data: bytes) -> None:
    assert not PROTOCOL.recognises(Side.ORIG, data)


def test_packets_worth_reading_on_begin_with_a_head() -> None:
    assert PROTOCOL.resumes
    assert PROTOCOL.resumes(b"HTTP/1.1 200 OK\r\n")
    assert PROTOCOL.resumes(ASK)
    assert not PROTOCOL.resumes(b"a body that goes on")


ANSWER = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 18\r\n\r\n<html>no such\r\n\r\n\r\n"


def test_a_flow_that_is_known_by_an_answer_first_is_read_by_who_asks() -> None:
    turns = [(Side.ORIG, ANSWER), (Side.RESP, ASK), (Side.ORIG, ANSWER)]
    told = [(log.fields.get("method"), log.fields["status_code"]) for log in run(PROTOCOL, FLOW, turns)]
    assert told == [(None, 403), ("GET", 403)]


def test_a_flow_that_is_known_by_a_request_of_the_other_side_is_read_by_who_asks() -> None:
    (log,) = run(PROTOCOL, FLOW, [(Side.RESP, ASK), (Side.ORIG, ANSWER)])
    assert (log.fields["method"], log.fields["status_code"]) == ("GET", 403)


def test_after_a_hole_a_turned_flow_is_read_again_by_who_asks() -> None:
    parser = PROTOCOL.open(FLOW)
    logs = [*parser.feed(Side.ORIG, 1, ANSWER), *parser.lost(Side.ORIG, 2), *parser.feed(Side.ORIG, 3, b"of a body")]
    logs += [*parser.feed(Side.RESP, 4, ASK), *parser.feed(Side.ORIG, 5, ANSWER), *parser.close(6)]
    assert [log.fields.get("method") for log in logs] == [None, "GET"]
