"""The most frequent values of a field, as they were written, exactly where the engine can say it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.normalise.model import Event, Value
from appliance.search import Field, Kind, columns
from appliance.search.evaluate import elements, text_of
from appliance.search.fold import fold
from appliance.store.elastic.clauses import Clause, exists
from appliance.store.elastic.documents import MARK, SEPARATOR, escaped, kind_of, read, tag
from appliance.store.elastic.mapping import ID, LONG, REST, TIME, TIMESTAMP
from appliance.store.shape import scalar

FIRST, LARGEST = 100, 10_000
"""Values that are asked for at first and at most; past the most, ties of the rarest may be cut."""
_RESERVED = re.compile(r'[.?+*|{}\[\]()"\\#@&<>~^$-]')
_BEGINNING = 60
"""Characters of a beginning that the engine is told."""
Named = tuple[str, str]
"""Kind and text of a value."""


@dataclass(frozen=True, slots=True)
class Column:
    """A place where the engine can count values: an aggregation's options, and the kind of its keys (None: entries)."""

    options: Mapping[str, Any]
    kind: str | None


def columns_of(fields: Sequence[Field], prefix: str = "") -> list[Column]:
    """Return where the values of fields are counted, as far as can be said those alone that begin so (folded)."""
    found: list[Column] = []
    for field in fields:
        typed = column_of(field.name)
        begun = f"{_begun(prefix)}(.|\n)*"
        if typed is not None:
            textual = prefix and typed.kind == "s"
            found.append(Column({**typed.options, "include": begun}, typed.kind) if textual else typed)
        start = f"{_plain(escaped(field.name))}{SEPARATOR}{tag(field.name)}[sSiIfFbB]{MARK}{begun}"
        found.append(Column({"field": f"{REST}.raw", "include": start}, None))
    return found


def column_of(name: str) -> Column | None:
    """Return where the engine has the values of a field that fit the schema; None where it does not."""
    match columns().get(name):
        case None | Kind.TEXT:
            return None
        case Kind.LONG | Kind.DATE:
            return Column({"field": TIME if name == TIMESTAMP else name}, "i")
        case Kind.BOOLEAN:
            return Column({"field": name}, "b")
    return Column({"field": name if name == ID else f"{name}.raw"}, "s")


def uncounted(fields: Sequence[Field]) -> list[Clause]:
    """Return what finds the documents whose values no column has."""
    whole = [exists(field.name) for field in fields if columns().get(field.name) is Kind.TEXT]
    return [*whole, {"terms": {LONG: [*sorted({field.name for field in fields}), REST]}}]


def aggregations(places: Sequence[Column], size: int) -> dict[str, Any]:
    """Return the aggregations that count each column's most frequent values."""
    options = {"size": size, "show_term_doc_count_error": True}
    return {str(at): {"terms": {**place.options, **options}} for at, place in enumerate(places)}


@dataclass(slots=True)
class Tally:
    """Counts of values; `floor` is the most that any value may have that is not among them."""

    counts: Counter[Named]
    floor: int = 0
    exact: bool = True

    @classmethod
    def read(cls, places: Sequence[Column], answer: Mapping[str, Any], prefix: str = "") -> Tally:
        """Return what an answer says of the values that begin so; nothing when there is no index to answer."""
        tally = cls(Counter())
        for at, place in enumerate(places if "0" in answer else ()):
            told = answer[str(at)]
            for bucket in told["buckets"]:
                named = _named(place, bucket)
                if fold(named[1]).startswith(prefix):
                    tally.counts[named] += bucket["doc_count"]
                tally.exact = tally.exact and not bucket.get("doc_count_error_upper_bound", 0)
            if told["sum_other_doc_count"] and told["buckets"]:
                tally.floor += told["buckets"][-1]["doc_count"] + told["doc_count_error_upper_bound"]
        return tally

    def best(self, beside: Counter[Named], n: int) -> tuple[list[tuple[Value, int]], bool]:
        """Return the `n` most frequent values, those counted beside included, and whether that is certain."""
        merged = self.counts + beside
        order = sorted(merged.items(), key=lambda one: (-one[1], one[0][1], one[0][0]))[:n]
        least = order[-1][1] if len(order) == n else 0
        unseen = max((count for name, count in beside.items() if name not in self.counts), default=0)
        sure = self.floor == 0 or (self.exact and least > self.floor + unseen)
        return [(scalar(*name), count) for name, count in order], sure


def tally_of(events: Iterable[Event], fields: Sequence[Field], prefix: str = "") -> Counter[Named]:
    """Return the counts of the values, those that begin so, of events that were looked at one by one."""
    counts: Counter[Named] = Counter()
    for event in events:
        for field in fields:
            if field.name in event:
                named = {(kind_of(one), text_of(one)) for one in elements(event[field.name])}
                counts.update(one for one in named if fold(one[1]).startswith(prefix))
    return counts


def _named(place: Column, bucket: Mapping[str, Any]) -> Named:
    if place.kind is None:
        _, kind, text = read(bucket["key"])
        return kind.lower(), text
    return place.kind, str(bucket.get("key_as_string", bucket["key"]) if place.kind == "b" else bucket["key"])


def _begun(prefix: str) -> str:
    """Return an expression for texts as written whose folded text begins so, and for some more."""
    return "".join(_letter(character) for character in prefix[:_BEGINNING])


def _letter(character: str) -> str:
    # The small letters of two signs outside ASCII are within: of İ and of the sign for kelvin.
    if not character.isascii() or character in "ik":
        return "(.|\n)"
    return f"[{character}{character.upper()}]" if character.isalpha() else _plain(character)


def _plain(text: str) -> str:
    return _RESERVED.sub(lambda found: f"\\{found[0]}", text)
