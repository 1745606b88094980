"""Which rules are in force: policy, overrides, exceptions, stopped rules, and what fails later."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY
from appliance.detect import Engine, RuleSet
from appliance.home import Home
from appliance.rulesets import ActiveRules, Why, active_rules, listed
from appliance.rulesets.budget import resume, stop
from appliance.rulesets.content import Kind
from appliance.rulesets.watch import FilesWatch, files_mark, state_mark
from appliance.settings import RuleSettings, Settings
from appliance.state.database import writing
from appliance.state.exceptions import ExceptionRule, RuleException
from appliance.state.models import ExceptionState
from tests.appliance.rulesets import kit


def exception(
    number: int, *, until: int = kit.NOW + DAY, state: ExceptionState = ExceptionState.APPROVED
) -> RuleException:
    return RuleException(
        filter_id=kit.uuid(900 + number),
        rules=[
            ExceptionRule(
                place=0,
                rule_id=kit.uuid(1),
                title="Rule 1",
                logsource={"product": "linux", "category": "process_creation"},
            )
        ],
        conditions=[{"field": "user.name", "how": "is", "value": "www-data"}],
        reason="EZD",
        author="ala",
        proposed_at=kit.NOW,
        expires_at=until,
        state=state,
        approver="ola",
    )


def on(rules: ActiveRules) -> set[str]:
    return {rule.id for rule in rules.rules if rule.author == "Ala"}


def test_the_policy_and_levels_of_the_office_hold_for_every_origin(home: Home, tmp_path: Path) -> None:
    kit.take_release(home, kit.write(tmp_path / "one", {f"rules/{n}.yml": kit.rule_text(n) for n in (1, 2)}))
    folder = kit.write(tmp_path / "more", {"3.yml": kit.rule_text(3), "4.yml": kit.rule_text(4, level="low")})
    text = f"min_level: medium\ndisable: {{rules: {{{kit.uuid(1)}: nie}}}}\nlevels: {{{kit.uuid(2)}: critical}}\n"
    home.policy.write_text(text)
    settings = Settings(rules=RuleSettings(folders=[folder]))
    rules = active_rules(home, settings)
    assert on(rules) == {kit.uuid(2), kit.uuid(3)}
    entries = {one.rule.id: one for one in rules.listed}
    assert (entries[kit.uuid(2)].rule.level, entries[kit.uuid(2)].level) == (4, 3)
    assert [entries[kit.uuid(n)].off and entries[kit.uuid(n)].off.why for n in (1, 4)] == [Why.RULE, Why.LEVEL]  # type: ignore[union-attr]
    assert {entries[kit.uuid(n)].origin.kind for n in (1, 3)} == {Kind.IMPORTED, Kind.FOLDER}
    kit.take_release(
        home, kit.write(tmp_path / "two", {f"rules/{n}.yml": kit.rule_text(n, image="/b") for n in (1, 2)})
    )
    assert on(active_rules(home, settings)) == {kit.uuid(2), kit.uuid(3)}


def test_a_faulty_policy_leaves_what_was_said_before(home: Home) -> None:
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    home.policy.write_text("min_level: critical\n")
    before = active_rules(home, Settings())
    assert on(before) == set()
    home.policy.write_text("min_level: loud\n")
    after = active_rules(home, Settings(), before=before)
    assert on(after) == set()
    assert "policy.yaml:1" in after.refused
    at_start = active_rules(home, Settings())
    assert on(at_start) == {kit.uuid(1)}
    assert at_start.refused


def test_a_rule_whose_file_breaks_stays_as_it_was(home: Home) -> None:
    for number in (1, 2):
        (home.rules / f"{number}.yml").write_text(kit.rule_text(number))
    before = active_rules(home, Settings())
    (home.rules / "1.yml").write_text(kit.rule_text(1).replace("endswith", "endswiht"))
    after = active_rules(home, Settings(), before=before)
    assert on(after) == {kit.uuid(1), kit.uuid(2)}
    assert [one.rule.id for one in after.listed if one.former] == [kit.uuid(1)]
    assert [fault.line for fault in after.faults] == [11]
    again = active_rules(home, Settings(), before=after)
    assert on(again) == {kit.uuid(1), kit.uuid(2)}
    (home.rules / "1.yml").unlink()
    assert on(active_rules(home, Settings(), before=again)) == {kit.uuid(2)}


def test_an_exception_acts_until_its_day_and_only_once_agreed(home: Home, sessions: sessionmaker[Session]) -> None:
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    event = kit.started()

    def found(moment: int) -> bool:
        rules = active_rules(home, Settings(), sessions, moment=moment)
        assert rules.faults == []
        return kit.uuid(1) in {rule.id for rule in Engine(RuleSet(rules.rules, [])).match(event)}

    assert found(kit.NOW)
    with writing(sessions) as session:
        session.add(exception(1, state=ExceptionState.PROPOSED))
        session.add(exception(2, state=ExceptionState.WITHDRAWN))
        session.add(exception(3, state=ExceptionState.EXPIRED))
    assert found(kit.NOW)
    with writing(sessions) as session:
        session.get_one(RuleException, 1).state = ExceptionState.APPROVED
    assert not found(kit.NOW)
    assert found(kit.NOW + DAY)
    rules = active_rules(home, Settings(), sessions, moment=kit.NOW)
    assert [one.off for one in rules.listed if one.rule.id == kit.uuid(1)] == [None]


def test_a_filter_in_a_file_is_no_way_around_two_people(home: Home) -> None:
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    (home.rules / "f.yml").write_text(f"""title: Quiet
id: {kit.uuid(77)}
logsource: {{product: linux}}
filter:
  rules: [{kit.uuid(1)}]
  selection: {{user.name: www-data}}
  condition: not selection
