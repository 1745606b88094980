"""The rules of the box's processes: a costly rule is stopped, told, and left out of the next engine."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from appliance.detect import load_plans
from appliance.home import Home
from appliance.roles.content import Watchman, fresh, reloader, told
from appliance.roles.pipeline import PlanKeeper
from appliance.rulesets.budget import Bounds, resume
from appliance.settings import Settings
from appliance.state.database import open_sessions, writing
from appliance.state.models import Operation
from tests.appliance.rulesets import kit
from tests.appliance.state.fresh import fresh_state

COSTLY = kit.rule_text(1).replace("Image|endswith: /sh", "CommandLine|re: '(a|b|ab|ba)*ab$'")


def test_a_costly_rule_is_stopped_loudly_and_turned_on_again(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    engine = fresh_state(f"sqlite:///{home.state}")
    sessions = open_sessions(engine)
    (home.rules / "1.yml").write_text(COSTLY)
    (home.rules / "2.yml").write_text(kit.rule_text(2))
    source = reloader(home, Settings(), sessions)
    # Of the time that passes here most goes into the events; a share of it is certain to be the costly rule's.
    watchman = Watchman(source, sessions, 0.05, Bounds(least=0, spent=0))
    watchman.look()
    for number in range(20):
        event = kit.started(number, **{"process.command_line": f"{number}" + "ab" * 50_000})
        assert {kit.uuid(1), kit.uuid(2)} <= {rule.id for rule in source.current.engine.match(event)}
    watchman.look()
    assert "rule_stopped" in "".join(capsys.readouterr())
    with sessions() as session:
        assert session.scalars(select(Operation.action)).all() == ["rule.stopped"]
    source.look()
    ready = source.take()
    assert ready is not None
    found = {rule.id for rule in ready.engine.match(kit.started(21, **{"process.command_line": "abab"}))}
    assert found & {kit.uuid(1), kit.uuid(2)} == {kit.uuid(2)}
    assert told(source)["rules_stopped"] == 1
    with writing(sessions) as session:
        assert resume(session, kit.uuid(1), "ala", kit.NOW)
    source.look()
    assert source.take() is not None
    assert told(source)["rules_stopped"] == 0
    engine.dispose()


def test_the_next_engine_knows_what_the_one_before_has_learned(home: Home) -> None:
    database = fresh_state(f"sqlite:///{home.state}")
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    source = reloader(home, Settings(), open_sessions(database))
    keeper, before = PlanKeeper(home.cache, lambda: source.current.engine), source.current.engine
    before.match(kit.started(1))
    keeper.keep()
    kinds = before.kinds()
    assert load_plans(home.cache) == before.plans != {}
    (home.rules / "2.yml").write_text(kit.rule_text(2, image="/odd"))
    source.look()
    ready = source.take()
    assert ready is not None
    assert ready.engine.kinds() == kinds
    keeper.keep()
    assert load_plans(home.cache) == ready.engine.plans != before.plans
    source.look()
    assert before.kinds() == []
    database.dispose()


def test_readers_are_given_what_the_stream_has(home: Home) -> None:
    engine = fresh_state(f"sqlite:///{home.state}")
    sessions = open_sessions(engine)
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    rules = fresh(home, Settings(), sessions)
    assert [rule.id for rule in rules().rules] == [
        rule.id for rule in reloader(home, Settings(), sessions).current.rules.rules
    ]
    engine.dispose()
