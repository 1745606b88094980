"""What is kept from record to record is bounded, whatever a sender makes up."""

from __future__ import annotations

import json
from collections.abc import Sized
from typing import Any

import pytest

from appliance.normalise import flatten, identity, normalise, windows_plan, windows_quick, windows_scan, windows_shape
from appliance.normalise.flatten import MAX_ITEMS
from appliance.normalise.foreign import MAX_LEAVES, MAX_URL, complete_url, leaves, name_and_value
from appliance.normalise.windows_plan import plan_for
from tests.appliance.normalise.cases import SOURCE

SYSMON = "Microsoft-Windows-Sysmon/Operational"
PLAN = plan_for(SYSMON, 1)


def send(**fields: Any) -> None:
    normalise(json.dumps({"EventID": 1, "Channel": SYSMON, **fields}, separators=(",", ":")).encode(), SOURCE)


def xml(data: str) -> None:
    head = f"<System><EventID>1</EventID><Channel>{SYSMON}</Channel></System>"
    send(xml=f"<Event>{head}<EventData>{data}</EventData></Event>")


def longest(kept: Any) -> int:
    return max((len(str(key)) for key in kept), default=0)


@pytest.mark.parametrize(
    ("kept", "most", "make"),
    [
        (PLAN.shapes, windows_shape.MAX_SHAPES, lambda n: send(**{f"f{n}": "x"})),
        (PLAN._keys, windows_plan.MAX_CACHED_NAMES, lambda n: send(**{f"f{n}": "x"})),
        (PLAN._digests, windows_plan.MAX_DIGESTS, lambda n: send(Hashes=f"MD5={n}")),
        (PLAN._users[0].kept, identity.MAX_KEPT, lambda n: send(User=f"D\\u{n}")),
        (windows_scan._kept, windows_scan.MAX_KEPT, lambda n: xml(f"<Data Name='d{n}'>x</Data>")),
        (windows_quick._kept, windows_quick.MAX_KEPT, lambda n: send(Computer="PC", **{f"q{n}": "x"})),
        (flatten._kept, flatten.MAX_KEPT, lambda n: normalise(b'{"k%d":1}' % n, SOURCE)),
    ],
    ids=["shapes", "names", "hashes", "accounts", "tags", "functions", "flat names"],
)
def test_caches_stay_within_their_bound(kept: Sized, most: int, make: Any) -> None:
    for number in range(most + 10):
        make(number)
    assert 0 < len(kept) <= most


def test_long_texts_are_not_kept() -> None:
    long = "x" * 50_000
    send(User=long, Hashes=f"MD5={long}")
    xml(f"<Data Name='{long[:200]}'>{long}</Data>")
    normalise(json.dumps({"EventID": 1, "Channel": long}).encode(), SOURCE)
    assert longest(PLAN._digests) <= windows_plan.MAX_HASHES
    assert longest(PLAN._users[0].kept) <= identity.MAX_KEPT_TEXT
    assert plan_for(long, 1) is plan_for("another unknown channel", 2)


def test_a_record_after_the_caches_were_emptied_is_the_same_event() -> None:
    line = json.dumps(
        {"EventID": 1, "Channel": SYSMON, "User": "D\\a", "Hashes": "MD5=A", "Image": "C:\\a.exe"}
    ).encode()
    before = normalise(line, SOURCE)
    for number in range(windows_shape.MAX_SHAPES + 1):
        send(**{f"g{number}": "x"})
    assert normalise(line, SOURCE) == before


def test_what_lists_of_objects_add_is_bounded() -> None:
    wide = [{f"name{number}": number for number in range(MAX_LEAVES + 50)}]
    assert len(leaves({"targetResources": wide})) == MAX_LEAVES
    many = [{"value": number} for number in range(MAX_ITEMS)]
    assert len(leaves({"a": many, "b": many})["a.value"]) < MAX_ITEMS
    deep: Any = 1
    for _ in range(20):
        deep = [{"x": deep}]
    assert leaves({"a": deep}) == {"a" + ".x" * 20: (1,)}
    pairs = [{"Name": f"n{number}", "Value": "v"} for number in range(MAX_LEAVES * 3)]
    assert len(list(name_and_value(pairs, ("Value",)))) == MAX_LEAVES


def test_an_address_that_is_too_long_is_not_taken_apart() -> None:
    event: Any = {"url.original": "/" + "a" * MAX_URL + "?x=1"}
    complete_url(event)
    assert "url.path" not in event
