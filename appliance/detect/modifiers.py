"""Value modifiers of Sigma 2.1, each a row of one table: the kinds of values it takes and what it makes of them."""

from __future__ import annotations

import ipaddress
import math
import re
from base64 import b64encode
from codecs import BOM_UTF16_LE
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from .faulty import Refused
from .moments import PARTS, RANGES
from .nodes import Pattern, Wild
from .predicates import unmapped
from .regexes import like_regex
from .values import LARGEST_WHOLE
from .written import filled, joined, mapped, pattern_of, with_holes

#: Site lists: placeholder name in lower case → its values, texts as in a rule.
Lists = Mapping[str, Sequence[str]]
NO_LISTS: Lists = MappingProxyType({})
#: `windash` writes each value five ways for every dash in it.
MAX_DASHES = 4
#: What one value with placeholders may become.
MAX_FILLED = 10_000
#: Hyphen, slash, en dash, em dash, horizontal bar.
_DASHES = "-/–—―"
_DASH = re.compile(rf"\B[{_DASHES}]\b")
PLACEHOLDER = re.compile(r"(?<!\\)%[^%]+%")
_FLAGS = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}


@dataclass(frozen=True, slots=True)
class Text:
    """A text with wildcards. `encoded`: its characters are the bytes of an encoding."""

    pattern: Pattern
    cased: bool = False
    encoded: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A number; a comparison when `operator` says so, of a part of a time when `part` does."""

    number: int | float
    operator: str = "equals"
    part: str = ""


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression, searched for anywhere unless it is bound to the start or the end."""

    pattern: str
    flags: str = ""
    at_start: bool = False
    at_end: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """An address range in CIDR notation."""

    text: str


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a field has to be there."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """Another field of the same event."""

    field: str
    at_start: bool = False
    at_end: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """Alternatives that one value of a rule became; they stay alternatives under `all`."""

    values: tuple[Any, ...]


def value_of(raw: object, *, regex: bool) -> Any:
    """A value of a rule as it stands in YAML. Raises Refused."""
    if raw is None or isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        # A regular expression must keep its backslashes.
        return raw if regex else Text(pattern_of(raw))
    if isinstance(raw, int | float):
        return Number(_finite(raw))
    raise Refused(f"wartość {str(raw)[:60]!r} nie jest tekstem ani liczbą; ujmij ją w cudzysłów albo popraw wcięcia")


def _finite(number: float) -> int | float:
    """A number that events may have: whole ones stay exact, 4688.0 is 4688 as in an event."""
    try:
        finite = math.isfinite(number)
    except OverflowError:
        finite = False
    if not finite:
        raise Refused("ta liczba jest nieskończona albo za duża; popraw ją")
    return int(number) if isinstance(number, float) and number.is_integer() and abs(number) < LARGEST_WHOLE else number


def _contains(value: Any) -> Any:
    return _endswith(_startswith(value))


def _startswith(value: Any) -> Any:
    if not isinstance(value, Text):
        return replace(value, at_start=True)
    open_already = value.pattern[-1:] == (Wild.MANY,)
    return value if open_already else replace(value, pattern=(*value.pattern, Wild.MANY))


def _endswith(value: Any) -> Any:
    if not isinstance(value, Text):
        return replace(value, at_end=True)
    open_already = value.pattern[:1] == (Wild.MANY,)
    return value if open_already else replace(value, pattern=(Wild.MANY, *value.pattern))


def _windash(value: Text) -> Either:
    parts = with_holes(value.pattern, _DASH)
    ways = filled(parts, lambda _: [(dash,) for dash in _DASHES], len(_DASHES) ** MAX_DASHES)
    if ways is None:
        raise Refused(f"windash przy ponad {MAX_DASHES} kreskach w jednej wartości; skróć wartość")
    return Either(tuple(replace(value, pattern=way) for way in ways))


def _utf16(codec: str, mark: bytes = b"") -> Callable[[Text], Text]:
    def change(value: Text) -> Text:
        pattern = mapped(value.pattern, lambda text: text.encode(codec, "surrogatepass").decode("latin-1"))
        return replace(value, pattern=joined((mark.decode("latin-1"), *pattern)), encoded=True)

    return change


def _bytes(value: Text) -> bytes:
    if any(isinstance(part, Wild) for part in value.pattern):
        raise Refused("base64 nie przyjmuje * ani ?; poprzedź je znakiem \\ albo usuń")
    text = "".join(map(str, value.pattern))
    return text.encode("latin-1") if value.encoded else text.encode("utf-8", "surrogatepass")


def _base64(value: Text) -> Text:
    return Text((b64encode(_bytes(value)).decode(),), value.cased)


def _base64offset(value: Text) -> Either:
    """The text in the three places it may have in an encoded whole, without what its neighbours decide."""
    raw = _bytes(value)
    found = []
    for lead in range(3):
        # Bits of the bytes before and after share a character with ours: those characters are left out.
        first, last = (0, 2, 3)[lead], (None, -3, -2)[(lead + len(raw)) % 3]
        found.append(b64encode(b" " * lead + raw)[first:last].decode())
    if not all(found):
        raise Refused("wartość jest za krótka dla base64offset (pasowałaby do wszystkiego); wydłuż ją")
    return Either(tuple(Text((text,), value.cased) for text in found))


def _flag(letter: str) -> Callable[[Regex], Regex]:
    return lambda value: replace(value, flags="".join(sorted({*value.flags, letter})))


def _cidr(value: Text) -> Network:
    text = "".join("*" if isinstance(part, Wild) else part for part in value.pattern)
    try:
        return Network(str(unmapped(ipaddress.ip_network(text))))
    except ValueError as error:
        raise Refused(f"to nie jest adres sieci ({error}); zapisz go jak 10.0.0.0/8, bez bitów hosta") from error


def _fieldref(value: Text) -> Reference:
    if value.cased or value.encoded or len(value.pattern) != 1 or not isinstance(value.pattern[0], str):
        raise Refused("fieldref przyjmuje samą nazwę pola; startswith, endswith i contains pisz po nim")
    return Reference(value.pattern[0])


def _compare(operator: str) -> Callable[[Number], Number]:
    def change(value: Number) -> Number:
        if value.operator != "equals":
            raise Refused("dwa porównania w jednym wierszu; zapisz je jako dwa wiersze")
        return replace(value, operator=operator)

    return change


def _time_part(part: str) -> Callable[[Number], Number]:
    def change(value: Number) -> Number:
        least, most = RANGES[part]
        if value.part or value.operator != "equals":
            raise Refused(f"„{part}” musi stać zaraz po nazwie pola, przed porównaniem; zmień kolejność")
        if not isinstance(value.number, int) or not least <= value.number <= most:
            raise Refused(f"„{part}” to liczba całkowita od {least} do {most}; popraw wartość")
        return replace(value, part=part)

    return change


def local(value: Any, part: str) -> Any:
    """A value of a field that is a part of the event's time: a whole number, also as text. Raises Refused."""
    if isinstance(value, Either):
        return Either(tuple(local(each, part) for each in value.values))
    if isinstance(value, Text) and len(value.pattern) == 1 and str(value.pattern[0]).isdecimal():
        value = Number(int(str(value.pattern[0])))
    least, most = RANGES[part]
    if not isinstance(value, Number) or value.part or not isinstance(value.number, int):
        raise Refused(f"pole „{part}” to liczba całkowita od {least} do {most}; popraw wartość albo modyfikatory")
    if not least <= value.number <= most:
        raise Refused(f"„{part}” to liczba od {least} do {most}, nie {value.number}; popraw wartość")
    return replace(value, part=part)


