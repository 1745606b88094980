"""Rules in the time zone of an office: at loading and after the cache, with the lists of hours and days that ship."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect import Engine, RuleSet, load_rules
from appliance.detect.moments import LOCAL, OFFICE
from appliance.detect.plans import entry_key
from appliance.home import Home
from appliance.rulesets import active_rules
from appliance.settings import RuleSettings, Settings, SettingsError, load_settings
from tests.appliance.detect.kit import ROUTES, decide, document, one, same, write

NIGHT = "sel:\n  czujka.local.hour|lt: 6\ncondition: sel"
#: 2026-11-22T04:30:00Z: half past five in Warsaw, half past six in Helsinki.
MORNING = 1_795_321_800_000_000
OFF = """sel:
  czujka.local.hour|expand: '%office_hours%'
  czujka.local.weekday|expand: '%office_days%'
condition: not sel"""


def matches(ruleset: RuleSet, moment: int) -> bool:
    assert ruleset.faults == []
    engine = Engine(ruleset, routes=ROUTES, resolver_factory=same)
    return bool(engine.match({"event.module": "test", "@timestamp": moment}))


def at(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp()) * 1_000_000


def test_the_cache_holds_no_zone(tmp_path: Path) -> None:
    rules = write(tmp_path, "rules/a.yml", document(NIGHT)).parent
    cache = tmp_path / "cache"
    for zone, night in ((OFFICE, True), ("Europe/Helsinki", False), ("UTC", True), ("Asia/Tokyo", False)) * 2:
        assert matches(load_rules([rules], cache, zone=zone), MORNING) is night, zone
    keys = {entry_key(load_rules([rules], cache, zone=zone).rules[0], 0) for zone in (OFFICE, "UTC", "Asia/Tokyo")}
    assert len(keys) == 3, "plans of one zone are not those of another"


def test_negated_and_nested_times_move_too(tmp_path: Path) -> None:
    text = "a:\n  - t|hour: 5\n  - t|day: 31\nb: {x: y}\ncondition: not (a or b)"
    file = write(tmp_path, "a.yml", document(text))
    event = {"event.module": "test", "t": "2026-11-22T04:30:00Z"}
    for zone, hit in ((OFFICE, False), ("UTC", True)):
        engine = Engine(load_rules([file], zone=zone), routes=ROUTES, resolver_factory=same)
        assert bool(engine.match(event)) is hit


@pytest.mark.parametrize(
    ("iso", "off"),
    [
        ("2026-11-23T05:59:59+01:00", True),
        ("2026-11-23T06:00:00+01:00", False),
        ("2026-07-06T19:59:59+02:00", False),
        ("2026-07-06T20:00:00+02:00", True),
        ("2026-07-04T12:00:00+02:00", True),
        ("2026-11-22T12:00:00+01:00", True),
    ],
)
def test_office_hours_ship_as_lists(tmp_path: Path, iso: str, off: bool) -> None:
    assert matches(load_rules([write(tmp_path, "a.yml", document(OFF))]), at(iso)) is off


def test_lists_of_the_office_replace_those_that_ship_one_by_one(tmp_path: Path) -> None:
    rules, cache = write(tmp_path, "rules/a.yml", document(OFF)).parent, tmp_path / "cache"
    saturday = at("2026-07-04T12:00:00+02:00")
    assert matches(load_rules([rules], cache), saturday)
    assert not matches(load_rules([rules], cache, lists={"office_days": ("1", "6")}), saturday)
    assert matches(load_rules([rules], cache, lists={"office_hours": ()}), at("2026-07-06T12:00:00+02:00"))
    (fault,) = load_rules([rules], cache, lists={"office_hours": ("6-20",)}).faults
    assert "liczba całkowita od 0 do 23" in fault.message


def test_the_box_reads_times_where_its_settings_say(home: Home) -> None:
    write(home.rules, "a.yml", document(NIGHT))
    for zone in ("Europe/Warsaw", "UTC"):
        rules = active_rules(home, Settings(rules=RuleSettings(time_zone=zone)))
        (own,) = [one for one in rules.rules if one.source_file.startswith(str(home.rules))]
        assert zone in str(own.node)
    home.config.write_text("rules.time_zone = 'Europe/Warszawa'\n")
    with pytest.raises(SettingsError, match="nieznana strefa czasowa „Europe/Warszawa”"):
        load_settings(home)


def test_a_zone_is_a_name_and_no_path(home: Home) -> None:
    for name in ("../../etc/passwd", "/etc/localtime", "", "posixrules\0"):
        with pytest.raises(ValueError, match="strefa"):
            RuleSettings(time_zone=name)


@given(
    part=st.sampled_from(sorted(LOCAL)),
    operator=st.sampled_from(["", "|lt", "|lte", "|gt", "|gte", "|neq"]),
    number=st.integers(1, 7),
    # Both changes of the clock of 2026, and any other time.
    micros=st.one_of(
        st.integers(0, 4_102_444_800_000_000),
        st.integers(1_774_738_800_000_000, 1_774_753_200_000_000),
        st.integers(1_792_882_800_000_000, 1_792_897_200_000_000),
    ),
)
@settings(max_examples=300, deadline=None)
def test_the_oracle_reads_the_same_parts_of_any_time(part: str, operator: str, number: int, micros: int) -> None:
    decide(one(f"{part}{operator}: {number}"), **{"@timestamp": micros})
    if part != "czujka.local.weekday":
        decide(one(f"t|{part.rpartition('.')[2]}{operator}: {number}"), t=micros)
