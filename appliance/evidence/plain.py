"""Values and events as canonical JSON. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from appliance.evidence.verify import canonical
from appliance.normalise.model import Event

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


def event_line(event: Event) -> bytes:
    """Return an event as one line of canonical JSON: what its leaf is the SHA-256 of."""
    return canonical(plain(event))
