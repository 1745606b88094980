"""What the pages show is made by pure functions."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import DAY, HOUR, from_datetime
from appliance.detect import EventClass, Logsource
from appliance.detect.explain import not_fed
from appliance.language.dates import WARSAW
from appliance.search import parse
from appliance.web.charts import HEIGHT, WIDTH, hours_back, nice_top, out_of_hours, stacked
from appliance.web.pages.panels import DashboardError, dashboard
from appliance.web.pages.panels import parse as parse_dashboard
from appliance.web.pages.render import catalogue, coded
from appliance.web.pages.shell import safe_back
from appliance.web.pages.views import alert as alert_view
from appliance.web.pages.views import events as event_view
from appliance.web.pages.views.alerts import ListFilter, list_filter
from appliance.web.pages.views.network import OTHER, SENTENCES
from appliance.web.pages.views.pulpit import Facts, state_of
from appliance.web.pages.views.times import drawn, read_moment, stretch

NOW = from_datetime(datetime(2026, 11, 24, 14, 3, tzinfo=WARSAW))


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=24, max_size=24), min_size=1, max_size=3))
def test_stacked_bars_stay_inside_their_box(series: list[list[int]]) -> None:
    chart = stacked(series)
    assert all(
        bar.x >= 0 and bar.x + bar.width <= WIDTH + 0.1 and bar.y >= -5 and bar.y + bar.height <= HEIGHT + 0.1
        for bar in chart.bars
    )
    assert len(chart.bars) == sum(value > 0 for row in series for value in row)


@given(st.integers(0, 10**15))
def test_the_top_line_is_not_below_the_value(value: int) -> None:
    assert value <= nice_top(value) <= max(2, value * 5)


def test_the_strip_ends_with_the_running_hour_and_knows_the_night() -> None:
    start, end = hours_back(NOW, 24, WARSAW)
    assert end - NOW == 57 * 60 * 1_000_000
    closed = out_of_hours(start, 24, WARSAW)
    assert [closed[(NOW - start) // HOUR], closed[12]] == [False, True]


def test_the_shipped_dashboard_is_whole() -> None:
    panels = [panel for row in dashboard("pulpit") for panel in row.panels]
    assert {panel.kind for panel in panels} == {"queue", "strip", "stations", "watch", "ledger"}
    for panel in panels:
        assert panel.title in catalogue()
        for series in panel.series:
            assert series.name in catalogue()
            parse(series.query)


@pytest.mark.parametrize(
    "text",
    [
        "rows: [{layout: odd, panels: []}]",
        "rows: [{layout: two, panels: [{id: a, kind: pie, title: x}]}]",
        "{}",
        "rows: [{layout: two, panels: [{id: a, kind: queue, title: x, limit: 999}]}]",
    ],
)
def test_a_faulty_dashboard_is_refused(text: str) -> None:
    with pytest.raises(DashboardError, match=r"x\.yml"):
        parse_dashboard(text, "x.yml")


@given(st.dictionaries(st.sampled_from(["stan", "poziom", "stacja", "regula", "tekst", "czas"]), st.text(max_size=300)))
def test_any_address_is_a_filter_that_round_trips(values: dict[str, str]) -> None:
    found = list_filter(values)
    found.wanted(NOW)
    assert isinstance(found.address(), str)


def test_the_address_of_a_filter_is_short() -> None:
    assert ListFilter().address() == ""
    assert list_filter({"stan": "new", "poziom": "3"}).address() == "stan=new&poziom=3"


def _facts(**more: object) -> Facts:
    base: dict[str, object] = {
        "now": NOW,
        "live": 7,
        "total": 8,
        "faults": (),
        "waiting": 2,
        "worst": 4,
        "oldest": NOW - 14 * 60_000_000,
        "last_event": NOW,
        "lost_today": 0,
    }
    return Facts(**{**base, **more})  # type: ignore[arg-type]


def test_the_state_sentence_says_both_halves() -> None:
    said = " ".join(half.text for half in state_of(_facts(), catalogue(), "pl").halves).replace("\u00a0", " ")
    assert said == "Czujka czuwa, 1 stacja milczy. 2 alerty czekają, najwyższy poziom krytyczny, najstarszy od 14 min."


def test_a_broken_part_comes_first_and_bold() -> None:
    half = state_of(_facts(faults=("Panel",)), catalogue(), "pl").halves[0]
    assert (half.kind, half.weight) == ("bad", True)


@pytest.mark.parametrize(
    ("kept", "said"),
    [(None, "Historia zdarzeń teraz nie odpowiada."), (0, "Nie przyszło jeszcze"), (5, "5 zdarzeń wczytanych")],
)
def test_a_history_that_does_not_answer_is_not_an_empty_one(kept: int | None, said: str) -> None:
    facts = _facts(last_event=None, total=0, live=0, kept=kept)
    assert said in state_of(facts, catalogue(), "pl").proof.replace("\u00a0", " ")


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", ""]
)
def test_back_never_leaves_the_site(path: str) -> None:
    assert safe_back(path) == "/"


@given(st.text(max_size=60))
def test_a_term_is_a_query_for_any_value(value: str) -> None:
    parse(event_view.term("process.command_line", value or "x"))


@pytest.mark.parametrize(
    ("query", "narrowed"),
    [
        ("", "c:d"),
        ("a OR b", "(a OR b) AND c:d"),
        ("(a) OR b", "((a) OR b) AND c:d"),
        ("(a) OR (b)", "((a) OR (b)) AND c:d"),
        ("a || b", "(a || b) AND c:d"),
        ("(a OR b) AND x", "(a OR b) AND x AND c:d"),
        ('"a OR b"', '"a OR b" AND c:d'),
        ("a or b", "a or b AND c:d"),
    ],
)
def test_narrowing_keeps_what_was_asked(query: str, narrowed: str) -> None:
    assert event_view.join(query, "c:d") == narrowed


@pytest.mark.parametrize("text", ["24.11.2026, 14:03", "24.11.2026 14:03:00"])
def test_a_moment_is_read_on_warsaw_time(text: str) -> None:
    assert read_moment(text) == NOW


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_stretch_can_be_drawn(start: str, end: str) -> None:
    found = stretch({"od": start, "do": end}, NOW)
    first, last = drawn(found, NOW, NOW - DAY)
    assert first < last


@given(st.text(max_size=900), st.integers(0, 900), st.integers(0, 60))
def test_what_matched_is_never_cut(text: str, start: int, length: int) -> None:
    start = min(start, len(text))
    end = min(len(text), start + length)
    before, mark, after = alert_view.around(text, (start, end))
    assert mark == text[start:end]
    assert len(before) <= 61
    assert len(after) <= 61


def test_prohibitions_get_a_mark_each() -> None:
    assert alert_view.sentences("Nie wyłączaj: ślady. Nie kasuj plików. To dowód.") == (
        "Nie wyłączaj: ślady.",
        "Nie kasuj plików. To dowód.",
    )


def test_a_command_about_groups_is_shown_as_it_ran() -> None:
    ran, english = "net localgroup Administratorzy jan /add", "net localgroup Administrators jan /add"
    event = {"process.command_line": (ran, english), "process.args": ("net", "localgroup")}
    assert event_view.get(event, "process.command_line") == ran
    assert event_view.get({"process.command_line": [ran, english]}, "user.name", "process.command_line") == ran
    assert event_view.get(event, "process.args") == "net, localgroup"
    assert event_view.get({"process.command_line": []}, "process.command_line") == ""


def test_a_rule_of_another_log_source_says_both_sources() -> None:
    tree = not_fed(Logsource("windows", "process_creation"), EventClass("linux.audit", category="process"))
    leaf = alert_view.condition(tree)
    assert (leaf.field, leaf.truth, leaf.empty) == ("logsource", False, False)
    assert leaf.wanted == ("product windows, category process_creation",)
    assert leaf.before == "module linux.audit, category process"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"event.dataset": "zeek.dns", "dns.question.name": "a.example", "dns.answers.data": ("192.0.2.7",)},
         ("event.net.dns", "10.0.0.5", "a.example", "192.0.2.7")),
        ({"event.dataset": "zeek.conn", "destination.ip": "192.0.2.1", "destination.port": 4, "network.protocol": "x"},
         ("event.connects", "10.0.0.5", "192.0.2.1:4", "x")),
        ({"event.dataset": "zeek.ssl", "destination.ip": "192.0.2.7", "destination.port": 443},
         ("event.net.tls", "10.0.0.5", "192.0.2.7:443", "")),
        ({"event.dataset": "zeek.snmp", "destination.ip": "10.0.0.9", "destination.port": 161},
         ("event.net.other", "10.0.0.5", "10.0.0.9:161", "snmp")),
    ],
    ids=["dns", "conn", "ssl without a name", "another log"],
)  # fmt: skip
def test_what_the_sensor_saw_is_said_in_words(event: dict[str, object], said: tuple[str, str, str, str]) -> None:
    told = event_view.summarise({"source.ip": "10.0.0.5", **event})
    assert (told.key, told.actor, told.target, told.detail) == said


def test_each_sentence_of_the_network_is_in_the_catalogue() -> None:
    assert [one.key for one in (*SENTENCES.values(), OTHER) if one.key not in catalogue()] == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Zainstaluj: `apt-get install <x>`.", "Zainstaluj: <code>apt-get install &lt;x&gt;</code>."),
        ("<b>`a` i `b`", "&lt;b&gt;<code>a</code> i <code>b</code>"),
        ("jeden ` znak", "jeden ` znak"),
        ("", ""),
    ],
)
def test_commands_in_a_text_are_code(text: str, html: str) -> None:
    assert coded(text) == html
