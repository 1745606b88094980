"""What is said of many values at once is what is said of each."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from appliance.detect import partition
from appliance.detect.clauses import Kind, Literal
from appliance.detect.index import KeyIndex
from appliance.detect.keywords import AllKeywords, KeywordIndex
from appliance.detect.literals import LiteralScan
from appliance.detect.memo import Budget, Samples
from appliance.detect.nodes import Atom, Op
from appliance.detect.routes import event_class
from appliance.detect.values import Value, fold, fold_all
from tests.appliance.detect.kit import engine, one, rule

LETTERS = "aAbB\0żŻ\u212aßΣςİ\ud800"


def _texts(count: int) -> list[str]:
    draw = random.Random(7)
    return ["".join(draw.choices(LETTERS, k=draw.randrange(6))) for _ in range(count)]


@pytest.mark.parametrize("several", [[], [""], ["A", "Ż"], ["A", "ß"], ["A\0b", "C"], _texts(200)])
def test_many_texts_are_folded_as_each_is(several: Sequence[str]) -> None:
    assert fold_all(several) == [fold(text) for text in several]


def test_literals_are_found_within_each_text_alone() -> None:
    literals = {"a": (1, 2, 4), "ab": (8, 16, 32), "ż": (64, 128, 256), "ba": (512, 1024, 2048)}
    scan = LiteralScan(literals)
    texts = fold_all([*_texts(300), "b", "a", "", "a", "b"])
    assert scan.masks(texts) == [scan.mask(text) for text in texts]
    assert len(set(scan.masks(texts))) > 10
    assert scan.masks([]) == []


def test_an_index_says_of_many_values_what_it_says_of_each() -> None:
    literals = {
        Literal("k", Kind.INFIX, "ab"): 1,
        Literal("k", Kind.PREFIX, "a"): 2,
        Literal("k", Kind.SUFFIX, "ż"): 4,
        Literal("k", Kind.EQUALS, "1"): 8,
        Literal("k", Kind.PRESENT): 16,
        Literal("k", Kind.ATOM, node=Atom("k", Op.REGEX, ("^a+$", ""))): 32,
        Literal("k", Kind.ATOM, node=Atom("k", Op.COMPARE, ("gt", 3.0))): 64,
        Literal("k", Kind.TEST, node=Atom("k", Op.CASED_EQUALS, "A")): 128,
    }
    index = KeyIndex("k", literals, Budget())
    values: list[Value] = [*_texts(200), "A", "aa", 1, 1.0, True, 5, (), ("ab", 1), ("x", "ż"), (True,), 2**70]
    assert index.masks(values) == [index.mask(value) for value in values]
    assert index.masks([]) == []


def test_keywords_of_many_indexes_are_sought_together() -> None:
    found = AllKeywords()
    first = KeywordIndex({Literal(None, Kind.INFIX, "kiosk"): 1, Literal(None, Kind.INFIX, "77"): 2})
    second = KeywordIndex({Literal(None, Kind.INFIX, "kiosk"): 1, Literal(None, Kind.INFIX, "mur"): 2})
    bits = found.bits(first), found.bits(second)
    assert bits[0] & bits[1] == found.found(b"A KIOSK")
    assert found.found("a \u212aio\u017fk mur".encode()) == bits[1]
    assert found.found(b"nothing") == 0
    assert found.numeric == bits[0] & ~bits[1]
    third = KeywordIndex({Literal(None, Kind.INFIX, "żółw"): 1})
    assert found.found("ŻÓŁW".encode()) == 0
    assert found.bits(third) == found.found("ŻÓŁW, ß".encode())
    assert len(found) == 4
    assert AllKeywords().found(b"anything") == 0


@pytest.mark.parametrize("keywords", [("kiosk", "ab"), ("żółw", "ab"), ("a\0b", "\x01"), ("kiosk", "żab\ud800")])
def test_keywords_of_many_events_are_found_in_each(keywords: tuple[str, ...]) -> None:
    index = KeywordIndex({Literal(None, Kind.INFIX, text): 1 << bit for bit, text in enumerate(keywords)})
    draw = random.Random(3)
    # Of Ⱥ the small letter takes a byte more, of the Kelvin sign two less.
    pieces = [
        "a",
        "b",
        "B",
        "AB",
        "\0",
        "\x01",
        "Ⱥ",
        "ß",
        "ż",
        "Kiosk",
        "\u212aio\u017fk",
        "ŻÓŁW",
        "żab\ud800",
        "",
        "\n",
    ]
    for _ in range(300):
        rests = [(7 * at, "".join(draw.choices(pieces, k=draw.randrange(4)))) for at in range(draw.randrange(6))]
        wanted = {at: mask for at, rest in rests if (mask := index.mask(rest))}
        assert dict(index.places(rests)) == wanted


def test_a_partition_is_taught_once_it_has_seen_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "_WORTH_IT", 0)
    taught = engine(rule(one("a|contains: 'b'")), rule(one("a: 'x'")))
    events = [{"event.module": "test", "a": f"{number} b"} for number in range(40)]
    samples = Samples(wanted=20, a_rule=20)
    monkeypatch.setattr(taught, "_samples", samples)
    made = taught.partition(event_class(events[0]))
    room = samples.room
    assert made.wanted(39) == 0
    assert made.wanted(1) == 20
    before = made.index
    made.teach(events)
    assert made.learned
    assert made.index is not before
    assert samples.room == room
    assert made.wanted(1000) == 0
    assert [len(taught.match(event)) for event in (events[0], {**events[0], "a": "x"})] == [1, 1]
