"""Indicators that are kept: taken in anew, expired, removed, bounded, and as lists with a mark."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY
from appliance.home import Home
from appliance.indicators import book
from appliance.indicators.book import Source, TooMany, Wanted
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
        assert [one.value for one in book.listed(session, None, "A_B", 10)] == ["a_b.pl"]
        assert book.listed(session, "CERT", "", 10) == []
        assert len(book.listed(session, "CSIRT", "", 1)) == 1
