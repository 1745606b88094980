"""Values of the types that rules/schema/fields.yaml gives to known fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from appliance.normalise.common import short_address, text_of
from appliance.normalise.model import Scalar, Value
from appliance.normalise.times import guess_time, parse_time

_LONGEST = 20


def fit(kind: str, value: Value, *, foreign: bool = False) -> Value | None:
    """Return the value as the type says, each item of a tuple by itself; None when any does not fit.

    Dates of `foreign` documents may count in other units than microseconds.
    """
    convert = guess_time if foreign and kind == "date" else _CONVERSIONS[kind]
    if not isinstance(value, tuple):
        return convert(value)
    items = tuple(convert(item) for item in value)
    return None if None in items else tuple(item for item in items if item is not None)


def _long(value: Scalar) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1 << 63 else None
    if len(value) > _LONGEST or not value.removeprefix("-").isdecimal() or not value.isascii():
        return None
    return _long(int(value))


def _address(value: Scalar) -> str | None:
    return value if isinstance(value, str) and short_address(value) else None


def _boolean(value: Scalar) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


_CONVERSIONS: Mapping[str, Callable[[Scalar], Scalar | None]] = MappingProxyType(
    {
        "keyword": text_of,
        "wildcard": text_of,
        "text": text_of,
        "long": _long,
        "ip": _address,
        "boolean": _boolean,
        "date": parse_time,
    }
)
