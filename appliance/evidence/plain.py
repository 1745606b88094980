"""Values and events as canonical JSON. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from appliance.evidence.chain import canonical

_LISTS = {tuple, list}
_SURROGATES = re.compile("[\ud800-\udfff]")


def plain(value: Any) -> Any:
    """Return a value that canonical JSON can hold: text without lone surrogates, lists, no float that is not finite."""
    if isinstance(value, str):
        # `str` makes plain text of enumerations.
        return str(value) if value.isascii() else _SURROGATES.sub("\ufffd", value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {plain(str(name)): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value


def event_line(event: Mapping[str, Any]) -> bytes:
    """Return an event as one line of canonical JSON."""
    # Floats are written by Python alone.
    kinds = set(map(type, event.values()))
    if float not in kinds and not (kinds & _LISTS and any(map(_has_float, event.values()))):
        try:
            return orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            # An integer beyond 64 bits, a lone surrogate.
            pass
    return canonical(plain(event))


def event_digest(event: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an event's line, in hexadecimal."""
    return hashlib.sha256(event_line(event)).hexdigest()


def _has_float(value: Any) -> bool:
    return type(value) in _LISTS and any(type(one) is float for one in value)
