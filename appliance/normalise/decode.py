"""Strict JSON: one line of bytes to one object, or a Polish sentence why not."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, NoReturn

import orjson

from agent.wire.limits import MAX_DEPTH, MAX_RECORD
from appliance.normalise.model import Unreadable

_BLANK = b" \t\r\n"
HIDDEN = len('"":0,')
"""The fewest bytes of a member that the fast parser can hide."""
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1


def decode(line: bytes) -> dict[str, Any]:
    """Return the JSON object of one line.

    Integers past 64 bits and numbers past a double become text, lone surrogates U+FFFD, NUL U+2400. Raises Unreadable
    for anything that is no JSON object: bad UTF-8, NaN, duplicate keys, nesting past MAX_DEPTH, more than MAX_RECORD
    bytes.
    """
    return settled(line, glance(line))


def glance(line: bytes) -> Any:
    """Return what the fast parser sees, None where it sees nothing: it may hide things, which `settled` finds.

    Raises Unreadable for more than MAX_RECORD bytes.
    """
    if len(line) > MAX_RECORD:
        raise Unreadable(f"Rekord jest za długi: {len(line)} B. Dopuszczalna długość: {MAX_RECORD} B.")
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def settled(line: bytes, glanced: Any) -> dict[str, Any]:
    """Return what `decode` returns for a line, of which a glance has been taken."""
    if glanced is None:
        return decode_exactly(line)
    if not isinstance(glanced, dict):
        raise Unreadable("Rekord nie jest obiektem JSON.")
    return glanced if _same(line, glanced) or not _suspicious(line, glanced) else decode_exactly(line)


def _same(line: bytes, record: dict[str, Any]) -> bool:
    """Tell whether the record, written again, is the line: then the fast parser has hidden nothing.

    A repeated key or a rounded integer would be missing or changed. Agents write as compactly as orjson does. Blanks
    behind the record hide nothing.
    """
    try:
        again = orjson.dumps(record, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        return False
    if (again != line and again != line.rstrip(_BLANK)) or b"\\u0000" in line:
        return False
    # Most records hold texts and numbers only: one bracket, the first byte.
    return line.rfind(b"{") == 0 == line.rfind(b"[") + 1 or line.count(b"{") + line.count(b"[") <= MAX_DEPTH


def _suspicious(line: bytes, record: dict[str, Any]) -> bool:
    """Tell whether the fast parser may have hidden something: a repeated key, a rounded integer, a NUL."""
    if b"\\u0000" in line or b'\\\\":' in line or line.count(b'" ') != line.count(b'\\" '):
        return True
    if b'"\t' in line or b'"\n' in line or b'"\r' in line:
        return True
    count, risky = _census(record)
    return risky or line.count(b'":') - line.count(b'\\":') != count


def _census(root: dict[str, Any]) -> tuple[int, bool]:
    """Return the number of keys in nested objects, and whether a number or the depth needs the exact parser."""
    keys, stack = 0, [(root, 1)]
    while stack:
        item, depth = stack.pop()
        if depth > MAX_DEPTH:
            return keys, True
        if isinstance(item, dict):
            keys += len(item)
        for value in item.values() if isinstance(item, dict) else item:
            kind = type(value)
            if kind is str:
                continue
            if kind is dict or kind is list:
                stack.append((value, depth + 1))
            # The least integer itself counts: one below it is rounded to the same float.
            elif value is not None and not _INT_MIN < value <= _INT_MAX:
                return keys, True
    return keys, False


def decode_exactly(line: bytes) -> dict[str, Any]:
    """Return what `decode` returns, by a parser that sees every key and number as written; slowly."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"Rekord nie jest tekstem UTF-8. Pierwszy błędny bajt: {error.start}.") from error
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise Unreadable(f"Rekord jest zagnieżdżony głębiej niż {MAX_DEPTH} poziomy.")
    try:
        record = json.loads(
            text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise Unreadable(f"Rekord nie jest poprawnym zapisem JSON. Miejsce błędu: znak {error.pos}.") from error
    if not isinstance(record, dict):
        raise Unreadable("Rekord nie jest obiektem JSON.")
    cleaned = clean(record)
    assert isinstance(cleaned, dict)
    return cleaned


def _depth(text: str) -> int:
    """Return the deepest nesting of brackets outside strings."""
    depth = deepest = 0
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif quoted:
            if character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        name = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Unreadable(f"Rekord ma dwa razy ten sam klucz „{clean(name[:60])}”.")
    return result


def _integer(text: str) -> int | str:
    if len(text) > 20:
        return text
    number = int(text)
    return number if _INT_MIN <= number <= _INT_MAX else text


def _float(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else text


def _constant(text: str) -> NoReturn:
    raise Unreadable(f"Rekord zawiera wartość {text}. JSON nie zna takiej liczby.")


def clean(value: Any) -> Any:
    """Return the value with NUL as U+2400 and lone surrogates as U+FFFD in every text and key."""
    if isinstance(value, str):
        return value.replace("\x00", "\u2400").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return value
