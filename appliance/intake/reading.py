"""Reading what a request carries, within bounds."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping

from appliance.intake.replies import Gone, Receive, Refused, Scope

MAX_JSON = 64 << 10
"""Bytes of an enrolment, renewal or heartbeat."""
_KEY = re.compile(r"[A-Za-z0-9:._-]{1,100}")


def header(scope: Scope, name: str) -> str | None:
    """Return a header's text; refuses one that stands twice."""
    wanted = name.lower().encode()
    found = [value for key, value in scope["headers"] if key == wanted]
    if len(found) > 1:
        raise Refused(400, f"header {name} stands twice")
    return found[0].decode("latin-1") if found else None


def declared_length(scope: Scope, limit: int) -> int | None:
    """Return the announced length of the body, None when it is chunked; refuses what is over the limit."""
    text = header(scope, "content-length")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise Refused(400, "content-length is not a number")
    if int(text) > limit:
        raise Refused(413, f"body is longer than {limit} bytes")
    return int(text)


async def read_body(receive: Receive, limit: int, seconds: float) -> bytes:
    """Return the body; never holds more than the limit. Raises Refused (413, 408) and Gone."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise Refused(413, f"body is longer than {limit} bytes")
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError as error:
        raise Refused(408, f"body did not arrive within {seconds:.0f} s") from error


def parse_object(body: bytes) -> dict[str, object]:
    """Return the JSON object of a body; refuses everything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "body is not JSON") from error
    if not isinstance(value, dict):
        raise Refused(400, "body is not a JSON object")
    return value


def text_of(value: Mapping[str, object], name: str, limit: int, *, needed: bool = False) -> str:
    """Return a text of an object, cut to `limit` characters and without control characters; data, never mark-up."""
    found = value.get(name, "")
    if not isinstance(found, str) or (needed and not found):
        raise Refused(400, f"{name} is not text")
    clean = found[: 4 * limit].encode("utf-8", "replace").decode()
    return "".join(sign for sign in clean if sign.isprintable())[:limit]


def whole_of(value: Mapping[str, object], name: str) -> int:
    """Return a whole number of an object within 0 … 2⁶²; refuses everything else."""
    found = value.get(name, 0)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= 1 << 62:
        raise Refused(400, f"{name} is not a whole number")
    return found


def batch_key(text: str | None) -> str:
    """Return a batch's key when it has the wire's form; refuses it otherwise."""
    if text is None or not _KEY.fullmatch(text):
        raise Refused(400, "the batch's key is missing or not of the wire's form")
    return text


def sent_at(text: str | None) -> int | None:
    """Return the sender's clock in microseconds, or None when it is missing or senseless."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 17:
        return None
    return int(text)
