"""Secrets in addresses: left out by the names of their parameters, and nothing else is."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.parameters import without_secret

PASSWORDS = [
    "pass", "PASSWORD", "user_pass", "loginpas", "pw", "userpw", "pw1", "psw", "pwd", "oldPwd", "password1", "newpass2",
    "hasloNowe", "nowe_haslo", "has%C5%82o", "has%B3o", "passwort", "user[password]", "user%5Bpassword%5D",
    "user%255Bpassword%255D", "passphrase", "client_secret", "pin", "kennwort",
]  # fmt: skip
TOKENS = ["access_token", "api_key", "apikey", "subscription-key", "sig", "X-Amz-Signature", "jwt"]
HARMLESS = ["passage", "bypass", "compass", "passport", "passive", "page", "key", "pwr", "atlas", "spin", "id", "sign"]


@pytest.mark.parametrize("name", [*PASSWORDS, *TOKENS])
def test_a_secret_is_left_out(name: str) -> None:
    assert without_secret(f"/a?{name}=T4jne&b=1") == (f"/a?{name}=***&b=1", name in PASSWORDS)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_alike_stays(name: str) -> None:
    assert without_secret(f"/a?{name}=12&b=1") == (f"/a?{name}=12&b=1", False)


@pytest.mark.parametrize(
    ("address", "clean", "password"),
    [
        ("/a?b=c@d", "/a?b=c@d", False),
        ("/a?user_pass=x;y=2", "/a?user_pass=***;y=2", True),
        ("/a?pass=x;y", "/a?pass=***", True),
        ("/a?pass=x/y?z", "/a?pass=***", True),
        ("/a?pass=x y&b=1", "/a?pass=***&b=1", True),
        ("/a;psw=x/b", "/a;psw=***", True),
        ("/cgi-bin/user=admin&pwd=x", "/cgi-bin/user=admin&pwd=***", True),
        ("pwd=x", "pwd=***", True),
        ("http://u:p@h/x?pwd=1#f", "http://u:***@h/x?pwd=***#f", True),
        ("http://u:p@q@h/x", "http://u:***@h/x", True),
        ("GET /x?haslo=a HTTP/1.1", "GET /x?haslo=*** HTTP/1.1", True),
        ("/a?to=http%3A%2F%2Fh%2F%3Fpassword%3Dx&b=1", "/a?to=***&b=1", True),
        ('/a?q={"password":"x"}', "/a?q=***", True),
        ("/a?pass=&b=1", "/a?pass=&b=1", False),
        ("443 → 5000 [ACK] Seq=1 Ack=1 Win=64 Len=0", "443 → 5000 [ACK] Seq=1 Ack=1 Win=64 Len=0", False),
    ],
)
def test_where_a_secret_begins_and_ends(address: str, clean: str, password: bool) -> None:
    assert without_secret(address) == (clean, password)


@given(
    value=st.text(min_size=1, max_size=30).map(lambda text: quote(f"Qx{text}xQ", safe="")), rest=st.text(max_size=30)
)
def test_no_value_of_a_password_comes_through(value: str, rest: str) -> None:
    assert value not in without_secret(f"/a?{quote(rest)}&password={value}&x=1")[0]


@pytest.mark.parametrize("piece", ["a=;", ";", "pass", "%25", "a=b ", "=", "http://", "pass:"])
def test_no_address_takes_long(piece: str) -> None:
    began = time.process_time()
    without_secret("/?" + piece * (4096 // len(piece)))
    assert time.process_time() - began < 0.2
