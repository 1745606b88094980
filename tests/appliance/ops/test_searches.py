"""Saved searches: who sees which, names, bounds, and what the audit log says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from appliance.alerts.service import BadText
from appliance.ops import searches
from appliance.ops.searches import NameTaken, NotItsAuthor, SearchesFull, UnknownSearch, Wanted
from appliance.state.database import open_sessions, open_state
from appliance.state.models import Base, Operation


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = open_state(f"sqlite:///{tmp_path}/state.db")
    Base.metadata.create_all(engine)
    with open_sessions(engine).begin() as opened:
        yield opened
    engine.dispose()


def wanted(name: str = "kadry", *, shared: bool = False) -> Wanted:
    return Wanted(name, "host:a", "24h", None, None, ("host.name",), "host.name", shared)


def names(session: Session, who: str) -> list[str]:
    return [row.name for row in searches.seen_by(session, who)]


def test_one_s_own_are_one_s_own_and_the_shared_are_everybody_s(session: Session) -> None:
    mine = searches.save(session, wanted("b"), "ala", 1)
    searches.save(session, wanted("a", shared=True), "ala", 2)
    assert names(session, "ala") == ["a", "b"]
    assert (names(session, "jan"), searches.count_seen_by(session, "jan")) == (["a"], 1)
    for act in (
        lambda: searches.get(session, mine.id, "jan"),
        lambda: searches.change(session, mine.id, "jan", 3, name="c"),
        lambda: searches.delete(session, mine.id, "jan", 3),
    ):
        with pytest.raises(UnknownSearch):
            act()
    assert names(session, "ala") == ["a", "b"]


def test_the_office_renames_and_deletes_what_it_shares_but_does_not_take_it_away(session: Session) -> None:
    row = searches.save(session, wanted(shared=True), "ala", 1)
    assert searches.change(session, row.id, "jan", 2, name=" nowa ").name == "nowa"
    with pytest.raises(NotItsAuthor):
        searches.change(session, row.id, "jan", 3, shared=False)
    assert searches.change(session, row.id, "ala", 4, shared=False).shared is False
    searches.change(session, row.id, "ala", 5, shared=True)
    searches.delete(session, row.id, "jan", 6)
    assert names(session, "ala") == []


def test_an_author_has_one_search_of_a_name(session: Session) -> None:
    row = searches.save(session, wanted(), "ala", 1)
    searches.save(session, wanted(), "jan", 1)
    with pytest.raises(NameTaken):
        searches.save(session, wanted(" kadry "), "ala", 2)
    assert searches.change(session, row.id, "ala", 3, name="kadry").changed_at == 3


@pytest.mark.parametrize("name", ["", "  ", "x" * (searches.NAME + 1)])
def test_a_name_has_bounds(session: Session, name: str) -> None:
    with pytest.raises(BadText):
        searches.save(session, wanted(name), "ala", 1)


def test_the_box_keeps_so_many_and_no_more(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "MOST", 2)
    searches.save(session, wanted("a"), "ala", 1)
    row = searches.save(session, wanted("b"), "jan", 1)
    with pytest.raises(SearchesFull):
        searches.save(session, wanted("c"), "ala", 1)
    searches.delete(session, row.id, "jan", 2)
    assert searches.save(session, wanted("c"), "ala", 3).id


def test_the_audit_log_has_every_act(session: Session) -> None:
    row = searches.save(session, wanted(), "ala", 1)
    searches.change(session, row.id, "ala", 2, shared=True)
    searches.delete(session, row.id, "jan", 3)
    said = [(one.at, one.who, one.action, one.detail["shared"]) for one in session.query(Operation)]
    assert said == [
        (1, "ala", "search.saved", False),
        (2, "ala", "search.changed", True),
        (3, "jan", "search.deleted", True),
    ]
