"""The page of events: its address, columns, fields, bars, and what a value leads to."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html import unescape
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import DAY, HOUR, SECOND
from appliance.normalise import Event
from appliance.search import parse
from appliance.state.models import Role
from appliance.store import QueryTimeout
from appliance.web.pages.finding import search
from appliance.web.pages.views.asking import COLUMNS, LEVELS, MOST_COLUMNS, SPLITS, WHAT, Asking, asking
from appliance.web.pages.views.columns import DRILLED, cell, column_list
from appliance.web.pages.views.events import ending
from appliance.web.pages.views.histogram import BUCKETS, Part, by_level, histogram, rest, width_of
from appliance.web.pages.views.sidebar import entries, top_values
from appliance.web.pages.views.times import read_moment
from tests.appliance.web.conftest import TestBox

NOW = 1_795_000_000 * SECOND
FIELD = st.sampled_from(["host.name", "user.name", WHAT, "process.pid", "a b", "x:y", "", "@timestamp", "żółw"])


def asked(**values: str) -> Asking:
    return asking(values, NOW)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "q": st.text(max_size=40),
            "okres": st.sampled_from(["1h", "24h", "all", "x"]),
            "kol": st.lists(FIELD, max_size=20).map(",".join),
            "wg": st.sampled_from([*SPLITS, "user.name"]),
            "pole": FIELD,
            "dodaj": FIELD,
        },
    )
)
def test_any_address_is_one_that_says_itself(values: dict[str, str]) -> None:
    one = asking(values, NOW)
    again = asking(dict(parse_qsl(one.address(), keep_blank_values=True)), NOW)
    assert again == one
    assert len(one.shown) <= MOST_COLUMNS


def test_columns_are_added_moved_and_removed_through_the_address() -> None:
    def after(address: str) -> tuple[str, ...]:
        return asked(**dict(parse_qsl(address))).shown

    one = asked(q="x", kol="host.name,process.pid,_opis")
    assert after(one.with_column("user.name")) == ("host.name", "process.pid", "user.name", WHAT)
    assert after(one.moved("process.pid", -1)) == ("process.pid", "host.name", WHAT)
    assert after(one.without_column("host.name")) == ("process.pid", WHAT)
    assert (one.moved("host.name", -1), one.with_column("host.name"), one.with_column("@timestamp")) == ("", "", "")
    assert asked(kol="process.pid").without_column("process.pid") == ""
    assert [column.further for column in column_list(one)][-1] == ""
    assert after(asked(dodaj="process.pid").address()) == ("host.name", "user.name", "process.pid", WHAT)


def test_no_more_columns_than_there_is_room_for() -> None:
    many = asked(kol=",".join(f"f{n}" for n in range(50)))
    assert len(many.shown) == MOST_COLUMNS
    assert many.with_column("one.more") == ""


def test_a_piece_of_time_in_an_address_holds_all_of_it() -> None:
    start, end = NOW + 1, NOW + HOUR + 1
    values = dict(parse_qsl(asked().between(start, end)))
    assert read_moment(values["od"]) <= start  # type: ignore[operator] # a moment was written
    assert read_moment(values["do"]) >= end  # type: ignore[operator] # as above


def test_a_cell_knows_the_field_and_the_whole_value() -> None:
    event = {"user.id": "S-1-5-18", "process.executable": "C:\\Program Files\\" + "x" * 40 + "\\a.exe", "n": (7, 8)}
    assert (cell(event, "user.name").field, cell(event, "user.name").value) == ("user.id", "S-1-5-18")
    path = cell(event, "process.executable")
    assert path.text.startswith("…")
    assert path.text.endswith("\\a.exe")
    assert path.value == event["process.executable"]
    assert (cell(event, "n").text, cell(event, "n").value) == ("7, 8", "7")
    assert cell({"x": "y" * (DRILLED + 1)}, "x").field == ""
    assert cell(event, "missing").text == ""
    assert cell({"event.ingested": NOW}, "event.ingested").micros == NOW


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/usr/bin/very/long/name", "…ong/name"),
        ("cmd.exe /c x/y/z", "cmd.exe …"),
        ("C:\\a\\b.exe /c dir", "C:\\a\\b.e…"),
        ("short", "short"),
    ],
)
def test_a_path_shows_its_end_and_a_command_its_beginning(text: str, shown: str) -> None:
    assert ending(text, 9) == shown


def test_the_telling_fields_come_first_with_their_names_in_polish() -> None:
    events: list[dict[str, Any]] = [
        {"event.id": "1", "zz.rare": "a", "user.name": "x", "host.name": "h", "a b": "1", "process.pid": 1},
        {"event.id": "2", "host.name": "h", "process.pid": 2, "user.name": ""},
    ]
    found = entries(events, asked(pole="host.name"), "pl")
    assert [(one.name, one.share) for one in found] == [
        ("host.name", 100), ("user.name", 50), ("process.pid", 100), ("zz.rare", 50)
    ]  # fmt: skip
    assert [one.label for one in found] == ["nazwa komputera", "użytkownik", "numer procesu", ""]
    assert "pole=" not in found[0].address
    assert "pole=user.name" in found[1].address


@given(st.text(min_size=1, max_size=30), st.integers(1, 10**9))
def test_a_value_narrows_and_excludes_exactly(text: str, count: int) -> None:
    for one in top_values("user.name", [(text, count)], asked(q="host:a OR host:b")):
        plus, minus = (dict(parse_qsl(address))["q"] for address in (one.plus, one.minus))
        parse(plus)
        assert minus == plus.replace(" AND user.name", " AND NOT user.name")
        assert plus.startswith("(host:a OR host:b) AND ")


def test_a_query_that_would_be_too_long_is_not_offered() -> None:
    (one,) = top_values("user.name", [("x" * 20, 1)], asked(q="y" * 3990))
    assert (one.plus, one.minus) == ("", "")


@given(
    st.lists(st.lists(st.integers(0, 50), min_size=4, max_size=4), max_size=3),
    st.lists(st.integers(0, 60), min_size=4, max_size=4),
)
def test_what_the_parts_leave_is_never_negative(parts: list[list[int]], whole: list[int]) -> None:
    left = rest(whole, parts)
    assert all(0 <= count <= whole[at] for at, count in enumerate(left))
    if all(sum(part[at] for part in parts) <= whole[at] for at in range(4)):
        assert [left[at] + sum(part[at] for part in parts) for at in range(4)] == whole


def test_bars_and_table_say_the_same() -> None:
    start, end = NOW, NOW + DAY
    parts = by_level([(start, 4), (start + 1, 2), (end - 1, 4), (end + DAY, 4), (start - 1, 4)], start, end)
    made = histogram(asked(wg=LEVELS), start, end, parts, {}, "pl")
    assert [(part.level, part.total) for part in made.parts] == [(4, 2), (2, 1)]
    assert made.shades == ("hot sev-4", "hot sev-2")
    assert [line.counts for line in made.lines] == [(1, 1), (1, 0)]
    assert len(made.chart.bars) == 3
    assert width_of(start, end) * BUCKETS >= end - start
    whole = histogram(asked(), start, end, [Part("", [1] * BUCKETS)], {}, "en")
    assert (whole.shades, len(whole.lines)) == (("v1",), BUCKETS)


@pytest.mark.parametrize("split", SPLITS)
def test_every_division_adds_up_to_what_was_found(office: TestBox, split: str) -> None:
    found = search(office.context, asking({"okres": "all", "wg": split}, office.context.now()), "", "pl")
    assert found.bars is not None
    whole = sum(line.total for line in found.bars.lines)
    assert whole == (sum(part.total for part in found.bars.parts) if split == LEVELS else found.total)
    assert whole > 0


def test_values_are_counted_only_for_the_field_that_is_open(office: TestBox, monkeypatch: pytest.MonkeyPatch) -> None:
    store, counted = type(office.context.store), []
    real = store.top

    def top(self: Any, query: Any, field: str, *more: Any, **named: Any) -> Any:
        counted.append(field)
        return real(self, query, field, *more, **named)

    monkeypatch.setattr(store, "top", top)
    who = office.person(Role.AUDITOR)
    assert office.ask("GET", "/zdarzenia?wg=brak", who).status_code == 200
    assert counted == []
    text = office.ask("GET", "/zdarzenia?wg=brak&pole=host.name", who).text
    assert office.ask("GET", "/zdarzenia?wg=brak&pole=no.event.has.it", who).status_code == 200
    assert counted == ["host.name"]
    assert text.count('class="no"') == text.count("<rect width=") > 3


def test_a_field_opens_by_itself(office: TestBox) -> None:
    who = office.person(Role.AUDITOR)
    text = office.ask("GET", "/zdarzenia/wartosci?okres=all&pole=user.name&q=host.name:pc-usc-03", who).text
    assert "<html" not in text
    first = unescape(re.search(r'href="(/zdarzenia\?[^"]+)"', text)[1])  # type: ignore[index] # there is one
    values = parse_qs(urlsplit(first).query)
    assert values["pole"] == ["user.name"]
    assert values["q"][0].startswith("host.name:pc-usc-03 AND user.name:")
    assert office.ask("GET", first, who).status_code == 200
    for odd in ("pole=no.such", "pole=", "pole=a b", "pole=user.name&q=(a"):
        assert "nie ma wartości" in office.ask("GET", f"/zdarzenia/wartosci?{odd}", who).text.replace("\u00a0", " ")


def test_a_field_that_takes_too_long_says_so(office: TestBox, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise QueryTimeout("late")

    monkeypatch.setattr(type(office.context.store), "top", late)
    answer = office.ask("GET", "/zdarzenia/wartosci?pole=user.name", office.person(Role.AUDITOR))
    assert "trwało za długo" in answer.text.replace("\u00a0", " ")


@pytest.mark.parametrize("value", ['a"b', "C:\\x\\*.exe", "żółw & ja", "<script>", "a OR b", "' OR 1=1"])
def test_a_value_leads_to_the_search_with_it_and_without(office: TestBox, value: str) -> None:
    who = office.person(Role.AUDITOR)
    for more, sign in (({}, ""), ({"bez": "1"}, "NOT ")):
        given = urlencode({"q": "host:a OR host:b", "okres": "7d", "nazwa": "user.name", "wartosc": value, **more})
        answer = office.ask("GET", f"/zdarzenia/zawez?{given}", who)
        said = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        assert answer.status_code == 303
        assert said["okres"] == "7d"
        assert said["q"].startswith(f"(host:a OR host:b) AND {sign}user.name:")
        assert office.ask("GET", answer.headers["location"], who).status_code == 200


@pytest.mark.parametrize("given", [{"nazwa": "a b", "wartosc": "x"}, {"nazwa": "user.name"},
                                   {"nazwa": "user.name", "wartosc": "x" * (DRILLED + 1)}])  # fmt: skip
def test_what_no_search_can_name_changes_nothing(office: TestBox, given: dict[str, str]) -> None:
    answer = office.ask("GET", f"/zdarzenia/zawez?{urlencode({'q': 'x', **given})}", office.person(Role.AUDITOR))
    assert dict(parse_qsl(urlsplit(answer.headers["location"]).query)) == {"q": "x", "okres": "24h"}


def test_the_columns_of_the_address_are_those_of_the_table_and_the_csv(office: TestBox) -> None:
    who = office.person(Role.AUDITOR)
    text = office.ask("GET", "/zdarzenia?okres=all&kol=process.pid,host.name", who).text
    heads = [re.sub("<[^>]+>", "", head) for head in re.findall(r"<th scope=\"col\">(.*?)</th>", text)]
    assert heads[-2:] == ["process.pid", "Stacja"]
    link = unescape(re.search(r'href="(/api/v1/events/export\?[^"]*format=csv)"', text)[1])  # type: ignore[index] # there is one
    table = csv.reader(io.StringIO(office.ask("GET", f"{link}&limit=2", who).text.removeprefix("\ufeff")))
    assert next(table) == ["'@timestamp", "process.pid", "host.name"]
    assert asked(kol="żółw,user.name,_opis").exported == ("@timestamp", "user.name")


def test_a_new_search_keeps_time_and_columns(office: TestBox) -> None:
    text = office.ask("GET", "/zdarzenia?okres=7d&kol=host.name&wg=brak", office.person(Role.AUDITOR)).text
    form = text[text.index('action="/zdarzenia"') : text.index("</form>", text.index("<textarea"))]
    kept = {*re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    assert kept >= {("okres", "7d"), ("kol", "host.name"), ("wg", "brak")}
    answer = office.ask("GET", "/zdarzenia?okres=7d&dodaj=process.pid", office.person(Role.AUDITOR))
    said = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert said == {"okres": "7d", "kol": ",".join((*COLUMNS[:-1], "process.pid", WHAT))}


def test_an_event_marks_itself_among_its_neighbours(office: TestBox) -> None:
    who = office.person(Role.AUDITOR)
    number = re.search(r'data-f="host.name"', office.ask("GET", "/zdarzenia?okres=all", who).text)
    assert number is not None
    event = str(office.context.store.search("host.name:srv-ezd-01", limit=1).events[0]["event.id"])
    text = office.ask("GET", f"/zdarzenia/{event}", who).text
    assert text.count('<tr class="here" aria-current="true">') == 1
    assert f'href="/zdarzenia/{event}/drzewo"' in text
    near = unescape(re.search(r'class="end" href="(/zdarzenia\?[^"]+)"', text)[1])  # type: ignore[index] # there is one
    assert f"/zdarzenia/{event}" in office.ask("GET", near, who).text


def test_the_record_of_an_event_stands_below_its_fields(office: TestBox) -> None:
    before = office.context
    who = office.person(Role.AUDITOR)
    event = before.store.search("host.name:srv-ezd-01", limit=1).events[0]
    address = f"/zdarzenia/{event['event.id']}"
    plain = office.ask("GET", address, who).text

    class Kept:
        """The store with the record of this event."""

        def get(self, *_: object) -> Event:
            return {**event, "event.original": '{"EventID": 1, "x": "<b>"}'}

        def __getattr__(self, name: str) -> Any:
            return getattr(before.store, name)

    keeping = replace(office, context=replace(before, store=cast("Any", Kept())))
    shown = keeping.ask("GET", address, who).text
    assert "Oryginał" not in plain
    assert "<code>{&#34;EventID&#34;: 1, &#34;x&#34;: &#34;&lt;b&gt;&#34;}</code>" in shown
    assert "<code>event.original</code>" not in shown
