"""`czujka rules backtest` and `rules fields` in this process: over files, and over the store of a box."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import parse

import orjson
import pytest
from typer.testing import CliRunner

from appliance.cli.rules import app
from appliance.detect.selftest import EVENTS
from appliance.home import Home
from appliance.normalise import Source, normalise
from appliance.store import BatchResult, EmbeddedStore
from appliance.store.shape import encode
from tests.appliance.cli.test_detect import FLAT, RULE, SYSMON

ID = "11111111-1111-4111-8111-111111111111"
HOUR = 3_600_000_000
NOON = 1_795_348_800_000_000
"""2026-11-22T12:00:00Z."""


@pytest.fixture
def rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CZUJKA_HOME", str(tmp_path / "no-home"))
    file = tmp_path / "rule.yml"
    file.write_text(RULE, encoding="utf-8")
    return file


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Two matches an hour apart, one event that matches nothing, one that is none."""
    file = tmp_path / "events.ndjson"
    lines = [
        orjson.dumps({**FLAT, "UtcTime": "2026-11-22 12:00:00.000", "@timestamp": "2026-11-22T12:00:00Z"}),
        orjson.dumps(SYSMON),
        b"{broken",
        orjson.dumps({**FLAT, "UtcTime": "2026-11-22 13:00:00.000", "@timestamp": "2026-11-22T13:00:00Z"}),
    ]
    file.write_bytes(b"\n".join(lines))
    return file


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return done.exit_code, done.stdout, done.stderr


