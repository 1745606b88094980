"""Rules that come or change look through the past by themselves, once, and together."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY
from appliance.detect import load_rules
from appliance.hunt.changes import Follower, changed_since, name_of
from appliance.rulesets import ActiveRules
from appliance.settings import HuntSettings, Settings
from appliance.state.hunts import HuntOrigin, HuntRun, RuleSeen
from tests.appliance.hunt.kit import Office
from tests.appliance.rulesets.kit import NOW, uuid


@dataclass
class Watched:
    """A follower over an office, and what it watches."""

    office: Office
    empty: bool = False
    days: int = 30

    def __post_init__(self) -> None:
        self.loads = 0
        self.follower = self.made()

    def made(self) -> Follower:
        settings = Settings(hunts=HuntSettings(days=self.days))
        office = self.office

        def mark() -> str:
            return repr([(file.name, file.read_bytes()) for file in sorted((office.folder / "rules").iterdir())])

        def load() -> ActiveRules:
            self.loads += 1
            loaded = office.rules()
            return ActiveRules(loaded.rules, loaded.faults)

        return Follower(office.sessions, settings, mark, load, lambda: self.empty, lambda: office.now)

    def settle(self) -> int | None:
        """Look as often as it takes; return the number of a hunt that was asked for."""
        found = [self.follower.look() for _ in range(3)]
        assert found[0] is None, "a change must have stood for a while"
        return found[1]


@pytest.fixture
def watched(office: Office) -> Watched:
    made = Watched(office, empty=True)
    made.settle()
    made.empty = False
    return made


def hunts(sessions: sessionmaker[Session]) -> list[HuntRun]:
    with sessions() as session:
        return list(session.scalars(select(HuntRun).order_by(HuntRun.id)))


def test_the_first_start_of_an_empty_box_asks_for_nothing(watched: Watched) -> None:
    assert hunts(watched.office.sessions) == []
    with watched.office.sessions() as session:
        assert session.scalars(select(RuleSeen.rule_id)).all() == [uuid(1)]


def test_the_first_start_over_a_full_store_is_one_hunt(office: Office) -> None:
    office.put_rules(2, 3)
    number = Watched(office).settle()
    (row,) = hunts(office.sessions)
    assert (row.id, row.rules, row.origin) == (number, [uuid(1), uuid(2), uuid(3)], HuntOrigin.CHANGE)
    assert (row.since, row.until, row.asked_by) == (NOW - 30 * DAY, NOW, "czujka")
    assert row.name == "3 reguły"


def test_a_rule_that_comes_or_changes_is_hunted_alone(watched: Watched) -> None:
    watched.office.put_rules(2)
    assert watched.settle() == 1
    watched.office.put_rules(1, image="/bash")
    assert watched.settle() == 2
    assert [row.rules for row in hunts(watched.office.sessions)] == [[uuid(2)], [uuid(1)]]
    assert [row.name for row in hunts(watched.office.sessions)] == ["Reguła: Rule 2", "Reguła: Rule 1"]


def test_files_that_come_one_after_another_are_one_hunt(watched: Watched) -> None:
    for number in range(2, 6):
        watched.office.put_rules(number)
        assert watched.follower.look() is None
    assert watched.follower.look() == 1
    assert [len(row.rules) for row in hunts(watched.office.sessions)] == [4]


def test_a_release_of_hundreds_of_rules_is_one_hunt(watched: Watched) -> None:
    watched.office.put_rules(*range(2, 302))
    watched.settle()
    assert [len(row.rules) for row in hunts(watched.office.sessions)] == [300]
    assert hunts(watched.office.sessions)[0].name == "300 reguł"


def test_what_is_as_it_was_costs_no_loading(watched: Watched) -> None:
    loads = watched.loads
    for _ in range(3):
        assert watched.follower.look() is None
    again = watched.made()
    assert [again.look() for _ in range(3)] == [None, None, None]
    assert watched.loads == loads, "neither now nor after a restart"


def test_a_rule_that_was_away_is_hunted_when_it_comes_back(watched: Watched) -> None:
    file = watched.office.folder / "rules" / "1.yml"
    text = file.read_text()
    watched.office.put_rules(2)
    watched.settle()
    file.unlink()
    assert watched.settle() is None
    file.write_text(text)
    assert watched.settle() == 2
    assert hunts(watched.office.sessions)[1].rules == [uuid(1)]


def test_the_office_may_do_without(office: Office) -> None:
    watched = Watched(office, days=0)
    assert watched.settle() is None
    with office.sessions() as session:
        assert session.scalars(select(RuleSeen.rule_id)).all() == [uuid(1)]


def test_what_has_changed_since_a_moment_is_known(watched: Watched) -> None:
    watched.office.now = NOW + DAY
    watched.office.put_rules(2)
    watched.settle()
    with watched.office.sessions() as session:
        assert changed_since(session, NOW) == {uuid(1), uuid(2)}
        assert changed_since(session, NOW + 1) == {uuid(2)}


def test_a_name_fits_and_speaks_the_language_of_the_box(office: Office) -> None:
    office.put_rules(2, title="Długi " * 40)
    rules = load_rules([office.folder / "rules"]).rules
    assert name_of(rules, "en") == "2 rules"
    assert len(name_of(rules[1:], "pl")) == 120
