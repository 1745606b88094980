"""What is suggested while a query is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.search import Fields, QueryError, parse
from appliance.search.complete import Place, names, phrase, place, written
from appliance.search.fold import fold
from appliance.search.lexer import MAX_WILDCARDS
from appliance.search.nodes import Leaf, Pattern

# The cursor stands at the bar.
PLACES = {
    "|": Place("field", "", "", 0, 0, colon=True),
    "use|": Place("field", "", "use", 0, 3, colon=True),
    "us|er.name:x": Place("field", "", "us", 0, 10, colon=True),
    "a AND (ho|": Place("field", "", "ho", 7, 9, colon=True),
    "-ho|": Place("field", "", "ho", 1, 3, colon=True),
    "_exists_:us|": Place("field", "", "us", 9, 11),
    "user.name:|": Place("value", "user.name", "", 10, 10),
    "user.name:ko|w x": Place("value", "user.name", "ko", 10, 13),
    "user.name:(anna OR ja|)": Place("value", "user.name", "ja", 19, 21),
    "user.name:(anna |": Place("value", "user.name", "", 16, 16),
    'host.name:"srv a|': Place("value", "host.name", "srv a", 10, 16),
    'host.name:"srv a|d" x': Place("value", "host.name", "srv a", 10, 18),
    'host.name:"a\\"b|': Place("value", "host.name", 'a"b', 10, 15),
    'user:(a OR "b|': Place("value", "user", "b", 11, 13),
    "cmd:C:\\Win|": Place("value", "cmd", "C:\\Win", 4, 10),
    '"free text|': None,
    "user:ko*|": None,
    "code:>4|": None,
    "code:[1|": None,
    '_exists_:"a|': None,
    "user:x ko|wal:": Place("field", "", "ko", 7, 13, colon=True),
}


@pytest.mark.parametrize("query", PLACES)
def test_a_place_is_known(query: str) -> None:
    assert place(query.replace("|", ""), query.index("|")) == PLACES[query]


@given(st.text(alphabet=st.sampled_from('ab:*?"()[]{}<>=-!\\ ORx./_'), max_size=30), st.integers(0, 30))
def test_any_text_has_a_place_within_it_or_none(query: str, at: int) -> None:
    found = place(query, min(at, len(query)))
    if found:
        assert 0 <= found.start <= min(at, len(query)) <= found.end <= len(query)


def test_names_begin_so_or_have_a_part_that_does() -> None:
    fields = Fields({"odd.username", "User Field"})
    assert names(fields, "user", 3) == ["user", "user.domain", "user.effective.id"]
    assert names(fields, "User F", 9) == names(fields, "zzz", 9) == []
    assert names(fields, "ODD", 9) == ["odd.username"]
    assert names(fields, "ip", 20)[0] == "ip"
    assert "source.ip" in names(fields, "ip", 50)
    assert len(names(fields, "", 7)) == 7


@given(st.text(max_size=40))
def test_a_written_value_means_itself(value: str) -> None:
    for text in (written(value), phrase(value)):
        tree = parse(f"user.name:{text}")
        assert isinstance(tree, Leaf)
        assert isinstance(tree.test, Pattern)
        assert (tree.test.literal or "") == fold(value)


def test_a_value_of_wildcards_is_written_as_it_is() -> None:
    with pytest.raises(QueryError):
        parse("user.name:" + "*a" * (MAX_WILDCARDS + 1))
    parse("user.name:" + written("*a" * (MAX_WILDCARDS + 1)))
