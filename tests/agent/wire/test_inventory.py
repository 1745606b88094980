"""The canonical form of an inventory and its digest: what both ends must agree on."""

from __future__ import annotations

import json
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.envelope import encode_record
from agent.wire.event import Record
from agent.wire.inventory import canonical, digest, item_fields, item_record, state_record

_TEXT = st.text(st.characters(), max_size=20)
_VALUE = st.one_of(_TEXT, st.integers(-(2**53), 2**53), st.booleans(), st.lists(_TEXT, max_size=3))
_FIELDS = st.dictionaries(st.sampled_from(["package.name", "package.version", "inventory.flags", "user.id"]), _VALUE)


def test_the_canonical_text_of_an_item_is_its_fields_alone() -> None:
    record: Record = {
        "@timestamp": 1,
        "event.id": "x",
        "event.module": "czujka.agent",
        "host.name": "stacja",
        "agent.version": "1",
        "inventory.section": "package",
        "inventory.key": "żółw",
        "inventory.state": "present",
        "inventory.revision": 3,
        "package.version": "1.2",
        "package.name": "żółw",
        "package.size": None,
        "inventory.flags": ["b", "a"],
    }
    assert canonical(record) == '{"inventory.flags":["b","a"],"package.name":"żółw","package.version":"1.2"}'


def test_the_digest_is_of_the_sorted_lines() -> None:
    expected = blake2b(b'a\0{"user.id":"1"}\nb\0{}', digest_size=16).hexdigest()
    assert digest([("b", "{}"), ("a", '{"user.id":"1"}')]) == expected
    assert digest([("a", '{"user.id":"1"}'), ("b", "{}")]) == expected
    assert digest([]) == blake2b(b"", digest_size=16).hexdigest()


def test_a_number_that_json_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"inventory.load": float("nan")})


def test_a_gone_item_carries_its_key_alone() -> None:
    record = item_record("package", "vim", {"package.version": "9"}, present=False, revision=7)
    assert item_fields(record) == {}
    assert (record["inventory.key"], record["inventory.state"], record["inventory.revision"]) == ("vim", "gone", 7)


@given(st.dictionaries(_TEXT, _FIELDS, max_size=4))
def test_the_box_gets_the_same_digest_from_what_came_over_the_wire(items: dict[str, Record]) -> None:
    sent = state_record("software", {key: canonical(fields) for key, fields in items.items()}, 1)
    arrived = [
        json.loads(encode_record(item_record("software", key, fields, present=True, revision=1)))
        for key, fields in items.items()
    ]
    assert sent["inventory.count"] == len(arrived)
    assert sent["inventory.digest"] == digest((record["inventory.key"], canonical(record)) for record in arrived)
