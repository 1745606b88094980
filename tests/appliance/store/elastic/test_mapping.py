"""The mappings mean what the questions need, for every field of the schema."""

from __future__ import annotations

import json
from fnmatch import fnmatch

import pytest

from appliance.clock import DAY
from appliance.search import Kind, columns
from appliance.store.classes import ORDINARY
from appliance.store.elastic import mapping
from appliance.store.elastic.mapping import (
    LONGEST,
    NORMALIZER,
    REST,
    TEXT,
    Contents,
    contents_of,
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


def test_an_index_is_named_by_arrival_class_and_mappings() -> None:
    name = index_name("czujka-events", 20_000 * DAY + 5, "accountability")
    assert name == f"czujka-events-2024.10.04-accountability-{digest()}"
    assert contents_of("czujka-events", name) == Contents(20_000, "accountability")


@pytest.mark.parametrize("source_class", ["", "a", "abcdef12", "a_1", "z" * 40, ORDINARY])
@pytest.mark.parametrize("prefix", ["x", "x-y", "czujka-2024", "a-abcdef12-"])
def test_every_name_of_a_class_has_one_meaning(source_class: str, prefix: str) -> None:
    name = index_name(prefix, 20_000 * DAY, source_class)
    assert contents_of(prefix, name) == Contents(20_000, source_class)
    assert contents_of(prefix.rpartition("-")[0] or "y", name) is None
    assert template_name(name) == f"{prefix}-{digest()}"


def test_an_index_without_a_class_in_its_name_has_all_of_them() -> None:
    assert contents_of("czujka-events", "czujka-events-2024.10.04-abcdef12") == Contents(20_000, "")


def test_a_template_is_for_the_indices_of_its_mappings() -> None:
    name = template_name(index_name("czujka-events", 20_000 * DAY, ORDINARY))
    assert name == f"czujka-events-{digest()}" == template_name(f"czujka-events-2024.10.04-{digest()}")
    assert fnmatch(index_name("czujka-events", 0, "accountability"), template_pattern(name))
    assert not fnmatch("czujka-events-2024.10.04-00000000", template_pattern(name))


@pytest.mark.parametrize(
    "name",
    [
        "czujka-events-notes",
        "other-2024.10.04-12345678",
        "czujka-events-2024.13.04-12345678",
        "czujka-events-",
        "czujka-events-2024.10.04-A-12345678",
        "czujka-events-2024.10.04-1a-12345678",
        "czujka-events-2024.10.04-a-b-12345678",
        "czujka-events-2024.10.04-a-1234567",
        f"czujka-events-2024.10.04-{'a' * 41}-12345678",
    ],
)
def test_indices_of_others_are_none_of_ours(name: str) -> None:
    assert contents_of("czujka-events", name) is None
