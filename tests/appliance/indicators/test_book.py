"""Indicators that are kept: taken in anew, expired, removed, bounded, and as lists with a mark."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY
from appliance.home import Home
from appliance.indicators import book
from appliance.indicators.book import Asked, Source, TooMany, Wanted
from appliance.indicators.values import LISTS, Kind, Value
from appliance.state.database import open_sessions, writing
from appliance.state.indicators import Indicator
from appliance.state.models import Operation
from tests.appliance.state.fresh import fresh_state

NOW = 20_000 * DAY
DOMAINS = LISTS[Kind.DOMAIN]


@pytest.fixture
def sessions(home: Home) -> sessionmaker[Session]:
    return open_sessions(fresh_state(f"sqlite:///{home.state}"))


def wanted(*names: str, ends: int | None = None, comment: str = "") -> list[Wanted]:
    return [Wanted(Value(Kind.DOMAIN, name), comment, ends) for name in names]


def take(
    sessions: sessionmaker[Session], source: str, values: list[Wanted], now: int = NOW
) -> tuple[dict[str, int], int]:
    with writing(sessions) as session:
        taken = book.take(session, source, values, "local", now)
    return dict(taken.new), taken.known


def domains(sessions: sessionmaker[Session], now: int = NOW) -> tuple[str, ...]:
    with sessions() as session:
        return book.lists(session, now)[DOMAINS]


def grown(sessions: sessionmaker[Session]) -> int:
    with sessions() as session:
        return book.grown(session).get(DOMAINS, 0)


def test_what_is_told_again_keeps_its_day_and_gets_the_new_end(sessions: sessionmaker[Session]) -> None:
    assert take(sessions, "CSIRT", wanted("a.pl", "b.pl", "a.pl", ends=NOW + DAY)) == ({"domain": 2}, 0)
    again = wanted("b.pl", "c.pl", ends=NOW + 9 * DAY, comment="x")
    assert take(sessions, "CSIRT", again, NOW + 1) == ({"domain": 1}, 1)
    with sessions() as session:
        found = {one.value: one for one in session.scalars(select(Indicator))}
        assert (found["b.pl"].added_at, found["b.pl"].expires_at, found["b.pl"].comment) == (NOW, NOW + 9 * DAY, "x")
        assert [row.target for row in session.scalars(select(Operation))] == ["CSIRT", "CSIRT"]
    assert domains(sessions) == ("a.pl", "b.pl", "c.pl")


def test_an_expired_one_counts_no_more_and_is_forgotten_later(sessions: sessionmaker[Session]) -> None:
    take(sessions, "CSIRT", wanted("a.pl", ends=NOW + DAY))
    take(sessions, "CSIRT", wanted("b.pl"))
    with sessions() as session:
        before = book.mark(session, NOW + DAY - 1)
        after = book.mark(session, NOW + DAY)
        assert before != after
    assert (domains(sessions, NOW + DAY - 1), domains(sessions, NOW + DAY)) == (("a.pl", "b.pl"), ("b.pl",))
    with sessions() as session:
        told = book.sources(session, NOW + DAY)
        assert told == [Source("CSIRT", Kind.DOMAIN, 1, 1, NOW, None)]
    take(sessions, "CSIRT", wanted("c.pl"), NOW + DAY + book.KEPT + 1)
    with sessions() as session:
        assert sorted(session.scalars(select(Indicator.value))) == ["b.pl", "c.pl"]


def test_only_what_came_counts_as_grown(sessions: sessionmaker[Session]) -> None:
    take(sessions, "CSIRT", wanted("a.pl", "b.pl"))
    first = grown(sessions)
    assert take(sessions, "CERT", wanted("a.pl"))[0] == {}
    with writing(sessions) as session:
        assert book.remove(session, "CSIRT", ["b.pl"], "local", NOW) == 1
    assert grown(sessions) == first > 0
    take(sessions, "CERT", wanted("b.pl"))
    assert grown(sessions) > first


def test_a_value_goes_with_its_source_or_alone(sessions: sessionmaker[Session]) -> None:
    take(sessions, "CSIRT", wanted("a.pl", "b.pl"))
    take(sessions, "CERT", wanted("a.pl"))
    with writing(sessions) as session:
        mark = book.mark(session, NOW)
        assert book.remove(session, "CSIRT", ["a.pl"], "local", NOW) == 1
        assert book.mark(session, NOW) != mark
    assert domains(sessions) == ("a.pl", "b.pl")
    with writing(sessions) as session:
        assert book.remove(session, None, ["a.pl"], "local", NOW) == 1
        assert book.remove(session, "CSIRT", [], "local", NOW) == 1
        assert book.remove(session, "CSIRT", [], "local", NOW) == 0
        assert len(session.scalars(select(Operation).where(Operation.action == "indicators.removed")).all()) == 3
    assert domains(sessions) == ()


def test_more_than_may_be_kept_are_refused_whole(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "MOST", 3)
    take(sessions, "CSIRT", wanted("a.pl", "b.pl"))
    with pytest.raises(TooMany, match="jest ich już 2"):
        take(sessions, "CERT", wanted("c.pl", "d.pl"))
    assert domains(sessions) == ("a.pl", "b.pl")
    take(sessions, "CERT", wanted("a.pl", "c.pl"))


def test_values_are_found_by_what_they_contain(sessions: sessionmaker[Session]) -> None:
    take(sessions, "CSIRT", wanted("a_b.pl", "axb.pl"))
    with sessions() as session:
        assert [one.value for one in book.page(session, Asked("A_B"), None, 10)[0]] == ["a_b.pl"]
        assert [one.value for one in book.page(session, Asked("hxxp://a_b[.]pl/"), None, 10)[0]] == ["a_b.pl"]
        assert book.page(session, Asked("b.pl", whole=True), None, 10) == ([], None)
        assert [one.value for one in book.page(session, Asked("AXB[.]pl", whole=True), None, 10)[0]] == ["axb.pl"]
        assert book.page(session, Asked(source="CERT"), None, 10) == ([], None)
        first, after = book.page(session, Asked(source="CSIRT"), None, 1)
        second, end = book.page(session, Asked(source="CSIRT"), after, 1)
        assert ([one.value for one in (*first, *second)], end) == (["axb.pl", "a_b.pl"], None)


def test_a_page_is_found_in_letters_of_either_case(sessions: sessionmaker[Session]) -> None:
    take(sessions, "CSIRT", [Wanted(Value(Kind.URL, "zly.pl/Faktura.ZIP"), "a\x00b\nc" + "x" * 400)])
    with sessions() as session:
        (found,), _ = book.page(session, Asked("zly.pl/faktura"), None, 10)
    assert (found.value, found.comment) == ("zly.pl/Faktura.ZIP", "abc" + "x" * 297)


def test_a_removal_names_its_values(sessions: sessionmaker[Session]) -> None:
    take(sessions, "CSIRT", wanted("a.pl", "b.pl"))
    with writing(sessions) as session:
        book.remove(session, "CSIRT", ["b.pl"], "anna", NOW)
        (told,) = session.scalars(select(Operation).where(Operation.action == "indicators.removed"))
        assert (told.who, told.target, told.detail) == ("anna", "CSIRT", {"count": 1, "values": ["b.pl"]})


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\nb"])
def test_a_source_has_a_name(name: str) -> None:
    with pytest.raises(book.BadSource):
        book.named(name)
    assert book.named(" CSIRT NASK ") == "CSIRT NASK"
