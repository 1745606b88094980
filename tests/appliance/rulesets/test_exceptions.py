"""The life of an exception: proposed, agreed to by another person, ended; and what it would have hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.alerts.grouping import Hit, apply
from appliance.alerts.service import Actor, BadText
from appliance.clock import DAY
from appliance.detect import Logsource, Rule, RuleSet
from appliance.home import Home
from appliance.normalise import Event
from appliance.ops.expiry import note_expired
from appliance.ops.operations import record
from appliance.rulesets import exceptions
from appliance.rulesets.conditions import Condition, How, TooWide
from appliance.rulesets.exceptions import Proposal
from appliance.rulesets.filters import narrowed
from appliance.rulesets.kept import kept
from appliance.rulesets.offers import OFFERED, offers
from appliance.rulesets.replay import Bounds, replay
from appliance.rulesets.scope import MAX_RULES
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.models import Operation
from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore
from appliance.store.shape import encode
from tests.appliance.rulesets import kit

NOTHING = RuleSet([], [])
ALA, OLA, ROBOT = Actor("ala", 1), Actor("ola", 2), Actor("token:robot")


@pytest.fixture
def rule(tmp_path: Path) -> Rule:
    return kit.one_rule(tmp_path, kit.rule_text(1))


@pytest.fixture
def proposal(rule: Rule) -> Proposal:
    conditions = (Condition("user.name", How.IS, "www-data"),)
    return Proposal((rule,), conditions, "EZD, potwierdzone telefonicznie", kit.NOW + 30 * DAY)


def proposed(sessions: sessionmaker[Session], proposal: Proposal, actor: Actor = ALA) -> int:
    with writing(sessions) as session:
        return exceptions.propose(session, proposal, actor, {}, kit.NOW).id


def log(sessions: sessionmaker[Session]) -> list[tuple[str, str]]:
    with sessions() as session:
        rows = session.execute(select(Operation.who, Operation.action).order_by(Operation.id))
        return [(who, action) for who, action in rows]


def state(sessions: sessionmaker[Session], number: int, moment: int = kit.NOW) -> str:
    with sessions() as session:
        return exceptions.state_of(exceptions.get(session, number), moment)


def test_who_made_the_token_that_proposes_cannot_agree(sessions: sessionmaker[Session], proposal: Proposal) -> None:
    with writing(sessions) as session:
        record(session, ALA.who, "token.created", ROBOT.who.removeprefix("token:"), kit.NOW, scopes=[])
    number = proposed(sessions, proposal, ROBOT)
    with pytest.raises(exceptions.SamePerson), writing(sessions) as session:
        exceptions.approve(session, number, ALA, kit.NOW)
    assert state(sessions, number) == "proposed"
    with writing(sessions) as session:
        exceptions.approve(session, number, OLA, kit.NOW)
    assert state(sessions, number) == "approved"


def test_another_person_agrees_and_it_ends_by_itself(sessions: sessionmaker[Session], proposal: Proposal) -> None:
    number = proposed(sessions, proposal)
    assert kept(sessions, kit.NOW).filters == {}
    with pytest.raises(exceptions.SamePerson), writing(sessions) as session:
        exceptions.approve(session, number, ALA, kit.NOW)
    with pytest.raises(exceptions.PersonNeeded), writing(sessions) as session:
        exceptions.approve(session, number, ROBOT, kit.NOW)
    assert state(sessions, number) == "proposed"
    with writing(sessions) as session:
        exceptions.approve(session, number, OLA, kit.NOW + 1)
    assert list(kept(sessions, kit.NOW).filters) == [f"exception-{number}"]
    last = proposal.expires_at
    assert kept(sessions, last - 1).filters
    assert kept(sessions, last).filters == {}
    assert state(sessions, number, last) == "expired"
    with writing(sessions) as session:
        assert note_expired(session, last) == 1
        assert note_expired(session, last) == 0
    assert log(sessions) == [
        ("ala", "exception.proposed"),
        ("ola", "exception.approved"),
        ("czujka", "exception.expired"),
    ]


def test_what_is_over_cannot_be_changed(sessions: sessionmaker[Session], proposal: Proposal) -> None:
    number = proposed(sessions, proposal)
    with writing(sessions) as session:
        exceptions.withdraw(session, number, ALA, kit.NOW)
    for act, actor in ((exceptions.approve, OLA), (exceptions.withdraw, ALA)):
        with pytest.raises(exceptions.NotInState), writing(sessions) as session:
            act(session, number, actor, kit.NOW)
    late = proposed(sessions, proposal)
    with pytest.raises(exceptions.NotInState) as caught, writing(sessions) as session:
        exceptions.approve(session, late, OLA, proposal.expires_at)
    assert caught.value.state == "expired"
    with pytest.raises(exceptions.UnknownException), writing(sessions) as session:
        exceptions.approve(session, 99, OLA, kit.NOW)


def test_a_proposal_of_a_token_needs_a_person(sessions: sessionmaker[Session], proposal: Proposal) -> None:
    number = proposed(sessions, proposal, ROBOT)
    with writing(sessions) as session:
        assert exceptions.approve(session, number, ALA, kit.NOW).approver == "ala"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"reason": " "}, BadText),
        ({"reason": "x" * (exceptions.REASON + 1)}, BadText),
        ({"expires_at": kit.NOW}, exceptions.BadExpiry),
        ({"expires_at": kit.NOW + exceptions.LONGEST + 1}, exceptions.BadExpiry),
        ({"conditions": ()}, TooWide),
        ({"conditions": (Condition("czujka.local.hour", How.CONTAINS, "abc"),)}, TooWide),
    ],
)
def test_a_proposal_without_reason_end_or_value_is_refused(
    sessions: sessionmaker[Session], proposal: Proposal, change: dict[str, object], fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        proposed(sessions, replace(proposal, **change))  # type: ignore[arg-type]
    assert proposed(sessions, replace(proposal, expires_at=kit.NOW + exceptions.LONGEST)) == 1


@pytest.mark.parametrize(
    ("conditions", "title"),
    [
        ((Condition("source.ip", How.NETWORK, "10.0.0.0/24 "),), "T"),
        ((Condition("user.name", How.IS, "x"),), "Długi tytuł " * 21),
    ],
)
def test_what_is_agreed_to_acts(
    sessions: sessionmaker[Session], proposal: Proposal, conditions: tuple[Condition, ...], title: str
) -> None:
    rule = replace(proposal.rules[0], title=title.strip())
    number = proposed(sessions, replace(proposal, rules=(rule,), conditions=conditions))
    with writing(sessions) as session:
        exceptions.approve(session, number, OLA, kit.NOW)
    (after,), faults = narrowed([rule], kept(sessions, kit.NOW).filters)
    assert (after.condition != rule.condition, faults) == (True, [])


def test_rules_are_named_once_and_not_too_many(sessions: sessionmaker[Session], proposal: Proposal) -> None:
    rules = tuple(replace(proposal.rules[0], id=kit.uuid(n)) for n in range(1, MAX_RULES + 2))
    for wrong in ((), proposal.rules * 2, rules):
        with pytest.raises(TooWide) as caught:
            proposed(sessions, replace(proposal, rules=wrong))
        assert caught.value.code == "rules"
    number = proposed(sessions, replace(proposal, rules=rules[:-1]))
    with sessions() as session:
        for name in (1, MAX_RULES):
            assert [one.id for one in exceptions.page(session, None, 2, kit.uuid(name))[0]] == [number]
        assert exceptions.page(session, None, 2, kit.uuid(MAX_RULES + 1))[0] == []


def test_an_exception_of_every_rule_needs_a_value_that_tells(
    sessions: sessionmaker[Session], proposal: Proposal, rule: Rule
) -> None:
    every = replace(proposal, source=Logsource("linux"))
    with pytest.raises(TooWide) as caught:
        proposed(sessions, replace(every, conditions=(Condition("host.name", How.IS, "srv-1"),)))
    assert caught.value.code == "any_wide"
    number = proposed(sessions, every)
    with writing(sessions) as session:
        exceptions.approve(session, number, OLA, kit.NOW)
    later = replace(rule, id=kit.uuid(70), title="Of a later release")
    after, faults = narrowed([rule, later], kept(sessions, kit.NOW).filters)
    assert ([one.condition != rule.condition for one in after], faults) == ([True, True], [])
    with sessions() as session:
        details = session.scalars(select(Operation.detail).order_by(Operation.id)).all()
    assert [one["every_rule_of"] for one in details] == [{"product": "linux"}] * 2


def test_an_exception_that_leaves_a_rule_nothing_is_refused(
    sessions: sessionmaker[Session], proposal: Proposal, tmp_path: Path
) -> None:
    other = kit.one_rule(tmp_path, kit.rule_text(2, image="/curl"))
    rules = (*proposal.rules, other)
    with pytest.raises(TooWide) as caught:
        proposed(sessions, replace(proposal, rules=rules, conditions=(Condition("Image", How.ENDS, "/curl"),)))
    assert (caught.value.code, caught.value.field) == ("hides_all", "Rule 2")
    assert proposed(sessions, replace(proposal, conditions=(Condition("Image", How.ENDS, "/curl"),)))


def test_pages_are_newest_first(sessions: sessionmaker[Session], proposal: Proposal) -> None:
    numbers = [proposed(sessions, proposal) for _ in range(3)]
    with sessions() as session:
        first, cursor = exceptions.page(session, None, 2)
        rest, end = exceptions.page(session, cursor, 2)
        assert [one.id for one in [*first, *rest]] == numbers[::-1]
        assert end is None
        assert exceptions.page(session, None, 2, "another")[0] == []
        assert len(exceptions.waiting_or_acting(session, kit.NOW)) == 3


@pytest.fixture
def history(home: Home) -> Iterator[EmbeddedReader]:
    events: list[Event] = [kit.started(n, **{"user.name": "www-data" if n % 3 else "root"}) for n in range(1, 31)]
    events.append(kit.started(31, **{"process.executable": "/usr/bin/ls"}))
    events.append(kit.started(3600 * 24 * 31))
    writer = EmbeddedStore(home.store)
    writer.append(encode(events), [BatchResult(1, kit.uuid(7), len(events), len(events), 0, 0)], 1)
    writer.close()
    reader = EmbeddedReader(home.store)
    yield reader
    reader.close()


def test_a_replay_counts_what_would_have_been_hidden(
    sessions: sessionmaker[Session], proposal: Proposal, history: EmbeddedReader
) -> None:
    with writing(sessions) as session:
        for number, user in ((1, "www-data"), (2, "root"), (3, "www-data")):
            event = kit.started(number, **{"user.name": user, "host.name": f"srv-{number}"})
            apply(session, [Hit(proposal.rules[0], event)], kit.NOW, Settings())
    with sessions() as session:
        found = replay(history, session, proposal, kit.NOW, Bounds(listed=5), ruleset=NOTHING)
    assert (found.hidden, found.whole) == (20, True)
    assert (found.alerts, found.alerts_of_rule) == (2, 3)
    assert [one["user"] for one in found.events] == ["www-data"] * 5
    assert found.events[0]["id"] == kit.started(1)["event.id"]
    assert found.looked < 32


def test_a_replay_says_how_much_of_each_rule(
    sessions: sessionmaker[Session], proposal: Proposal, history: EmbeddedReader, tmp_path: Path
) -> None:
    second = kit.one_rule(tmp_path, kit.rule_text(2, image="/bin/sh"))
    third = kit.one_rule(tmp_path, kit.rule_text(3, image="/nothing"))
    with writing(sessions) as session:
        for number, user in ((1, "www-data"), (2, "root")):
            event = kit.started(number, **{"user.name": user, "host.name": f"srv-{number}"})
            apply(session, [Hit(proposal.rules[0], event), Hit(second, event)][: 3 - number], kit.NOW, Settings())
    wanted = replace(proposal, rules=(*proposal.rules, second, third))
    with sessions() as session:
        named = replay(history, session, wanted, kit.NOW, ruleset=NOTHING)
        every = replay(history, session, replace(wanted, source=Logsource("linux")), kit.NOW, ruleset=NOTHING)
    assert (named.hidden, named.alerts, named.alerts_of_rule) == (20, 2, 3)
    shares = [(one.title, one.hidden, one.alerts, one.alerts_of_rule) for one in named.rules]
    assert shares == [("Rule 1", 20, 1, 2), ("Rule 2", 20, 1, 1), ("Rule 3", 0, 0, 0)]
    assert [one.title for one in every.rules] == ["Rule 1", "Rule 2"]
    assert every.dump()["rules"][0] == {
        "id": kit.uuid(1), "title": "Rule 1", "hidden": 20, "alerts": 1, "alerts_of_rule": 2,
    }  # fmt: skip


def test_a_replay_stops_at_its_bounds_and_says_so(
    sessions: sessionmaker[Session], proposal: Proposal, history: EmbeddedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.rulesets.replay.PAGE", 7)
    with sessions() as session:
        short = replay(history, session, proposal, kit.NOW, Bounds(events=10), ruleset=NOTHING)
        none = replay(history, session, proposal, kit.NOW, Bounds(seconds=0), ruleset=NOTHING)
    assert (short.looked, short.whole) == (14, False)
    assert (none.looked, none.whole) == (7, False)


def test_a_replay_finds_values_that_a_search_would_miss(
    sessions: sessionmaker[Session], proposal: Proposal, history: EmbeddedReader
) -> None:
    """Letters of either case: the question to the store asks for too much, never for too little."""
    for condition in (
        Condition("user.name", How.IS, "WWW-Data"),
        Condition("User", How.STARTS, "WWW"),
        Condition("User", How.REGEX, "^w{3}-DATA$"),
    ):
        with sessions() as session:
            wanted = replace(proposal, conditions=(condition,))
            assert replay(history, session, wanted, kit.NOW, ruleset=NOTHING).hidden == 20


def test_of_several_values_one_is_enough(
    sessions: sessionmaker[Session], proposal: Proposal, history: EmbeddedReader
) -> None:
    conditions = [Condition("user.name", How.IS, value) for value in ("www-data", "root", "nobody")]
    conditions += [Condition("process.command_line", How.CONTAINS, value) for value in ("'id'", "whoami")]
    for number, found in ((1, 20), (2, 30), (5, 30)):
        wanted = replace(proposal, conditions=tuple(conditions[:number])).check(kit.NOW)
        with sessions() as session:
            assert replay(history, session, wanted, kit.NOW, ruleset=NOTHING).hidden == found


TOGETHER = """title: Three shells
id: 00000000-0000-4000-8000-000000000077
level: high
status: stable
correlation:
  type: event_count
  rules: ["%s"]
  group-by: [host.name]
  timespan: 1h
  condition: {gte: 3}
