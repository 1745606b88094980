"""`czujka hunt` in this process, over the store of a box."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from appliance.cli import build
from appliance.normalise import Source, normalise
from appliance.store import EmbeddedStore
from appliance.store.shape import encode
from tests.appliance.cli.test_detect import FLAT, SYSMON
from tests.appliance.cli.test_history import HOUR, ID, NOON, rule

__all__ = ["rule"]


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A box with two matches an hour apart, and an event that matches nothing."""

    source = Source(ID, NOON)
    made = [normalise(orjson.dumps(record), source) for record in (FLAT, SYSMON, FLAT)]
    events = [{**event, "event.id": f"{n:032x}", "@timestamp": NOON + n * HOUR // 2} for n, event in enumerate(made)]
    store = EmbeddedStore(tmp_path / "box" / "store", now=lambda: NOON)
    store.append(encode(events), [], 1)
    store.close()
    return tmp_path / "box"


def run(*arguments: str | Path) -> tuple[int, list[dict[str, object]], str]:
    done = CliRunner().invoke(build(["hunt"]), ["hunt", *map(str, arguments)])
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_stored_events_are_found_in_their_order(rule: Path, box: Path) -> None:
    code, lines, told = run("--home", box, "--rules", rule)
    assert code == 0
    assert [line["at"] for line in lines] == [NOON, NOON + HOUR]
    assert all(line["matched"] and line["title"] and line["level"] for line in lines)
    assert "reguły: 1; zdarzenia, które pasowały do pytania: 2; zdarzenia z trafieniem: 2" in told


def test_a_range_of_time_and_a_wrong_one(rule: Path, box: Path) -> None:
    code, lines, _ = run("--home", box, "--rules", rule, "--from", "2026-11-22T12:30:00Z")
    assert (code, [line["at"] for line in lines]) == (0, [NOON + HOUR])
    assert run("--home", box, "--rules", rule, "--to", "wczoraj")[0] == 2


def test_a_folder_without_events_is_said(rule: Path, tmp_path: Path) -> None:
    code, lines, told = run("--home", tmp_path, "--rules", rule)
    assert (code, lines) == (2, [])
    assert "nie ma zapisanych zdarzeń" in told


def test_a_number_past_64_bits_is_written(rule: Path, tmp_path: Path) -> None:
    event = {**normalise(orjson.dumps(FLAT), Source(ID, NOON)), "host.name": 10**30}
    store = EmbeddedStore(tmp_path / "big" / "store", now=lambda: NOON)
    store.append(encode([event]), [], 1)
    store.close()
    code, lines, _ = run("--home", tmp_path / "big", "--rules", rule)
    assert (code, [line["host"] for line in lines]) == (0, [10**30])


def test_a_hunt_that_is_to_be_recorded_needs_a_box_that_runs(rule: Path, box: Path) -> None:
    code, lines, told = run("--home", box, "--rules", rule, "--record")
    assert (code, lines) == (3, [])
    assert "Czujka nie odpowiada" in told