""")
    rules = active_rules(home, Settings())
    assert ["wyjątek" in fault.message for fault in rules.faults] == [True]
    assert kit.uuid(1) in {rule.id for rule in Engine(RuleSet(rules.rules, [])).match(kit.started())}


def test_a_stopped_rule_is_off_until_somebody_turns_it_on(home: Home, sessions: sessionmaker[Session]) -> None:
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    mark = state_mark(sessions, kit.NOW)
    with writing(sessions) as session:
        stop(session, kit.uuid(1), 0.25, kit.NOW)
    assert state_mark(sessions, kit.NOW) != mark
    rules = active_rules(home, Settings(), sessions)
    assert on(rules) == set()
    assert [one.off and (one.off.why, one.off.detail) for one in listed(rules) if one.rule.id == kit.uuid(1)] == [
        (Why.COSTLY, "25%")
    ]
    with writing(sessions) as session:
        assert resume(session, kit.uuid(1), "ala", kit.NOW)
        assert not resume(session, kit.uuid(1), "ala", kit.NOW)
    assert state_mark(sessions, kit.NOW) == mark
    assert on(active_rules(home, Settings(), sessions)) == {kit.uuid(1)}


def test_the_mark_changes_with_whatever_rules_depend_on(home: Home, tmp_path: Path) -> None:
    folder = kit.write(tmp_path / "more", {"a/3.yml": kit.rule_text(3)})
    settings = Settings(rules=RuleSettings(folders=[folder]))
    seen = [files_mark(home, settings)]
    assert files_mark(home, settings) == seen[0]

    def changed() -> bool:
        seen.append(files_mark(home, settings))
        return len(set(seen)) == len(seen)

    home.policy.write_text("{}")
    assert changed()
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    assert changed()
    (folder / "a" / "3.yml").write_text(kit.rule_text(3, image="/bash"))
    assert changed()
    (folder / "a" / "3.yml").unlink()
    assert changed()
    kit.take_release(home, kit.write(tmp_path / "one", {"rules/1.yml": kit.rule_text(1)}))
    assert changed()


def test_a_rule_set_without_an_office_has_only_rules_that_are_on(home: Home) -> None:
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    assert [one.off for one in listed(kit.ruleset(home.rules))] == [None]


def test_many_files_are_looked_at_more_rarely(home: Home) -> None:
    now, used = [0.0], [0.0]

    def spent() -> float:
        used[0] += 0.05
        return used[0]

    watch = FilesWatch(home, Settings(), lambda: now[0], spent)
    first = watch()
    (home.rules / "own.yml").write_text(kit.rule_text(1))
    now[0] = 2.4
    assert watch() == first
    now[0] = 2.6
    assert watch() != first
