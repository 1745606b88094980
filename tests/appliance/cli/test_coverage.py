"""`czujka rules coverage` over a state folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from appliance.cli.rules import app
from appliance.cli.state import open_home
from appliance.clock import now
from appliance.detect import RuleStats
from appliance.detect.regression import KEY
from appliance.detect.visibility.presence import grouped
from appliance.home import Home
from appliance.normalise import Event
from appliance.ops.presence import Watch
from appliance.state.database import writing
from tests.appliance.cli.test_detect import FLAT, RULE
from tests.appliance.rulesets.kit import take_release, write

TAGGED = RULE.replace("logsource:", "tags: [attack.execution, attack.t9999.001]\nlogsource:")

SEEN: Event = {
    "event.module": "windows.eventlog", "winlog.channel": "Security", "event.code": 4688, "event.category": "process",
    "process.executable": "x", "process.command_line": "y", "process.parent.executable": "z",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CZUJKA_HOME", str(tmp_path / "no-home"))
    home = tmp_path / "home"
    open_home(home)
    (home / "rules" / "own.yml").write_text(TAGGED, encoding="utf-8")
    return home


def counts(home: Path, *more: str) -> list[int]:
    done = CliRunner().invoke(app, ["coverage", "--home", str(home), "--format", "json", *more])
    assert done.exit_code == 0, done.output
    one = next(row for row in json.loads(done.stdout)["techniques"] if row["id"] == "T9999.001")
    assert one["tactics"] == ["execution"]
    return [one["rules"], one["arriving"], one["fired"]]


def test_a_rule_its_data_and_its_hit_are_told_apart(home: Path) -> None:
    assert counts(home) == [1, 0, 0]
    watch, sessions, at = Watch(), open_home(home), now()
    watch.take(grouped([SEEN]))
    with writing(sessions) as session:
        watch.write(session, {"x": RuleStats()}, at)
    assert counts(home) == [1, 1, 0]
    own = home / "rules" / "own"
    own.mkdir()
    (own / "match.ndjson").write_bytes(orjson.dumps(FLAT))
    (own / "miss.ndjson").write_bytes(orjson.dumps({"event.module": "json"}))
    assert counts(home, "--self-test") == [1, 1, 1]
    assert counts(home) == [1, 1, 1]


def test_a_failed_self_test_is_no(home: Path) -> None:
    own = home / "rules" / "own"
    own.mkdir()
    (own / "match.ndjson").write_bytes(orjson.dumps({"event.module": "json"}))
    (own / "miss.ndjson").write_bytes(orjson.dumps({"event.module": "json"}))
    done = CliRunner().invoke(app, ["coverage", "--home", str(home), "--self-test"])
    assert done.exit_code == 1
    assert "match.ndjson:1" in done.output


def test_regression_cases_of_a_release_are_run(home: Path, tmp_path: Path) -> None:
    (home / "rules" / "own.yml").unlink()
    info = "regression_data/rules/one/info.yml"
    files = {
        "rules/one.yml": f"{TAGGED}{KEY}: {info}\n",
        info: "regression_tests_info:\n- {path: regression_data/rules/one/one.json, match_count: 1}\n",
        "regression_data/rules/one/one.json": orjson.dumps(FLAT).decode(),
        "regression_data/rules/one/note.txt": "left aside",
    }
    draft = take_release(Home(home), write(tmp_path / "release", files))
    assert (draft.installed.rules, draft.installed.faults, draft.cases) == (1, 0, 2)
    assert counts(home) == [1, 0, 0]
    assert counts(home, "--self-test") == [1, 0, 1]
    files["regression_data/rules/one/one.json"] = orjson.dumps({"event.module": "json"}).decode()
    assert not take_release(Home(home), write(tmp_path / "again", files)).same
    done = CliRunner().invoke(app, ["coverage", "--home", str(home), "--self-test"])
    assert done.exit_code == 1
    assert "a powinna co najmniej 1" in done.output


def test_the_layer_and_the_table(home: Path) -> None:
    done = CliRunner().invoke(app, ["coverage", "--home", str(home), "--format", "navigator"])
    layer = json.loads(done.stdout)
    assert layer["versions"]["layer"] == "4.5"
    assert {"techniqueID": "T9999.001", "score": 1}.items() <= next(
        one for one in layer["techniques"] if one["techniqueID"] == "T9999.001"
    ).items()
    done = CliRunner().invoke(app, ["coverage", "--home", str(home)])
    assert done.exit_code == 0
    assert "T9999.001" in done.stdout


def test_each_rule_tells_what_it_sees_and_costs(home: Path) -> None:
    own = "11111111-1111-4111-8111-111111111111"

    def row() -> dict[str, Any]:
        done = CliRunner().invoke(app, ["coverage", "--home", str(home), "--rules", "--format", "json"])
        assert done.exit_code == 0, done.output
        return next(one for one in json.loads(done.stdout) if one["rule_id"] == own)

    assert {"state": "silent", "matched_at": None, "hits_a_day": 0, "nanoseconds": None}.items() <= row().items()
    watch, sessions, at = Watch(), open_home(home), now()
    watch.take(grouped([SEEN]))
    with writing(sessions) as session:
        watch.write(session, {own: RuleStats(4, 1, 8000)}, at)
    assert {"state": "seeing", "nanoseconds": 2000}.items() <= row().items()
    done = CliRunner().invoke(app, ["coverage", "--home", str(home), "--rules"])
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(own)]
    assert "\twidzi\t" in line
    assert "\tkoszt 2 µs\t" in line


MANY = """title: Many
id: 22222222-2222-4222-8222-222222222222
tags: [attack.impact, attack.t9998]
correlation:
  type: event_count
  rules: [11111111-1111-4111-8111-111111111111]
  timespan: 5m
  condition: {gte: 2}
"""


def test_the_self_test_runs_correlations_over_their_scenes(home: Path) -> None:
    (home / "rules" / "many.yml").write_text(MANY, encoding="utf-8")
    line = orjson.dumps({**FLAT, "UtcTime": "2026-11-22 12:00:00.000"})
    later = orjson.dumps({**FLAT, "UtcTime": "2026-11-22 12:00:01.000"})
    (home / "rules" / "many.match.ndjson").write_bytes(line + b"\n" + later)
    (home / "rules" / "many.miss.ndjson").write_bytes(line)

    def fired(*more: str) -> list[int]:
        done = CliRunner().invoke(app, ["coverage", "--home", str(home), "--format", "json", *more])
        assert done.exit_code == 0, done.output
        one = next(row for row in json.loads(done.stdout)["techniques"] if row["id"] == "T9998")
        return [one["rules"], one["arriving"], one["fired"]]

    assert fired() == [1, 0, 0]
    assert fired("--self-test") == [1, 0, 1]