def _expand(lists: Lists) -> Callable[[Any], Any]:
    def values(placeholder: str) -> Sequence[str]:
        name = placeholder[1:-1]
        if name.casefold() not in lists:
            raise Refused(
                f"symbol zastępczy {placeholder} nie ma wartości; utwórz listę swojego urzędu: "
                f"rules/lists/{name}.txt, jedna wartość w wierszu"
            )
        return lists[name.casefold()]

    def change(value: Any) -> Either:
        regex = isinstance(value, Regex)
        pattern: Pattern = (value.pattern,) if regex else value.pattern
        parts = [part.replace("\\%", "%") if type(part) is str else part for part in with_holes(pattern, PLACEHOLDER)]

        def choices(placeholder: str) -> list[Pattern]:
            found = [pattern_of(each) for each in values(placeholder)]
            # What the office wrote is plain text to the expression around it.
            return [(like_regex(each, anchored=False),) for each in found] if regex else found

        ways = filled(parts, choices, MAX_FILLED)
        if ways is None:
            raise Refused(f"listy dają ponad {MAX_FILLED} wartości w jednym miejscu; skróć je")
        return Either(tuple(replace(value, pattern="".join(map(str, way)) if regex else way) for way in ways))

    return change


@dataclass(frozen=True, slots=True)
class Modifier:
    """What a modifier takes and what it makes of each value."""

    takes: tuple[type, ...]
    change: Callable[[Any], Any]


