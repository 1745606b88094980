"""`czujka rules` in this process: list, check, test."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from appliance.cli.rules import app
from tests.appliance.cli.test_detect import FLAT, RULE, SYSMON


@pytest.fixture
def rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CZUJKA_HOME", str(tmp_path / "no-home"))
    file = tmp_path / "rules" / "rule.yml"
    file.parent.mkdir()
    file.write_text(RULE, encoding="utf-8")
    return file


def own_events(rule: Path, match: list[object], miss: list[object]) -> None:
    folder = rule.with_suffix("")
    folder.mkdir()
    for name, events in (("match.ndjson", match), ("miss.ndjson", miss)):
        (folder / name).write_bytes(b"\n".join(orjson.dumps(event) for event in events))


def test_list_names_every_rule(rule: Path) -> None:
    done = CliRunner().invoke(app, ["list", str(rule.parent)])
    assert done.exit_code == 0
    assert "11111111-1111-4111-8111-111111111111\thigh\t" in done.output


def test_check_says_all_faults_at_once(rule: Path) -> None:
    bad = rule.with_name("bad.yml")
    bad.write_text(RULE.replace("|contains", "|kontains").replace("|endswith", "|endwith"), encoding="utf-8")
    worse = rule.with_name("worse.yml")
    worse.write_text("title: [", encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(rule.parent)])
    assert done.exit_code == 1
    assert [line.split(": ")[0] for line in done.output.splitlines()[:3]] == [f"{bad}:9", f"{bad}:10", f"{worse}:1"]


def test_check_of_sound_rules_is_quiet(rule: Path) -> None:
    assert CliRunner().invoke(app, ["check", str(rule)]).exit_code == 0


def test_check_names_rules_that_no_source_feeds(rule: Path) -> None:
    rule.write_text(RULE.replace("product: windows\n  category: process_creation", "product: okta"), encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(rule)])
    assert done.exit_code == 0
    assert f"{rule}:1: żadne źródło nie zasila reguły (product okta)" in done.output


def test_own_events_are_run(rule: Path) -> None:
    own_events(rule, [FLAT], [SYSMON])
    assert CliRunner().invoke(app, ["test", str(rule)]).exit_code == 0


def test_own_events_that_are_wrong_are_located(rule: Path) -> None:
    own_events(rule, [FLAT, SYSMON], [SYSMON, FLAT])
    done = CliRunner().invoke(app, ["test", str(rule)])
    assert done.exit_code == 1
    folder = rule.with_suffix("")
    assert f"{folder / 'match.ndjson'}:2: " in done.output
    assert f"{folder / 'miss.ndjson'}:2: " in done.output


def test_missing_own_events_are_a_failure(rule: Path) -> None:
    assert CliRunner().invoke(app, ["test", str(rule)]).exit_code == 1
