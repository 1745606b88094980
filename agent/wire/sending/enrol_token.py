"""The enrolment token: where the box is, the pin of its CA, and a secret that is good for one enrolment.

Form: `czujka1.` + base64url without padding of {"u": [URL, …], "p": sha256 hex of the CA's public key, "s": secret}.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import NamedTuple
from urllib.parse import urlsplit

PREFIX = "czujka1."
MAX_TOKEN = 4096
MAX_URLS = 8
_PIN = re.compile(r"[0-9a-f]{64}\Z")
_SECRET = re.compile(r"[\x21-\x7e]{16,256}\Z")


class BadToken(ValueError):
    """The text is not an enrolment token; says, in Polish, what is wrong with it."""


class EnrolToken(NamedTuple):
    """A token's content."""

    urls: tuple[str, ...]
    pin: str
    secret: str


def encode(token: EnrolToken) -> str:
    """Return the text of a token."""
    content = json.dumps({"u": list(token.urls), "p": token.pin, "s": token.secret}, separators=(",", ":"))
    return PREFIX + base64.urlsafe_b64encode(content.encode()).decode("ascii").rstrip("=")


def decode(text: str) -> EnrolToken:
    """Read a token; raises BadToken."""
    text = text.strip()
    if not text.startswith(PREFIX):
        raise BadToken(f"token nie zaczyna się od „{PREFIX}” – skopiuj go w całości")
    if len(text) > MAX_TOKEN:
        raise BadToken("token jest za długi – skopiuj sam token, bez innego tekstu")
    value = _content(text[len(PREFIX) :])
    urls, pin, secret = value.get("u"), value.get("p"), value.get("s")
    if not isinstance(urls, list) or not 1 <= len(urls) <= MAX_URLS or not all(_is_address(url) for url in urls):
        raise BadToken("token nie zawiera poprawnego adresu urządzenia Czujka – utwórz nowy token")
    if not isinstance(pin, str) or not _PIN.match(pin.lower()):
        raise BadToken("token nie zawiera odcisku klucza urzędu certyfikacji – utwórz nowy token")
    if not isinstance(secret, str) or not _SECRET.match(secret):
        raise BadToken("token nie zawiera sekretu – utwórz nowy token")
    return EnrolToken(tuple(urls), pin.lower(), secret)


def _content(text: str) -> dict[str, object]:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        value = json.loads(data)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadToken("token jest uszkodzony – skopiuj go jeszcze raz w całości") from error
    if not isinstance(value, dict):
        raise BadToken("token jest uszkodzony – skopiuj go jeszcze raz w całości")
    return value


def _is_address(url: object) -> bool:
    if not isinstance(url, str) or len(url) > 512:
        return False
    try:
        place = urlsplit(url)
        return place.scheme == "https" and bool(place.hostname) and place.port != 0 and place.username is None
    except ValueError:
        return False
