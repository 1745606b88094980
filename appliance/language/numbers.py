"""Numbers as people read them: decimal comma, groups of three from 10 000, rounding that never flatters."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import pairwise

NBSP = "\u00a0"
_DECIMAL = {"pl": ",", "en": "."}
_GROUP = {"pl": NBSP, "en": ","}
# A Polish number of four digits is written without a gap; an English one has its comma.
_GROUP_FROM = {"pl": 10_000, "en": 1_000}
# Wide enough for every float, whose largest has 309 digits.
_WIDE = Context(prec=400)
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def _written(value: Decimal, lang: str) -> str:
    """Return a decimal in the language's signs, without trailing zeros after the decimal sign."""
    whole, _, fraction = f"{abs(value):f}".partition(".")
    if int(whole) >= _GROUP_FROM[lang]:
        whole = f"{int(whole):,}".replace(",", _GROUP[lang])
    fraction = fraction.rstrip("0")
    text = whole + (_DECIMAL[lang] + fraction if fraction else "")
    return f"-{text}" if value < 0 else text


def number(n: float, lang: str, decimals: int = 1) -> str:
    """Return a number as text with at most `decimals` digits after the decimal sign; ValueError for NaN, infinity."""
    if isinstance(n, int):
        return _written(Decimal(n), lang)
    exact = Decimal(repr(n))
    if not exact.is_finite():
        raise ValueError(f"not a number that can be written: {n}")
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=_WIDE)
    return _written(rounded or Decimal(0), lang)


def size(count: int, lang: str) -> str:
    """Return a count of bytes in decimal units: „512 B”, „1,4 GB”; from 100 of a unit on without a fraction."""
    value, unit = Decimal(count), 0
    while unit < len(_UNITS) - 1 and abs(_rounded_size(value, unit)) >= 1000:
        value, unit = value / 1000, unit + 1
    return f"{_written(_rounded_size(value, unit), lang)}{NBSP}{_UNITS[unit]}"


def _rounded_size(value: Decimal, unit: int) -> Decimal:
    coarse = unit == 0 or abs(value) >= 100
    return value.quantize(Decimal(1) if coarse else Decimal("0.1"), rounding=ROUND_HALF_UP, context=_WIDE)


def shares(parts: Sequence[int], lang: str) -> list[str]:
    """Return what the parts are of their sum, as percentages that make 100; en dashes when the sum is nothing.

    The first is the part that reassures and is rounded down; the others take what is left, by largest remainder.
    """
    whole = sum(parts)
    if whole == 0:
        return ["–"] * len(parts)
    tenths = [divmod(1000 * part, whole) for part in parts]
    found = [tenth for tenth, _ in tenths]
    by_rest = sorted(range(1, len(parts)), key=lambda at: tenths[at][1], reverse=True)
    for at in range(1000 - sum(found)):
        found[by_rest[at % len(by_rest)]] += 1
    return [f"{_written(Decimal(one) / 10, lang)}%" for one in found]


def phone(digits: str) -> str:
    """Return a Polish telephone number in groups: „22 123 45 67” for landlines, „600 700 800” for mobiles.

    Anything that is not nine digits (with or without +48) is returned as it was written.
    """
    bare = digits.replace(" ", "").replace("-", "")
    prefix = "+48" + NBSP if bare.startswith("+48") else ""
    local = bare.removeprefix("+48")
    if len(local) != 9 or not (local.isascii() and local.isdigit()):
        return digits
    mobile = local[:2] in {"45", "50", "51", "53", "57", "60", "66", "69", "72", "73", "78", "79", "88"}
    cuts = (3, 6) if mobile else (2, 5, 7)
    edges = (0, *cuts, len(local))
    return prefix + NBSP.join(local[a:b] for a, b in pairwise(edges))
