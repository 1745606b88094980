"""Kerberos' tickets in other protocols: which service, which cipher, and how it ended."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.gss import SignIn
from collector.protocols.kerberos_names import CIPHERS, ERRORS
from collector.protocols.ntlm import SIGNATURE
from tests.collector.protocols.tokens import answer, asked, failed, first, granted

TICKET = {"request_type": "AP", "service": "cifs/pliki.gmina.local", "cipher": "rc4-hmac"}


def told(*tokens: bytes, success: bool | None = None, status: str = "") -> list[dict[str, object]]:
    sign_in = SignIn()
    for token in tokens:
        sign_in.take(token)
    logs = sign_in.settle(5, success, status)
    assert not sign_in.settle(6, None)
    return [{**log.fields} for log in logs]


@pytest.mark.parametrize("wrap", [first, bytes], ids=["spnego", "bare"])
def test_a_ticket_is_told_with_its_service_and_cipher(wrap: object) -> None:
    assert callable(wrap)
    token = wrap(asked("cifs/pliki.gmina.local", 23))
    assert told(token, answer(granted()), success=True) == [TICKET | {"success": True}]
    assert told(token) == [TICKET]
    assert told(token, success=False, status="LOGON_FAILURE") == [
        TICKET | {"success": False, "status": "LOGON_FAILURE"}
    ]


def test_the_services_own_error_is_told() -> None:
    error = answer(failed(37))
    assert told(first(asked("cifs/pliki.gmina.local", 23)), error, success=False, status="X") == [
        TICKET | {"success": False, "error_msg": "KRB_AP_ERR_SKEW"}
    ]
    assert told(error, success=False) == []


def test_a_sign_in_that_goes_on_with_ntlm_ends_with_that() -> None:
    name = "anna".encode("utf-16-le")
    pairs = b"".join(len(name).to_bytes(2, "little") * 2 + (64).to_bytes(4, "little") for _ in range(6))
    ntlm = SIGNATURE + b"\3\0\0\0" + pairs[:52] + b"\1\0\0\0" + name
    ticket, sign_in = told(first(asked("cifs/pliki.gmina.local", 23)), ntlm, success=True)
    assert ticket == TICKET
    assert (sign_in["username"], sign_in["success"]) == ("anna", True)


def test_a_carrier_that_says_nothing_itself_learns_that_the_service_has_answered() -> None:
    sign_in = SignIn()
    sign_in.take(first(asked("ldap/dc1", 18)))
    assert not sign_in.answered
    sign_in.take(answer(granted()))
    assert sign_in.answered
    sign_in.settle(5, True)
    assert not sign_in.answered


def test_a_ticket_longer_than_what_is_kept_of_it_is_told() -> None:
    token = first(asked("cifs/pliki.gmina.local", 23, ticket=12_000))
    assert told(token[:4000], success=True) == [TICKET | {"success": True}]


@settings(max_examples=50)
@given(
    service=st.lists(st.text("abcdefghijklmnop.$:-0123456789", min_size=1, max_size=40), min_size=1, max_size=3),
    cipher=st.sampled_from(sorted(CIPHERS)),
    code=st.sampled_from(sorted(ERRORS)),
    size=st.integers(0, 3000),
)
def test_what_was_made_is_told(service: list[str], cipher: int, code: int, size: int) -> None:
    (log,) = told(first(asked("/".join(service), cipher, size)), answer(failed(code)), success=False)
    assert (log["service"], log["cipher"], log["error_msg"]) == ("/".join(service), CIPHERS[cipher], ERRORS[code])


def test_cut_and_damaged_tokens_harm_nobody() -> None:
    before = first(asked("cifs/a", 18, 5))
    for token in (first(asked("cifs/a", 23, 30)), answer(failed(37))):
        for place in range(len(token)):
            wrong = bytearray(token)
            wrong[place] ^= 0xFF >> place % 8
            for data in (token[:place], bytes(wrong)):
                for log in told(before, data, success=True):
                    assert log["request_type"] == "AP"