---
title: Shells again
id: 00000000-0000-4000-8000-000000000078
level: high
status: stable
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000077]
  group-by: [host.name]
  timespan: 1h
  condition: {gte: 1}
"""


def test_a_replay_says_which_correlations_would_have_kept_silent(
    sessions: sessionmaker[Session], proposal: Proposal, history: EmbeddedReader, tmp_path: Path
) -> None:
    kit.write(tmp_path / "rules", {"one.yml": kit.rule_text(1), "two.yml": TOGETHER % proposal.rules[0].id})
    ruleset = kit.ruleset(tmp_path / "rules")
    with writing(sessions) as session:
        for host, users in (("a", ("www-data",) * 3), ("b", ("root",) * 3), ("c", ("root", "www-data", "root"))):
            events = [kit.started(n, **{"user.name": user, "host.name": host}) for n, user in enumerate(users, 1)]
            events = [{**event, "event.id": f"{host}{n}".rjust(32, "0")} for n, event in enumerate(events)]
            for one in ruleset.correlations:
                apply(session, [Hit(one, event, host) for event in events], kit.NOW, Settings())
    with sessions() as session:
        found = replay(history, session, proposal, kit.NOW, ruleset=ruleset)
    assert (found.alerts, found.alerts_of_rule) == (0, 0)
    assert (found.together, found.together_of_rule) == (4, 6)
    assert found.dump()["together"] == 4


def test_fields_are_offered_that_the_rule_rests_on(rule: Rule) -> None:
    values: dict[str, str | int | tuple[str, ...]] = {"file.path": "a\u202eb", "process.pid": 5}
    found = offers(rule, kit.started(1, **values))
    assert [(one.field, one.matched) for one in found][:2] == [("Image", True), ("host.name", False)]
    assert "file.path" not in {one.field for one in found}
    assert "process.executable" not in {one.field for one in found}
    assert len(found) <= OFFERED