#: What leaves no placeholder to be seen.
_ENCODINGS = frozenset({"base64", "base64offset", "wide", "utf16le", "utf16be", "utf16"})
#: Modifiers of the whole line: how its values are joined, and that it is negated.
LINE_WIDE = frozenset({"all", "neq"})
_ANY_TEXT = (Text, Regex, Reference)
_TABLE: Mapping[str, Modifier] = {
    "contains": Modifier(_ANY_TEXT, _contains),
    "startswith": Modifier(_ANY_TEXT, _startswith),
    "endswith": Modifier(_ANY_TEXT, _endswith),
    "cased": Modifier((Text,), lambda value: replace(value, cased=True)),
    "windash": Modifier((Text,), _windash),
    "base64": Modifier((Text,), _base64),
    "base64offset": Modifier((Text,), _base64offset),
    "wide": Modifier((Text,), _utf16("utf-16-le")),
    "utf16le": Modifier((Text,), _utf16("utf-16-le")),
    "utf16be": Modifier((Text,), _utf16("utf-16-be")),
    "utf16": Modifier((Text,), _utf16("utf-16-le", BOM_UTF16_LE)),
    "re": Modifier((str,), Regex),
    "cidr": Modifier((Text,), _cidr),
    "fieldref": Modifier((Text,), _fieldref),
    "exists": Modifier((bool,), Presence),
    **{name: Modifier((Regex,), _flag(letter)) for name, letter in _FLAGS.items()},
    **{name: Modifier((Number,), _compare(name)) for name in ("lt", "lte", "gt", "gte")},
    **{name: Modifier((Number,), _time_part(name)) for name in PARTS},
}
NAMES = frozenset({*_TABLE, *LINE_WIDE, "expand"})


def modified(value: Any, names: Sequence[str], lists: Lists) -> Any:
    """A value after the modifiers of its line, from left to right. Raises Refused."""
    for place, name in enumerate(names):
        if name in LINE_WIDE:
            continue
        if name == "expand" and not _ENCODINGS.isdisjoint(names[:place]):
            raise Refused("expand musi stać przed kodowaniem (base64, utf16…); zmień kolejność modyfikatorów")
        row = Modifier((Text, Regex), _expand(lists)) if name == "expand" else _TABLE[name]
        value = _changed(value, name, row)
    return value


def _changed(value: Any, name: str, row: Modifier) -> Any:
    if isinstance(value, Either):
        found = [_changed(each, name, row) for each in value.values]
        return Either(
            tuple(inner for each in found for inner in (each.values if isinstance(each, Either) else (each,)))
        )
    if not isinstance(value, row.takes):
        raise Refused(f"modyfikator „{name}” nie pasuje do tej wartości; popraw wartość albo kolejność modyfikatorów")
    return row.change(value)
