"""Events as JSON, whatever numbers they hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import orjson


def json_of(event: Mapping[str, Any]) -> bytes:
    """Return an event as one JSON object: integers of any size in full, numbers that are none (NaN, infinity) null."""
    try:
        return orjson.dumps(dict(event), default=str)
    except TypeError:
        # orjson refuses integers past 64 bits.
        return json.dumps({name: _plain(value) for name, value in event.items()}, ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
