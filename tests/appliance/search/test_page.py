"""Every example of docs/search.md and of the handbook is true."""

from __future__ import annotations

import json
import re
from functools import cache

import pytest

from appliance.home import CHECKOUT
from appliance.normalise.model import Event
from appliance.search import QueryError, aliases, matches, parse
from appliance.search.lexer import MAX_WILDCARDS
from appliance.search.parse import MAX_CLAUSES, MAX_DEPTH, MAX_LENGTH
from appliance.store.engine import DISK, MEMORY
from appliance.store.reader import MAX_LIMIT, TIMEOUT_SECONDS
from tests.appliance.search.cases import NOW

PAGES = ("search.md", "podrecznik.md")
_ROW = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]+)`")


def text(page: str) -> str:
    return (CHECKOUT / "docs" / page).read_text("utf-8")


@cache
def event() -> Event:
    block = re.search(r"```json\n(.*?)```", text("search.md"), re.DOTALL)
    assert block
    return {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(block[1]).items()}


def rows(page: str, heading: str) -> list[tuple[int, list[str]]]:
    """Return the rows of every table whose first column is headed so, each with its line."""
    found, inside = [], False
    for number, line in enumerate(text(page).splitlines(), 1):
        cells = [cell.strip().replace("\\|", "|") for cell in _ROW.split(line)[1:-1]]
        if inside and cells and not cells[0].startswith("---"):
            found.append((number, cells))
        inside = bool(cells) and (inside or cells[0] == heading)
    return found


EXAMPLES = [
    pytest.param(query, wanted, id=f"{page}:{line} {query}")
    for page, heading in zip(PAGES, ("finds it", "znajduje"), strict=True)
    for line, cells in rows(page, heading)
    for column, wanted in ((0, True), (1, False))
    for query in _CODE.findall(cells[column])
]
FAULTS = [pytest.param(*cells[:3], id=f"search.md:{line}") for line, cells in rows("search.md", "query")]


def test_the_pages_have_examples() -> None:
    assert len(EXAMPLES) > 100
    assert len(FAULTS) >= 8


@pytest.mark.parametrize(("query", "wanted"), EXAMPLES)
def test_an_example_finds_what_the_page_says(query: str, *, wanted: bool) -> None:
    assert matches(parse(query, now=lambda: NOW), event()) is wanted


@pytest.mark.parametrize(("query", "polish", "english"), FAULTS)
def test_an_error_is_told_as_the_page_says(query: str, polish: str, english: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query.strip("`"), now=lambda: NOW)
    assert caught.value.located("pl") == polish.replace("\\`", "`")
    assert caught.value.located("en") == english.replace("\\`", "`")


def test_the_page_names_every_bound_and_short_name() -> None:
    page = text("search.md")
    bounds = (
        f"{MAX_LENGTH} characters",
        f"{MAX_DEPTH} deep",
        f"{MAX_CLAUSES} conditions",
        f"{MAX_WILDCARDS} wildcards",
        f"{TIMEOUT_SECONDS:.0f} seconds",
        f"{MEMORY.replace('MB', ' MB')} of memory",
        f"{DISK >> 30} GB of disk",
        f"{MAX_LIMIT} events a page",
    )
    assert [bound for bound in bounds if bound not in page] == []
    assert [name for name in aliases() if f"`{name}`" not in page] == []
