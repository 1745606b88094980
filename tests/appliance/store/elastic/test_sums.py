"""Sums over documents: the same in any order and in any portions, another one for any change."""

from __future__ import annotations

import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import HOUR
from appliance.store.elastic.documents import displaced, dump, encode
from appliance.store.elastic.sums import BYTES, Summed, added, hour_of, summed
from tests.appliance.store.conftest import NOW

Documents = list[tuple[str, bytes]]


def documents(count: int, at: int = NOW) -> Documents:
    return [(f"{n:032x}", dump({"event.ingested": at, "n": n})) for n in range(count)]


def one(found: Documents) -> Summed:
    (only,) = summed("i", found)
    return only


@given(st.integers(0, 2**32), st.integers(1, 29))
def test_neither_order_nor_portions_matter(seed: int, cut: int) -> None:
    found = documents(30)
    whole = one(found)
    random.Random(seed).shuffle(found)
    first, second = one(found[:cut]), one(found[cut:])
    assert first.events + second.events == whole.events == 30
    assert added(first.sum, second.sum) == whole.sum
    assert len(whole.sum) == BYTES


def test_many_documents_sum_as_their_portions_do() -> None:
    found = documents(1300)
    total = bytes(BYTES)
    for at in range(0, 1300, 100):
        total = added(total, one(found[at : at + 100]).sum)
    assert one(found).sum == total


@pytest.mark.parametrize("change", ["flipped", "removed", "added", "twice", "renamed", "swapped"])
def test_any_change_is_seen(change: str) -> None:
    before, found = one(documents(9)), documents(9)
    if change == "flipped":
        found[4] = (found[4][0], found[4][1].replace(b'"n":4', b'"n":5'))
    elif change == "removed":
        del found[4]
    elif change == "added":
        found.append((f"{99:032x}", found[0][1]))
    elif change == "twice":
        found.append(found[0])
    elif change == "renamed":
        found[4] = (f"{99:032x}", found[4][1])
    else:
        found[3], found[4] = (found[3][0], found[4][1]), (found[4][0], found[3][1])
    assert one(found).digest != before.digest


def test_an_hour_is_that_of_arrival() -> None:
    found = [*documents(2), *documents(3, NOW + HOUR)]
    assert [(part.hour, part.events) for part in summed("i", found)] == [
        (NOW - NOW % HOUR, 2),
        (NOW - NOW % HOUR + HOUR, 3),
    ]


@pytest.mark.parametrize("ingested", [NOW - 5 * HOUR, "yesterday", 1.5, (NOW, NOW), None])
def test_the_hour_is_the_same_however_the_field_is_kept(ingested: object) -> None:
    event = {"event.id": f"{7:032x}", "@timestamp": NOW, "message": f'"event.ingested":{NOW - 9 * HOUR},'}
    if ingested is not None:
        event["event.ingested"] = ingested
    document = encode(event)  # type: ignore[arg-type]
    at = ingested if type(ingested) is int else NOW
    wanted = at - at % HOUR
    assert hour_of(dump(document)) == wanted
    assert hour_of(dump(displaced(orjson.loads(dump(document)), None))) == wanted
