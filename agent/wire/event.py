"""The event: a flat dict of dotted names, and its deterministic identity."""

from __future__ import annotations

from hashlib import blake2b
from typing import Union

Scalar = Union[str, int, float, bool]
Value = Union[Scalar, None, list[Scalar], tuple[Scalar, ...]]
Record = dict[str, Value]
"""One record on its way, flat: dotted names (ECS where ECS has a name) to scalars or lists of scalars."""

ID = "event.id"
MODULE = "event.module"
TIMESTAMP = "@timestamp"
CREATED = "event.created"

_SEPARATOR = b"\x1f"


def event_id(*parts: object) -> str:
    """Return the 128-bit BLAKE2b identity, 32 hex digits, of what makes a record unique at its source.

    Equal parts give equal ids on every machine, which is what makes re-sending harmless.
    """
    joined = _SEPARATOR.join(str(part).encode("utf-8", "surrogatepass") for part in parts)
    return blake2b(joined, digest_size=16).hexdigest()
