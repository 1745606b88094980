"""Kerberos: sign-ins, tickets that can be guessed at, accounts that do not exist."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.asn1.asn1 import ASN1_BIT_STRING, ASN1_GENERAL_STRING, ASN1_GENERALIZED_TIME, ASN1_INTEGER
from scapy.layers.kerberos import KRB_AS_REQ, KRB_KDC_REQ_BODY, Kerberos, PrincipalName

from collector.protocols.kerberos import PROTOCOL
from collector.protocols.kerberos_names import CIPHERS, ERRORS
from collector.protocols.model import Malformed, Side
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("kerberos")}
_ALL = ["aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96", "rc4-hmac"]
_SIGN_IN = {
    "_path": "kerberos",
    "request_type": "AS",
    "client": "anna.nowak/GMINA.LOCAL",
    "service": "krbtgt/GMINA.LOCAL",
    "requested_ciphers": _ALL,
    "forwardable": True,
    "renewable": True,
    "preauth": True,
}


def test_a_sign_in_and_a_wrong_password() -> None:
    cipher = "aes256-cts-hmac-sha1-96"
    assert logs_of(PROTOCOL, _TALKS["sign_in"]) == [
        _SIGN_IN | {"success": True, "cipher": cipher, "ticket_cipher": cipher},
        _SIGN_IN | {"success": False, "error_msg": "KDC_ERR_PREAUTH_FAILED"},
    ]


def test_tickets_to_guess_at_and_accounts_that_do_not_exist() -> None:
    service, account, unknown = logs_of(PROTOCOL, _TALKS["roast"])
    assert service == {
        "_path": "kerberos",
        "request_type": "TGS",
        "service": "MSSQLSvc/sql1.gmina.local:1433",
        "client": "anna.nowak/GMINA.LOCAL",
        "requested_ciphers": ["rc4-hmac"],
        "forwardable": True,
        "renewable": True,
        "success": True,
        "cipher": "rc4-hmac",
    }
    # The domain's own key stays strong; what can be guessed at is made with the account's.
    assert (account["cipher"], account["ticket_cipher"]) == ("rc4-hmac", "aes256-cts-hmac-sha1-96")
    assert (account["preauth"], account["success"]) == (False, True)
    assert (unknown["client"], unknown["error_msg"]) == ("admin1/GMINA.LOCAL", "KDC_ERR_C_PRINCIPAL_UNKNOWN")


def _asked(user: str, ciphers: list[int]) -> bytes:
    name = PrincipalName(nameType=ASN1_INTEGER(1), nameString=[ASN1_GENERAL_STRING(user.encode())])
    body = KRB_KDC_REQ_BODY(
        kdcOptions=ASN1_BIT_STRING("0" * 32),
        cname=name,
        realm=ASN1_GENERAL_STRING(b"GMINA.LOCAL"),
        sname=name,
        till=ASN1_GENERALIZED_TIME("20371231000000Z"),
        nonce=ASN1_INTEGER(1),
        etype=[ASN1_INTEGER(number) for number in ciphers],
    )
    return bytes(Kerberos(root=KRB_AS_REQ(msgType=10, padata=[], reqBody=body)))


@settings(max_examples=50)
@given(
    user=st.text("abcdefghijklmnopqrstuvwxyz.$-0123456789", min_size=1, max_size=60),
    ciphers=st.lists(st.sampled_from(sorted(CIPHERS)), min_size=1, max_size=10),
)
def test_what_was_made_is_told(user: str, ciphers: list[int]) -> None:
    data = _asked(user, ciphers)
    assert PROTOCOL.recognises(Side.ORIG, data)
    (log,) = run(PROTOCOL, flow_of("udp", 5, 88), [(Side.ORIG, data)])
    assert log.fields["client"] == f"{user}/GMINA.LOCAL"
    assert log.fields["requested_ciphers"] == [CIPHERS[number] for number in ciphers]
    assert "success" not in log.fields


def test_the_errors_have_their_numbers() -> None:
    known = {6: "KDC_ERR_C_PRINCIPAL_UNKNOWN", 18: "KDC_ERR_CLIENT_REVOKED", 24: "KDC_ERR_PREAUTH_FAILED"}
    assert known.items() <= ERRORS.items()
    assert {
        37: "KRB_AP_ERR_SKEW",
        52: "KRB_ERR_RESPONSE_TOO_BIG",
        29: "KDC_ERR_SVC_UNAVAILABLE",
    }.items() <= ERRORS.items()


@pytest.mark.parametrize("size", [1, 5, 64])
def test_pieces_tell_the_same(size: int) -> None:
    talk = _TALKS["roast"]
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


def test_unanswered_requests_are_few() -> None:
    logs = run(PROTOCOL, flow_of("udp", 5, 88), [(Side.ORIG, _asked(f"u{number}", [18])) for number in range(100)])
    assert [log.fields["client"] for log in logs] == [f"u{number}/GMINA.LOCAL" for number in range(92, 100)]


def test_other_messages_and_absurd_lengths_are_malformed() -> None:
    with pytest.raises(Malformed, match="message_type"):
        run(PROTOCOL, flow_of("udp", 5, 88), [(Side.ORIG, b"\x30\x03\x02\x01\x05")])
    with pytest.raises(Malformed, match="record_length"):
        run(PROTOCOL, flow_of("tcp", 5, 88), [(Side.ORIG, b"\x7f\xff\xff\xff\x6a")])


def test_a_depth_without_end_is_left_at_once() -> None:
    with pytest.raises(Malformed):
        run(PROTOCOL, flow_of("udp", 5, 88), [(Side.ORIG, b"\x6a\x82\xff\xf0" + b"\x30\x80" * 30_000)])


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
