"""Other rules while the stream goes on: swapped between steps, kept when they fail, made in another process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from appliance.detect import Engine
from appliance.detect.correlation.correlator import Correlator
from appliance.home import Home
from appliance.rulesets import ActiveRules, active_rules
from appliance.rulesets.budget import Bounds, Meter
from appliance.rulesets.fresh import Fresh
from appliance.rulesets.prepare import PreparationFailed, main, prepare
from appliance.rulesets.reload import AGAIN, Ready, Reloader
from appliance.rulesets.watch import Mark, files_mark
from appliance.settings import Settings
from tests.appliance.rulesets import kit


class Office:
    """A home with rules, a clock that the test moves, and what keeps its rules up to date."""

    def __init__(self, home: Home) -> None:
        self.home, self.now, self.prepared = home, kit.NOW, 0
        self.state: tuple[object, ...] = ()
        (home.rules / "1.yml").write_text(kit.rule_text(1))
        rules = self.load(None)
        self.reloader = Reloader(
            Ready(rules, Engine(rules), Correlator(rules)),
            mark=lambda: Mark(files_mark(home, Settings()), self.state),
            prepare=self.prepare,
            load=self.load,
            build=lambda rules, _: Engine(rules),
            now=lambda: self.now,
        )

    def prepare(self) -> None:
        self.prepared += 1

    def load(self, before: ActiveRules | None) -> ActiveRules:
        return active_rules(self.home, Settings(), before=before)

    def found(self) -> bool:
        return kit.uuid(2) in {rule.id for rule in self.reloader.current.engine.match(kit.started())}


@pytest.fixture
def office(home: Home) -> Office:
    return Office(home)


def test_rules_change_between_two_steps(office: Office) -> None:
    office.reloader.look()
    assert (office.reloader.take(), office.prepared) == (None, 0)
    (office.home.rules / "2.yml").write_text(kit.rule_text(2))
    office.reloader.look()
    assert not office.found()
    ready = office.reloader.take()
    assert ready is not None
    assert office.found()
    assert (office.reloader.take(), office.prepared, office.reloader.told.reloads) == (None, 1, 1)
    office.reloader.look()
    assert office.prepared == 1


def test_what_only_the_database_says_needs_no_preparation(office: Office) -> None:
    office.state = (1,)
    office.reloader.look()
    assert office.reloader.take() is not None
    assert office.prepared == 0


def test_what_fails_keeps_the_rules_and_is_tried_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    (office.home.rules / "2.yml").write_text(kit.rule_text(2))

    def fail() -> None:
        raise PreparationFailed("kod -11")

    with monkeypatch.context() as patched:
        patched.setattr(office.reloader, "_prepare", fail)
        office.reloader.look()
        office.reloader.look()
    told = office.reloader.told
    assert (told.failures, told.refused) == (1, "PreparationFailed: kod -11")
    assert office.reloader.take() is None
    office.reloader.look()
    assert office.reloader.take() is None
    office.now += AGAIN
    office.reloader.look()
    assert office.reloader.take() is not None
    assert office.reloader.told.refused == ""


def test_a_set_without_a_single_rule_is_not_taken(office: Office) -> None:
    office.home.policy.write_text("statuses: []\n")
    office.reloader.look()
    assert office.reloader.take() is None
    assert "żadnej reguły" in office.reloader.told.refused


def test_a_faulty_policy_is_said_while_the_rest_goes_on(office: Office) -> None:
    office.home.policy.write_text("min_level: loud\n")
    (office.home.rules / "2.yml").write_text(kit.rule_text(2))
    office.reloader.look()
    assert office.reloader.take() is not None
    assert office.found()
    assert "policy.yaml:1" in office.reloader.told.refused


def test_the_interpreter_is_as_it_was(office: Office) -> None:
    interval = sys.getswitchinterval()
    (office.home.rules / "2.yml").write_text(kit.rule_text(2))
    office.reloader.look()
    assert sys.getswitchinterval() == interval


def test_an_engine_that_is_not_used_any_more_is_closed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Engine] = []
    monkeypatch.setattr(Engine, "close", lambda engine: closed.append(engine), raising=False)  # noqa: PLW0108 - a built-in method does not take the engine
    first = office.reloader.current.engine
    (office.home.rules / "2.yml").write_text(kit.rule_text(2))
    office.reloader.look()
    office.reloader.take()
    assert closed == []
    office.reloader.look()
    assert closed == [first]


def test_preparing_fills_the_cache_in_another_process(home: Home) -> None:
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    prepare(home)
    assert (home.cache / "rules.json").stat().st_size > 0
    home.config.write_text("nonsense = 1\n")
    with pytest.raises(PreparationFailed):
        prepare(home)
    with pytest.raises(PreparationFailed, match="0 s"):
        prepare(home, 0.01)


def test_preparing_again_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.nice", lambda _: 0)
    monkeypatch.setattr("os.umask", lambda _: 0)
    # The loggers are those of all tests.
    monkeypatch.setattr("appliance.rulesets.prepare.configure", lambda: None)
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    assert main(["--home", str(home.root)]) == 0
    made = (home.cache / "rules.json").read_bytes()
    assert main(["--home", str(home.root)]) == 0
    assert (home.cache / "rules.json").read_bytes() == made


def test_readers_see_changes_after_the_first_question(home: Home) -> None:
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    loads: list[ActiveRules | None] = []

    def load(before: ActiveRules | None) -> ActiveRules:
        loads.append(before)
        if len(loads) == 3:
            raise OSError(5, "Input/output error")
        return active_rules(home, Settings(), before=before)

    fresh = Fresh(load, lambda: Mark(files_mark(home, Settings())))
    assert not fresh.look()
    first = fresh()
    assert fresh() is first
    assert not fresh.look()
    (home.rules / "2.yml").write_text(kit.rule_text(2))
    assert fresh.look()
    second = fresh()
    assert loads == [None, first]
    (home.rules / "2.yml").unlink()
    with pytest.raises(OSError, match="Input"):
        fresh.look()
    assert fresh() is second
    assert fresh.look()


SECOND = 1_000_000_000


def test_a_rule_past_its_share_is_named_once_it_is_certain() -> None:
    meter = Meter(0.1, Bounds(window=60 * SECOND, least=20 * SECOND, spent=SECOND))
    assert meter.look(0, {}) == []
    assert meter.look(10 * SECOND, {"a": 9 * SECOND}) == []
    assert meter.look(20 * SECOND, {"a": 9 * SECOND, "b": SECOND, "c": 3 * SECOND}) == [("a", 0.45), ("c", 0.15)]
    assert Meter(0, Bounds(least=0)).look(SECOND, {"a": SECOND}) == []


def test_an_hour_ago_is_forgotten_and_another_engine_counts_anew() -> None:
    meter = Meter(0.1, Bounds(window=60 * SECOND, least=20 * SECOND, spent=SECOND))
    for step in range(40):
        found = meter.look(step * 10 * SECOND, {"a": 10 * SECOND})
        assert found == ([("a", 0.5)] if step == -1 else [])
    assert meter.look(410 * SECOND, {"a": 0}) == []
    assert meter.look(420 * SECOND, {"a": 9 * SECOND}) == []
    assert meter.look(431 * SECOND, {"a": 9 * SECOND}) == [("a", 9 / 21)]


def test_a_costly_rule_is_seen_and_a_cheap_one_is_not(tmp_path: Path) -> None:
    """The costly one is decided on every event, over a value of hundreds of kilobytes."""
    costly = kit.rule_text(1).replace("Image|endswith: /sh", "CommandLine|re: '(a|b|ab|ba)*ab$'")
    kit.write(tmp_path, {"1.yml": costly, "2.yml": kit.rule_text(2)})
    engine = Engine(kit.ruleset(tmp_path))
    for number in range(30):
        engine.match(kit.started(number, **{"process.command_line": f"{number}" + "ab" * 100_000}))
    spent = {rule: one.nanoseconds for rule, one in engine.stats.items()}
    passed = 2 * sum(spent.values())
    meter = Meter(0.25, Bounds(least=0, spent=0))
    meter.look(0, {})
    assert [rule for rule, _ in meter.look(passed, spent)] == [kit.uuid(1)]
