"""NTLM and Kerberos in HTTP and in mail: who signs in, with what ticket, and how it ended."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols import http, imap, pop3, smtp
from collector.protocols.model import Log, Protocol, Side
from tests.collector.protocols.talk import Talk, Turn, damaged, flow_of, in_pieces, run
from tests.collector.protocols.tokens import (
    NTLM_HELLO,
    answer,
    asked,
    failed,
    first,
    granted,
    ntlm_challenge,
    ntlm_proof,
)

PROOF = ntlm_proof("anna", "GMINA", "PC-7")
NTLM = {
    "server_nb_computer_name": "SRV1",
    "domainname": "GMINA",
    "username": "anna",
    "hostname": "PC-7",
    "version": "NTLMv2",
}
TICKET = {"request_type": "AP", "service": "HTTP/intranet", "cipher": "rc4-hmac"}
FLOW = flow_of("tcp", 50123, 80)


def _request(token: bytes = b"", scheme: str = "NTLM", name: str = "Authorization") -> Turn:
    line = f"{name}: {scheme} {b64encode(token).decode()}\r\n" if token else ""
    return Side.ORIG, f"GET /a HTTP/1.1\r\nHost: h\r\n{line}\r\n".encode()


def _response(code: int, *lines: str) -> Turn:
    head = "\r\n".join((f"HTTP/1.1 {code} X", "Content-Length: 0", *lines, "", ""))
    return Side.RESP, head.encode()


def _asks(token: bytes, scheme: str = "NTLM", name: str = "WWW-Authenticate") -> str:
    return f"{name}: {scheme} {b64encode(token).decode()}"


def _signed_in(proto: Protocol, turns: list[Turn]) -> list[tuple[str, dict[str, object]]]:
    return [(log.path, {**log.fields}) for log in run(proto, FLOW, turns) if log.path in {"ntlm", "kerberos"}]


def _web(code: int, scheme: str = "NTLM", prefix: str = "WWW-", name: str = "Authorization") -> list[Turn]:
    refused = 407 if prefix == "Proxy-" else 401
    challenge = f"{prefix}Authenticate"
    end = _response(code) if code == 200 else _response(code, f"{challenge}: {scheme}")
    return [
        _request(),
        _response(refused, f"{challenge}: Negotiate", f"{challenge}: NTLM"),
        _request(NTLM_HELLO, scheme, name),
        _response(refused, _asks(ntlm_challenge("SRV1"), scheme, challenge)),
        _request(PROOF, scheme, name),
        end,
        _request(),
        _response(200),
    ]


@pytest.mark.parametrize(("code", "ended"), [(200, {"success": True}), (401, {"success": False, "status": "401"})])
@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate", "ntlm"])
def test_ntlm_to_a_page_is_told_once(scheme: str, code: int, ended: dict[str, object]) -> None:
    assert _signed_in(http.PROTOCOL, _web(code, scheme)) == [("ntlm", NTLM | ended)]


def test_ntlm_to_a_proxy_is_told() -> None:
    turns = _web(200, prefix="Proxy-", name="Proxy-Authorization")
    assert _signed_in(http.PROTOCOL, turns) == [("ntlm", NTLM | {"success": True})]


def test_ntlm_whose_end_is_not_seen_is_told() -> None:
    assert _signed_in(http.PROTOCOL, _web(200)[:5]) == [("ntlm", NTLM)]


def test_the_name_of_ntlm_is_no_password_in_clear() -> None:
    told = [log.fields for log in run(http.PROTOCOL, FLOW, _web(200)) if log.path == "http"]
    assert len(told) == 4
    assert not any({"username", "cleartext_password"} & fields.keys() for fields in told)


def test_a_ticket_shown_to_a_page_with_each_request_is_told_once() -> None:
    one = [
        _request(first(asked("HTTP/intranet", 23)), "Negotiate"),
        _response(200, _asks(answer(granted()), "Negotiate")),
    ]
    assert _signed_in(http.PROTOCOL, one * 3) == [("kerberos", TICKET | {"success": True})]


def test_a_ticket_that_a_page_refuses_is_told_with_its_error() -> None:
    turns = [
        _request(first(asked("HTTP/intranet", 23)), "Negotiate"),
        _response(401, _asks(answer(failed(37)), "Negotiate")),
    ]
    assert _signed_in(http.PROTOCOL, turns) == [
        ("kerberos", TICKET | {"success": False, "error_msg": "KRB_AP_ERR_SKEW"})
    ]


def _line(side: Side, text: str, token: bytes = b"") -> Turn:
    return side, (text.encode() + b64encode(token)) + b"\r\n"


C, S = Side.ORIG, Side.RESP
MAIL = {
    "smtp": (
        smtp.PROTOCOL,
        [_line(S, "220 a ESMTP"), _line(C, "EHLO b"), _line(S, "250 AUTH NTLM"), _line(C, "AUTH NTLM"),
         _line(S, "334 NTLM supported"), _line(C, "", NTLM_HELLO), _line(S, "334 ", ntlm_challenge("SRV1")),
         _line(C, "", PROOF)],
        ("235 2.7.0 ok", "535 5.7.8 no"),
    ),
    "smtp-at-once": (
        smtp.PROTOCOL,
        [_line(S, "220 a ESMTP"), _line(C, "EHLO b"), _line(S, "250 AUTH NTLM"), _line(C, "AUTH NTLM ", NTLM_HELLO),
         _line(S, "334 ", ntlm_challenge("SRV1")), _line(C, "", PROOF)],
        ("235 2.7.0 ok", "535 5.7.8 no"),
    ),
    "imap": (
        imap.PROTOCOL,
        [_line(S, "* OK IMAP4rev1"), _line(C, "a1 AUTHENTICATE NTLM"), _line(S, "+ "), _line(C, "", NTLM_HELLO),
         _line(S, "+ ", ntlm_challenge("SRV1")), _line(C, "", PROOF)],
        ("a1 OK done", "a1 NO no"),
    ),
    "pop3": (
        pop3.PROTOCOL,
        [_line(S, "+OK POP3"), _line(C, "AUTH NTLM"), _line(S, "+ "), _line(C, "", NTLM_HELLO),
         _line(S, "+ ", ntlm_challenge("SRV1")), _line(C, "", PROOF)],
        ("+OK done", "-ERR no"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("name", MAIL)
def test_ntlm_to_a_mail_server_is_told(name: str, good: bool) -> None:
    proto, turns, ends = MAIL[name]
    logs = run(proto, FLOW, [*turns, _line(S, ends[not good])])
    (told,) = [{**log.fields} for log in logs if log.path == "ntlm"]
    assert {key: told.get(key) for key in NTLM} == NTLM
    assert told["success"] is good
    (own,) = [log.fields for log in logs if log.path == proto.name]
    assert (own["user"], own["success"], "cleartext_password" in own) == ("anna", good, False)


@pytest.mark.parametrize("name", MAIL)
def test_ntlm_to_a_mail_server_whose_end_is_not_seen_is_told(name: str) -> None:
    proto, turns, _ = MAIL[name]
    assert [log.fields["username"] for log in run(proto, FLOW, turns) if log.path == "ntlm"] == ["anna"]


def test_a_ticket_shown_to_a_mail_server_is_told() -> None:
    turns = [_line(S, "* OK IMAP4rev1"), _line(C, "a1 AUTHENTICATE GSSAPI"), _line(S, "+ "),
             _line(C, "", asked("imap/poczta", 23)), _line(S, "+ ", granted()), _line(S, "a1 OK")]  # fmt: skip
    (log,) = [log for log in run(imap.PROTOCOL, FLOW, turns) if log.path == "kerberos"]
    assert (log.fields["service"], log.fields["success"]) == ("imap/poczta", True)


TALKS = [Talk("http", FLOW, tuple(_web(200)))] + [
    Talk(name, FLOW, (*turns, _line(S, ends[0]))) for name, (_, turns, ends) in MAIL.items()
]


def _protocol(talk: Talk) -> Protocol:
    return MAIL[talk.name][0] if talk.name in MAIL else http.PROTOCOL


@pytest.mark.parametrize("talk", TALKS, ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(_protocol(talk), talk)


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("talk", TALKS, ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    whole = [{"_path": log.path, **log.fields} for log in run(_protocol(talk), talk.flow, talk.turns)]
    assert in_pieces(_protocol(talk), talk, size) == whole


_WORD = st.text("abcdefghijklmnoprstuwyząćęłńóśźż0123456789.-$", min_size=1, max_size=20)


@settings(max_examples=50)
@given(user=_WORD, domain=_WORD, host=_WORD, server=_WORD)
def test_whoever_signs_in_is_told_as_made(user: str, domain: str, host: str, server: str) -> None:
    turns = [
        _request(NTLM_HELLO),
        _response(401, _asks(ntlm_challenge(server))),
        _request(ntlm_proof(user, domain, host)),
        _response(200),
    ]
    (log,) = (log for log in run(http.PROTOCOL, FLOW, turns) if log.path == "ntlm")
    assert _names(log) == [user, domain, host, server]


def _names(log: Log) -> list[object]:
    return [log.fields.get(key) for key in ("username", "domainname", "hostname", "server_nb_computer_name")]


@settings(max_examples=30)
@given(size=st.integers(0, 100), noise=st.binary(max_size=40))
def test_tokens_that_are_cut_or_none_harm_nobody(size: int, noise: bytes) -> None:
    for token in (PROOF[:size], noise, PROOF[:size] + noise):
        run(http.PROTOCOL, FLOW, [_request(token), _response(200)])
        for proto, turns, ends in MAIL.values():
            run(proto, FLOW, [*turns[:-1], _line(C, "", token), _line(S, ends[0])])
