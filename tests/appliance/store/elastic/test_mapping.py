"""The mappings mean what the questions need, for every field of the schema."""

from __future__ import annotations

import json
from fnmatch import fnmatch

import pytest

from appliance.clock import DAY
from appliance.search import Kind, columns
from appliance.store.elastic import mapping
from appliance.store.elastic.mapping import (
    LONGEST,
    NORMALIZER,
    REST,
    TEXT,
    day_of,
    digest,
    index_body,
    index_name,
    mappings,
    template_name,
    template_pattern,
)

LUCENE_TERM = 32_766


@pytest.mark.parametrize("name", [name for name, kind in columns().items() if kind in mapping.TEXTUAL])
def test_texts_are_found_in_any_case_and_counted_as_written(name: str) -> None:
    found = mappings()["properties"][name]
    if name == "event.id":
        assert found == {"type": "keyword"}
        return
    searched = found["fields"]["text"] if columns()[name] is Kind.IP else found
    assert (searched["type"], searched["normalizer"], searched["ignore_above"]) == ("keyword", NORMALIZER, LONGEST)
    assert found.get("copy_to") == (None if name == "event.original" else TEXT)
    if columns()[name] is not Kind.TEXT:
        assert found["fields"]["raw"] == {"type": "keyword", "index": False, "ignore_above": LONGEST}


@pytest.mark.parametrize(
    ("kind", "wanted"), [(Kind.LONG, "long"), (Kind.DATE, "long"), (Kind.BOOLEAN, "boolean"), (Kind.IP, "ip")]
)
def test_numbers_and_addresses_have_their_types(kind: Kind, wanted: str) -> None:
    names = [name for name, one in columns().items() if one is kind and name != "@timestamp"]
    assert names
    assert {mappings()["properties"][name]["type"] for name in names} == {wanted}
    assert mappings()["properties"]["@timestamp"] == {"type": "date"}


def test_no_source_can_fill_the_mapping() -> None:
    assert mappings()["dynamic"] is False
    assert mappings()["properties"][REST]["normalizer"] == NORMALIZER
    leaves = json.dumps(mappings()).count('"type"')
    assert leaves < index_body()["settings"]["index"]["mapping.total_fields.limit"] / 2


def test_the_longest_indexed_text_fits_into_a_term() -> None:
    assert LONGEST * 4 <= LUCENE_TERM


def test_an_index_is_named_by_arrival_and_mappings() -> None:
    name = index_name("czujka-events", 20_000 * DAY + 5)
    assert name == f"czujka-events-2024.10.04-{digest()}"
    assert day_of("czujka-events", name) == 20_000


def test_a_template_is_for_the_indices_of_its_mappings() -> None:
    name = template_name(index_name("czujka-events", 20_000 * DAY))
    assert name == f"czujka-events-{digest()}"
    assert fnmatch(index_name("czujka-events", 0), template_pattern(name))
    assert not fnmatch("czujka-events-2024.10.04-00000000", template_pattern(name))


@pytest.mark.parametrize(
    "name", ["czujka-events-notes", "other-2024.10.04-12345678", "czujka-events-2024.13.04-12345678", "czujka-events-"]
)
def test_indices_of_others_are_none_of_ours(name: str) -> None:
    assert day_of("czujka-events", name) is None
