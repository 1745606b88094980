"""Moments in Europe/Warsaw: every format of the style guide, and both changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from babel.dates import get_month_names
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import DAY, HOUR, MINUTE, SECOND, from_datetime
from appliance.language import dates


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return from_datetime(datetime(year, month, day, hour, minute, second, tzinfo=UTC))


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


NOW = at(2026, 11, 21, 13, 3, 22)  # Saturday, 14:03:22 in Warsaw


def test_table_form() -> None:
    assert plain(dates.moment(NOW, "pl")) == "21.11.2026, 14:03:22"
    assert plain(dates.moment(NOW, "en")) == "21 Nov 2026, 14:03:22"
    assert plain(dates.moment(at(2026, 11, 7, 13, 3), "pl")) == "07.11.2026, 14:03:00"


def test_sentence_form() -> None:
    assert plain(dates.sentence_moment(at(2026, 11, 7, 13, 3), "pl")) == "7 listopada 2026 r. o 14:03"
    assert plain(dates.sentence_moment(at(2026, 11, 7, 13, 3), "en")) == "7 November 2026 at 14:03"


def test_clock_and_day() -> None:
    assert dates.clock(NOW) == "14:03"
    assert dates.day(at(2026, 7, 31, 22, 30), "pl") == "01.08.2026"


@pytest.mark.parametrize(
    ("then", "pl", "en"),
    [
        (NOW, "przed chwilą", "just now"),
        (NOW + 5 * SECOND, "przed chwilą", "just now"),
        (NOW - 59 * SECOND, "przed chwilą", "just now"),
        (NOW - 3 * MINUTE, "3 min temu", "3 min ago"),
        (NOW - 59 * MINUTE, "59 min temu", "59 min ago"),
        (NOW - 2 * HOUR, "2 godz. temu", "2 h ago"),
        (at(2026, 11, 20, 13, 3), "wczoraj o 14:03", "yesterday at 14:03"),
        (at(2026, 11, 20, 22, 59), "wczoraj o 23:59", "yesterday at 23:59"),
        (at(2026, 11, 17, 13, 3), "we wtorek o 14:03", "on Tuesday at 14:03"),
        (at(2026, 11, 15, 13, 3), "w niedzielę o 14:03", "on Sunday at 14:03"),
        (at(2026, 11, 14, 13, 3), "14 listopada o 14:03", "14 November at 14:03"),
        (at(2026, 11, 7, 13, 3), "7 listopada o 14:03", "7 November at 14:03"),
        (at(2025, 11, 7, 13, 3), "7.11.2025, 14:03", "7 November 2025, 14:03"),
        (at(2026, 11, 21, 15, 0), "21.11.2026, 16:00", "21 Nov 2026, 16:00"),
    ],
)
def test_age(then: int, pl: str, en: str) -> None:
    assert plain(dates.age(then, NOW, "pl")) == pl
    assert plain(dates.age(then, NOW, "en")) == en


def test_age_just_after_midnight_is_in_minutes() -> None:
    midnight = at(2026, 11, 20, 23, 5)
    assert plain(dates.age(midnight - 15 * MINUTE, midnight, "pl")) == "15 min temu"


@pytest.mark.parametrize(
    ("then", "pl", "en"),
    [
        (NOW - 12 * SECOND, "od 12 s", "for 12 s"),
        (NOW - 3 * MINUTE, "od 3 min", "for 3 min"),
        (NOW - 2 * HOUR, "od 2 godz.", "for 2 h"),
        (at(2026, 11, 20, 13, 3), "od wczoraj, 14:03", "since yesterday, 14:03"),
        (at(2026, 11, 7, 13, 3), "od 7 listopada, 14:03", "since 7 November, 14:03"),
        (at(2025, 11, 7, 13, 3), "od 7.11.2025, 14:03", "since 7 November 2025, 14:03"),
    ],
)
def test_since(then: int, pl: str, en: str) -> None:
    assert plain(dates.since(then, NOW, "pl")) == pl
    assert plain(dates.since(then, NOW, "en")) == en


def test_deadline() -> None:
    until = at(2026, 11, 22, 1, 14)
    assert (
        plain(dates.deadline(until, until - 5 * HOUR - 12 * MINUTE, "pl"))
        == "zostało 5 godz. 12 min (do 22.11.2026, 02:14)"
    )
    assert plain(dates.deadline(until, until - 12 * MINUTE, "en")) == "12 min left (until 22 Nov 2026, 02:14)"
    assert plain(dates.deadline(until, until + 3 * HOUR, "pl")) == "termin minął 3 godz. temu"
    assert plain(dates.deadline(until, until + SECOND, "en")) == "the deadline passed just now"


def test_repeated_hour_of_autumn_names_its_season() -> None:
    summer, winter = at(2026, 10, 25, 0, 30), at(2026, 10, 25, 1, 30)
    assert plain(dates.moment(summer, "pl")) == "25.10.2026, 02:30:00 (czas letni)"
    assert plain(dates.moment(winter, "pl")) == "25.10.2026, 02:30:00 (czas zimowy)"
    assert plain(dates.clock(winter, "en")) == "02:30 (winter time)"
    assert plain(dates.clock(at(2026, 10, 25, 2, 0))) == "03:00"
    assert plain(dates.clock(summer - HOUR)) == "01:30"


def test_skipped_hour_of_spring_needs_no_season() -> None:
    assert dates.clock(at(2026, 3, 29, 0, 59)) == "01:59"
    assert dates.clock(at(2026, 3, 29, 1, 0)) == "03:00"


def test_ready_made_words_agree_with_cldr_and_keep_their_preposition() -> None:
    months = get_month_names("wide", context="format", locale="pl")
    for month in range(1, 13):
        assert plain(dates.sentence_day(at(2026, month, 5), "pl")) == f"5 {months[month]} 2026 r."
        assert plain(dates.in_month(month, "pl")).startswith("we " if month == 9 else "w ")
    assert [plain(dates.on_weekday(day, "pl")) for day in (1, 2, 7)] == ["w poniedziałek", "we wtorek", "w niedzielę"]


@pytest.mark.parametrize("number", [0, 13, -1])
def test_no_month_outside_the_year(number: int) -> None:
    with pytest.raises(IndexError):
        dates.in_month(number, "pl")


@pytest.mark.parametrize("us", [at(1601, 1, 1), at(1, 1, 1), at(9999, 12, 31, 23, 59, 59)])
def test_borders_of_the_calendar_are_written(us: int) -> None:
    for lang in ("pl", "en"):
        assert str(dates.local(us).year) in dates.moment(us, lang)
        assert dates.age(us, NOW, lang)


@given(st.integers(at(1970, 1, 1), at(2100, 1, 1)), st.integers(0, 400 * DAY), st.sampled_from(["pl", "en"]))
def test_every_age_can_be_said(then: int, passed: int, lang: str) -> None:
    text = dates.age(then, then + passed, lang)
    assert text
    assert "None" not in text