def expectations(folder: Path, text: str) -> Path:
    file = folder / "expect.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_matches_are_counted_with_times_and_places(rule: Path, events: Path) -> None:
    code, out, err = run("backtest", events, "--rules", rule, "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert (found["events"], found["unreadable"], found["matches"]) == (3, 1, 2)
    assert found["rules"][0]["matches"] == 2
    assert [sample["place"] for sample in found["rules"][0]["samples"]] == [f"{events}:1", f"{events}:4"]
    assert found["rules"][0]["first"] == "2026-11-22T12:00:00.000000Z"
    assert f"{events}:3: " in err


def test_a_range_of_time_bounds_what_is_read(rule: Path, events: Path) -> None:
    code, out, _ = run("backtest", events, "--rules", rule, "--format", "json", "--from", "2026-11-22T12:30:00Z")
    assert (code, json.loads(out)["matches"]) == (0, 1)
    code, _, err = run("backtest", events, "--rules", rule, "--to", "wczoraj")
    assert code == 2
    assert "--to wczoraj: to nie jest czas" in err


@pytest.mark.parametrize(("bounds", "code"), [("exactly: 2", 0), ("at_least: 3", 1), ("at_most: 1", 1)])
def test_expectations_decide(rule: Path, events: Path, tmp_path: Path, bounds: str, code: int) -> None:
    file = expectations(tmp_path, f"{ID}: {{{bounds}}}\n")
    junit = tmp_path / "junit.xml"
    done, out, err = run("backtest", events, "--rules", rule, "--expect", file, "--junit", junit)
    assert done == code
    assert ("NIE" in out, f"{file}:1: reguła „Encoded PowerShell”: trafienia 2" in err) == (code == 1, code == 1)
    suite = parse(junit).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("1", str(code))
    assert f"{events}:1" in (suite.findall("testcase")[0].findtext("system-out") or "")


def test_an_expected_rule_without_matches_is_shown(rule: Path, events: Path, tmp_path: Path) -> None:
    events.write_bytes(orjson.dumps(SYSMON))
    code, out, _ = run("backtest", events, "--rules", rule, "--expect", expectations(tmp_path, f"{ID}: {{exactly: 0}}"))
    assert code == 0
    assert "Encoded PowerShell" in out


def test_wrong_expectations_are_located_and_nothing_runs(rule: Path, events: Path, tmp_path: Path) -> None:
    file = expectations(tmp_path, f"{ID}: {{exactly: 2}}\nnobody: {{exactly: 2}}\n")
    code, out, err = run("backtest", events, "--rules", rule, "--expect", file)
    assert (code, out) == (2, "")
    assert f"{file}:2: " in err


def test_nothing_to_read_is_a_no(rule: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.ndjson"
    empty.write_bytes(b"")
    assert run("backtest", empty, "--rules", rule)[0] == 1


def test_wrong_usage(rule: Path, events: Path, tmp_path: Path) -> None:
    assert run("backtest", tmp_path / "none")[0] == 2
    assert run("backtest", events, "--home", tmp_path)[0] == 2
    code, _, err = run("backtest", "--home", tmp_path / "nowhere", "--rules", rule)
    assert code == 2
    assert "nie ma zapisanych zdarzeń" in err
    assert not (tmp_path / "nowhere").exists()


def fill(home: Home, count: int) -> None:
    """Store `count` events, a second apart, of which every hundredth matches."""
    store = EmbeddedStore(home.store, now=lambda: NOON)
    source = Source("00000000-0000-4000-8000-000000000000", NOON)
    made = [
        normalise(orjson.dumps({**(SYSMON if number % 100 else FLAT), "EventRecordID": number}), source)
        | {"@timestamp": NOON + number * 1_000_000}
        for number in range(count)
    ]
    store.append(encode(made), [BatchResult(1, "x", count, count, 0, 0)], 1)
    store.flush()
    store.close()


def test_the_store_of_a_box_is_read_to_its_end_without_the_box(home: Home, rule: Path) -> None:
    fill(home, 2500)
    code, out, _ = run("backtest", "--home", home.root, "--rules", rule, "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert (found["events"], found["matches"]) == (2500, 25)
    code, out, _ = run(
        "backtest", "--home", home.root, "--rules", rule, "--format", "json", "--to", "2026-11-22T12:10:00Z"
    )
    assert (json.loads(out)["events"], json.loads(out)["matches"]) == (600, 6)


def test_a_box_runs_its_own_rules_too(home: Home, rule: Path) -> None:
    fill(home, 200)
    (home.rules / "own.yml").write_text(rule.read_text(), encoding="utf-8")
    _, out, err = run("backtest", "--home", home.root, "--format", "json")
    assert ID in {each["id"] for each in json.loads(out)["rules"]}
    assert "zdarzenia: 200" in err


def test_fields_of_both_sides(rule: Path, events: Path) -> None:
    rule.write_text(RULE.replace("  condition", "    Hashes|contains: x\n  condition"), encoding="utf-8")
    code, out, err = run("fields", events, "--rules", rule, "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert [(row["field"], row["rules"]) for row in found["unseen"]] == [("Hashes", 1)]
    assert "process.executable" not in {row["key"] for row in found["unread"]}
    assert "pola reguł bez danych: 1" in err
    assert "Hashes" in run("fields", events, "--rules", rule)[1]


BURST = "22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize(("bounds", "code"), [("exactly: 1", 0), ("at_least: 2", 1), ("at_most: 0", 1)])
def test_expectations_on_a_correlation(rule: Path, events: Path, tmp_path: Path, bounds: str, code: int) -> None:
    correlation = (
        f"---\ntitle: Twice\nid: {BURST}\ncorrelation:\n  type: event_count\n  rules: [{ID}]\n"
        "  group-by: [Computer]\n  timespan: 2h\n  condition: {gte: 2}\n"
    )
    rule.write_text(RULE + correlation, encoding="utf-8")
    file, junit = expectations(tmp_path, f"{BURST}: {{{bounds}}}\n"), tmp_path / "junit.xml"
    done, out, err = run("backtest", events, "--rules", rule, "--expect", file, "--junit", junit, "--format", "json")
    assert done == code
    rows = {each["id"]: each for each in json.loads(out)["rules"]}
    assert (rows[BURST]["matches"], rows[BURST]["correlation"]) == (1, "event_count")
    assert [each["place"] for each in rows[BURST]["samples"]] == [f"{events}:4"]
    assert (f"{file}:1: korelacja „Twice”: trafienia 1" in err) == (code == 1)
    case = parse(junit).getroot().find("testsuite/testcase")
    assert case is not None
    assert (case.get("classname"), case.find("failure") is None) == (BURST, code == 0)
    assert f"{events}:4" in (case.findtext("system-out") or "")


def test_a_correlation_that_matched_stands_in_the_table(rule: Path, tmp_path: Path) -> None:
    scene = tmp_path / "scene.ndjson"
    name = "windows_guessed_password"
    scene.write_bytes((EVENTS / "correlation" / name / "match.ndjson").read_bytes())
    code, out, err = run("backtest", scene)
    assert code == 0
    assert "Windows Sign-In after Many Failures" in out
    assert "pominięte w korelacjach: 0" in err
