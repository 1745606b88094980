"""The bars of our own content on public attack samples and on a quiet office; figures: `./czujka bench coverage`."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from appliance.detect import Engine
from tests.appliance.detect.quiet_stream import office_day, quiet_stream
from tests.benchmarks.coverage import (
    BOTH_BAR,
    OWN_BAR,
    QUIET_BAR,
    REASONS,
    loud_rules,
    own_rules,
    sample_files,
    seen,
)

_QUIET_EVENTS = 8_000


@pytest.mark.corpora
def test_our_rules_alone_raise_an_alert_in_most_attack_samples(corpora: Path) -> None:
    files = sample_files(corpora)
    found = seen(own_rules(), files)
    assert len(files) >= 90
    # Whatever SigmaHQ adds, ours alone are above the bar of both together.
    assert found.share >= max(OWN_BAR, BOTH_BAR)
    assert all(f"{file}:" in REASONS.read_text(encoding="utf-8") for file in found.missed)


def test_no_rule_of_level_high_cries_wolf_in_an_ordinary_office() -> None:
    size, hits = loud_rules(own_rules(), islice(office_day(random.Random(11)), _QUIET_EVENTS))
    assert size == _QUIET_EVENTS
    assert {name: number for name, number in hits.items() if number / size > QUIET_BAR} == {}


def test_the_quiet_stream_is_the_same_for_the_same_seed_and_has_many_kinds_of_events() -> None:
    samples = list(islice(office_day(random.Random(1)), 50))
    one, same, other = (list(quiet_stream(samples, 400, seed)) for seed in (7, 7, 8))
    assert one == same
    assert one != other
    assert len({(event.get("winlog.channel"), event.get("event.code")) for event in one}) >= 20


def test_a_loud_rule_is_counted() -> None:
    ruleset = own_rules()
    day = office_day(random.Random(3))
    event = dict(next(event for event in day if event.get("event.code") == 1))
    event["process.command_line"] = "rundll32.exe C:\\windows\\System32\\comsvcs.dll, MiniDump 640 x.dmp full"
    assert Engine(ruleset).match(event)
    size, hits = loud_rules(ruleset, [event] * 3)
    assert size == 3
    assert hits["proc_creation_windows_lsass_dump_tool"] == 3
