"""pySigma for the oracle: modifiers that its 1.5 lacks or reads otherwise than Sigma 2.1, written apart from ours."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar
from unittest.mock import patch

from sigma.modifiers import (
    SigmaContainsModifier,
    SigmaEndswithModifier,
    SigmaListModifier,
    SigmaStartswithModifier,
    SigmaValueModifier,
    modifier_mapping,
)
from sigma.types import (
    Placeholder,
    SigmaCasedString,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)


class Octets(SigmaString):
    """A text whose characters are bytes."""


class CasedOctets(SigmaCasedString, Octets):
    """The same, cased."""


def like(old: SigmaString, parts: list[Any], kind: type[SigmaString] = SigmaString) -> SigmaString:
    """A text of `parts` that is cased when the old one was."""
    if isinstance(old, SigmaCasedString):
        kind = CasedOctets if kind is Octets else SigmaCasedString
    made = kind("")
    made.s = parts
    return made._merge_strs()


def units(text: str) -> Iterator[int]:
    for char in text:
        code = ord(char)
        if code < 0x10000:
            yield code
        else:
            yield 0xD800 + (code - 0x10000) // 0x400
            yield 0xDC00 + (code - 0x10000) % 0x400


class Utf16Le(SigmaValueModifier[SigmaString, SigmaString]):
    big: ClassVar[bool] = False
    mark: ClassVar[str] = ""

    def modify(self, val: SigmaString) -> SigmaString:
        parts: list[Any] = [self.mark] if self.mark else []
        for part in val.s:
            if isinstance(part, str):
                pairs = ((unit // 256, unit % 256) if self.big else (unit % 256, unit // 256) for unit in units(part))
                parts.append("".join(chr(octet) for pair in pairs for octet in pair))
            else:
                parts.append(part)
        return like(val, parts, Octets)


class Utf16Be(Utf16Le):
    big = True


class Utf16(Utf16Le):
    mark = "\xff\xfe"


def octets(val: SigmaString) -> bytes:
    text = "".join(part for part in val.s if isinstance(part, str))
    return bytes(ord(char) for char in text) if isinstance(val, Octets) else text.encode()


class Base64(SigmaValueModifier[SigmaString, SigmaString]):
    def modify(self, val: SigmaString) -> SigmaString:
        return like(val, [b64encode(octets(val)).decode()])


class Base64Offset(SigmaValueModifier[SigmaString, SigmaExpansion]):
    """What stays the same whatever stands before and after."""

    def modify(self, val: SigmaString) -> SigmaExpansion:
        found: list[Any] = []
        for lead in range(3):
            rows = [
                b64encode(before * lead + octets(val) + after * 3).decode()
                for before in (b"\x00", b"\xff")
                for after in (b"\x00", b"\xff")
            ]
            steady = [column[0] if len(set(column)) == 1 else " " for column in zip(*rows, strict=True)]
            # After the text come the neighbours' own characters, which differ between the rows.
            text = "".join(steady)
            start = len(text) - len(text.lstrip(" "))
            found.append(like(val, [text[start:].partition(" ")[0]]))
        return SigmaExpansion(found)


class Windash(SigmaValueModifier[SigmaString, SigmaExpansion]):
    def modify(self, val: SigmaString) -> SigmaExpansion:
        marked = val.replace_with_placeholder(re.compile(r"\B[-/\u2013\u2014\u2015]\b"), "dash")
        ways = marked.replace_placeholders(lambda _: iter("-/\u2013\u2014\u2015"))
        return SigmaExpansion([like(val, way.s) for way in ways])


class Anchored:
    """`startswith` and `endswith` of a regular expression bind it; pySigma lengthens it by `.*`."""

    def modify(self, val: Any) -> Any:
        if isinstance(val, SigmaRegularExpression):
            val.binds = getattr(val, "binds", frozenset()) | self.ends  # type: ignore[attr-defined]
            return val
        return super().modify(val)  # type: ignore[misc]


class Contains(Anchored, SigmaContainsModifier):
    ends = frozenset({"start", "end"})

    def modify(self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference) -> Any:
        return super().modify(val)


class StartsWith(Anchored, SigmaStartswithModifier):
    ends = frozenset({"start"})

    def modify(self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference) -> Any:
        return super().modify(val)


class EndsWith(Anchored, SigmaEndswithModifier):
    ends = frozenset({"end"})

    def modify(self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference) -> Any:
        return super().modify(val)


def expand_with(lists: Mapping[str, Sequence[str]]) -> type[SigmaListModifier[Any, Any]]:
    def patterns(placeholder: Placeholder) -> Iterator[SigmaString]:
        return map(SigmaString, lists[placeholder.name.casefold()])

    def regexes(placeholder: Placeholder) -> Iterator[str]:
        wild: dict[Any, str] = {SpecialChars.WILDCARD_MULTI: "(?s:.*)", SpecialChars.WILDCARD_SINGLE: "(?s:.)"}
        for value in patterns(placeholder):
            yield "".join(re.escape(part) if isinstance(part, str) else wild[part] for part in value.s)

    class Expand(SigmaValueModifier[SigmaString | SigmaRegularExpression, SigmaExpansion]):
        def modify(self, val: SigmaString | SigmaRegularExpression) -> SigmaExpansion:
            if isinstance(val, SigmaString):
                return SigmaExpansion(
                    [like(val, way.s) for way in val.insert_placeholders().replace_placeholders(patterns)]
                )
            ways = val.regexp.insert_placeholders().replace_placeholders(regexes)
            texts = ["".join(part for part in way.s if isinstance(part, str)) for way in ways]
            return SigmaExpansion(
                [SigmaRegularExpression(SigmaString.from_str(text), set(val.flags)) for text in texts]
            )

    return Expand  # type: ignore[return-value]


def whole(self: SigmaNumber, given: Any) -> None:
    """pySigma makes floats of large integers."""
    number = given if isinstance(given, int) else float(given)
    self.number = int(number) if abs(number) < 10**18 and int(number) == number else number


@contextmanager
def sigma_2_1(lists: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Lend pySigma what it lacks, for as long as rules are read."""
    lent: dict[str, Any] = {
        "utf16le": Utf16Le,
        "wide": Utf16Le,
        "utf16be": Utf16Be,
        "utf16": Utf16,
        "base64": Base64,
        "base64offset": Base64Offset,
        "windash": Windash,
        "expand": expand_with(lists),
        "contains": Contains,
        "startswith": StartsWith,
        "endswith": EndsWith,
    }
    before = dict(modifier_mapping)
    modifier_mapping.update(lent)
    try:
        with patch.object(SigmaNumber, "__post_init__", whole):
            yield
    finally:
        modifier_mapping.clear()
        modifier_mapping.update(before)
