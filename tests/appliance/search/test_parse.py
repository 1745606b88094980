"""The query language: trees, positions of errors, bounds."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import from_datetime
from appliance.normalise.model import Event
from appliance.search import Fields, QueryError, aliases, columns, matches, parse
from appliance.search.errors import messages
from appliance.search.nodes import Leaf, Numbers
from appliance.search.parse import MAX_CLAUSES, MAX_DEPTH, MAX_LENGTH

EVENT: Event = {
    "event.id": "0" * 32,
    "@timestamp": 1_795_305_600_000_000,  # 2026-11-22T00:00:00Z
    "host.name": "PC-1",
    "event.code": 4688,
    "process.command_line": 'C:\\Windows\\cmd.exe /c "type plik*.txt" Zażółć',
    "process.executable": "C:\\Windows\\System32\\cmd.exe",
    "user.name": "kowalski",
    "process.args": ("cmd.exe", "/c", "-e"),
    "source.ip": "10.1.2.3",
    "event.time_corrected": True,
    "zeek.duration": 1.5,
}
YES = [
    "", "cmd.exe", "ZAŻÓŁĆ", '"cmd.exe /c"', "C:\\Windows", "sys*32", "user:kowalski", "user.name:KOWALSKI",
    "user.name:kow*", "user.name:k?walski", "code:4688", "code:46*", "code:>4000", "code:[4688 TO 4688]",
    "code:{4687 TO *]", "code:<=4688", "process.args:/c", "process.args:-e", "ip:10.1.0.0/16", "source.ip:10.1.2.3",
    "cmd:windows\\cmd", 'cmd:"\\"type"', "cmd:plik\\*", "user:*", "NOT user:anna", "-user:anna", "!user:anna",
    "user:anna OR host:pc-1", "user:(anna OR kowalski)", "(cmd.exe OR x) AND NOT qq", "cmd.exe -powershell",
    "@timestamp:2026-11-22", "@timestamp:2026-11", "time:[2026-11-22 TO 2026-11-22]", "time:>=2026-11-22T00:00:00Z",
    "time:2026-11-22T01:00:00+01:00", "event.time_corrected:true", "zeek.duration:>1", "zeek.duration:1.5",
    "user.name:[a TO z]", "cmd.exe && /c || nothing", "zeek.duration:[1.5 TO 1.5]", "file.path:* OR host:*",
]  # fmt: skip
NO = [
    "powershell", "user.name:kowal", "user.name:nowak", "code:>4688", "code:{4688 TO *}", "ip:10.2.0.0/16",
    "NOT cmd.exe", "cmd.exe -/c", "user:(anna OR nowak)", "cmd:plik\\?", '"plik?.txt"', "file.path:*", "4688",
    "@timestamp:2026-11-21", "time:<2026-11-22", "zeek.duration:>1.5", "user.name:{kowalski TO z]", "code:04688",
    "event.time_corrected:1", "source.ip:fe80::/10",
]  # fmt: skip


@pytest.mark.parametrize("query", YES)
def test_matches(query: str) -> None:
    assert matches(parse(query), EVENT)


@pytest.mark.parametrize("query", NO)
def test_does_not_match(query: str) -> None:
    assert not matches(parse(query), EVENT)


@pytest.mark.parametrize(
    ("query", "position", "key"),
    [
        ('user:"abc', 5, "quote"),
        ("a (b", 2, "bracket"),
        ("a b) c", 3, "bracket"),
        ("()", 1, "bracket"),
        ("code:[1 TO 2", 5, "bracket"),
        ("code:[1 2]", 5, "range"),
        ("code:[a TO b]", 5, "number"),
        ("usr.name:x", 0, "field"),
        ("a qqqqq:x", 2, "field_alone"),
        ("user:", 5, "value"),
        ("user: AND", None, None),
        ("code:>", 5, "value"),
        ("a AND", 2, "operand"),
        ("OR a", 0, "operand"),
        ("a OR OR b", 5, "operand"),
        ("NOT", 0, "operand"),
        ("time:yesterday", 5, "date"),
        ("time:2026-13-01", 5, "date"),
        ("ip:10.0.0.0/99", 3, "network"),
        ("a" * (MAX_LENGTH + 1), MAX_LENGTH, "long"),
        ("(" * (MAX_DEPTH + 5) + "a", None, "deep"),
        ("NOT " * (MAX_DEPTH + 5) + "a", None, "deep"),
        ("a " * (MAX_CLAUSES + 1), 2 * MAX_CLAUSES, "many"),
        ("a*b*c*d*e*f*g*h*i*j", 0, "wildcards"),
    ],
)
def test_errors_are_located(query: str, position: int | None, key: str | None) -> None:
    if key is None:
        assert matches(parse(query), EVENT) is False
        return
    with pytest.raises(QueryError) as caught:
        parse(query)
    assert caught.value.key == key
    assert position is None or caught.value.position == position
    for language in ("pl", "en"):
        assert "{" not in caught.value.describe(language)


def test_similar_names_are_offered() -> None:
    with pytest.raises(QueryError, match=r"user\.name"):
        parse("usr.name:x")
    assert "odd.field" in Fields({"odd.field"}).similar("od.field")


def test_every_alias_stands_for_fields_of_the_schema() -> None:
    assert [name for names in aliases().values() for name in names if name not in columns()] == []


def test_every_message_is_there_in_both_languages() -> None:
    assert all(set(texts) == {"pl", "en"} for texts in messages().values())


@given(st.text(alphabet=st.sampled_from('ab:*?"()[]{}<>=-!\\ TOANDRx.@/\x00żİ'), max_size=40) | st.text(max_size=40))
def test_any_text_parses_or_is_refused_with_a_place_in_it(query: str) -> None:
    error = refusal(query)
    if error is not None:
        assert 0 <= error.position <= len(query)
        assert error.describe("pl")


def refusal(query: str) -> QueryError | None:
    try:
        matches(parse(query), EVENT)
    except QueryError as error:
        return error
    return None


BOMBS = {
    "clauses": " OR ".join(f"user.name:u{n}" for n in range(10_000)),
    "clauses within the length": "a " * (MAX_CLAUSES + 1),
    "brackets": "(" * 1_000 + "a" + ")" * 1_000,
    "negations": "-" * 1_000 + "a",
    "group": "user:(" * 1_000 + "a" + ")" * 1_000,
    "term": "user.name:" + "x" * 32_768,
    "phrase": '"' + "ż" * 32_768 + '"',
    "wildcards": "*a" * 2_000,
    "expression": "/(a{99}){99}/",
    "expression that explodes": "user.name:/(.*a){12}.{12}b/",
    "relative time": "time:now" + "-1d" * 1_000,
    "time past all time": "time:>now+999999y",
}


@pytest.mark.parametrize("query", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_refused_at_once(query: str) -> None:
    began = time.process_time()
    with pytest.raises(QueryError) as caught:
        parse(query)
    assert caught.value.position <= MAX_LENGTH
    assert time.process_time() - began < 2


def test_what_is_just_within_the_bounds_is_read() -> None:
    assert matches(parse(" ".join(["cmd"] * MAX_CLAUSES)), EVENT)
    assert matches(parse("(" * MAX_DEPTH + "cmd" + ")" * MAX_DEPTH), EVENT)
    assert not matches(parse("a" * MAX_LENGTH), EVENT)


@pytest.mark.parametrize(
    ("query", "now", "wanted"),
    [
        ("time:now-1M", datetime(2026, 12, 31, 5, tzinfo=UTC), datetime(2026, 11, 30, 5, tzinfo=UTC)),
        ("time:now-9M", datetime(2026, 11, 30, 5, tzinfo=UTC), datetime(2026, 2, 28, 5, tzinfo=UTC)),
        ("time:now-2y", datetime(2024, 2, 29, 5, tzinfo=UTC), datetime(2022, 2, 28, 5, tzinfo=UTC)),
        ("time:now+1w-36h", datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 27, 12, tzinfo=UTC)),
    ],
)
def test_now_is_the_clock_that_is_handed_in(query: str, now: datetime, wanted: datetime) -> None:
    tree = parse(query, now=lambda: from_datetime(now))
    assert isinstance(tree, Leaf)
    assert tree.test == Numbers(from_datetime(wanted), from_datetime(wanted))
