"""`czujka rules` in this process: list, check, lint, test."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import parse

import orjson
import pytest
from typer.testing import CliRunner

from appliance.cli.rules import app
from rules import ROOT
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


def test_content_of_other_kinds_beside_rules_is_passed_over_and_counted(rule: Path) -> None:
    other = rule.with_name("card.yaml")
    other.write_text("meta: {poziom: wysoki}\nsteps:\n  - filter: [a]\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(rule.parent)])
    assert done.exit_code == 0
    assert "reguły: 1;" in done.output
    assert "pominięte pliki bez reguł: 1" in done.output
    assert CliRunner().invoke(app, ["lint", str(rule.parent)]).exit_code == 0
    named = CliRunner().invoke(app, ["check", str(other)])
    assert named.exit_code == 1
    assert f"{other}:1: reguła musi mieć klucz „detection”" in named.output


@pytest.mark.parametrize("text", ["title: A\nlogsource: {product: windows}\n", '{"title": "A", "detection": 1}', RULE])
def test_a_yaml_file_with_any_key_of_rules_is_a_rule_file(rule: Path, text: str) -> None:
    rule.unlink()
    rule.with_suffix(".yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(rule.parent)])
    assert "pominięte" not in done.output
    assert done.exit_code == (0 if text is RULE else 1)


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


def test_own_events_may_lie_beside_the_rule(rule: Path) -> None:
    rule.with_name("rule.match.ndjson").write_bytes(orjson.dumps(FLAT))
    rule.with_name("rule.miss.ndjson").write_bytes(orjson.dumps(FLAT))
    done = CliRunner().invoke(app, ["test", str(rule)])
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{rule.with_name('rule.miss.ndjson')}:1: ")
    rule.with_name("rule.miss.ndjson").write_bytes(orjson.dumps(SYSMON))
    assert CliRunner().invoke(app, ["test", str(rule)]).exit_code == 0


def test_rules_without_events_may_be_passed_over(rule: Path) -> None:
    done = CliRunner().invoke(app, ["test", "--skip-missing", "--all", str(rule)])
    assert done.exit_code == 0
    assert done.stdout == f"{rule}:1: pominięta: Encoded PowerShell\n"
    assert "bez zdarzeń: 1" in done.stderr


def test_results_are_written_as_junit(rule: Path, tmp_path: Path) -> None:
    own_events(rule, [FLAT], [FLAT])
    rule.with_name("bad.yml").write_text("title: [", encoding="utf-8")
    out = tmp_path / "junit.xml"
    assert CliRunner().invoke(app, ["test", "--junit", str(out), str(rule.parent)]).exit_code == 1
    suite = parse(out).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    assert suite.findall("testcase")[0].get("classname") == "11111111-1111-4111-8111-111111111111"
    done = CliRunner().invoke(app, ["test", "--junit", str(tmp_path / "none" / "x.xml"), str(rule)])
    assert done.exit_code == 2
    assert "Nie można zapisać" in done.stderr


def test_lint_says_place_level_code_and_text(rule: Path) -> None:
    rule.write_text(RULE.replace("condition: sel", "condition: sel and not sel"), encoding="utf-8")
    done = CliRunner().invoke(app, ["lint", str(rule)])
    assert done.exit_code == 1
    assert f"{rule}:11: błąd R02: warunek nigdy nie będzie prawdziwy" in done.stdout
    assert f"{rule}:1: ostrzeżenie R33: brak tagów" in done.stdout
    assert "błędy: 1; ostrzeżenia: 2; uwagi: 1" in done.stderr


def test_lint_without_errors_is_a_yes(rule: Path) -> None:
    done = CliRunner().invoke(app, ["lint", "--lang", "en", "--level", "warning", str(rule)])
    assert done.exit_code == 0
    assert f"{rule}:1: warning R32: no status" in done.stdout
    assert "R34" not in done.stdout


def test_lint_for_programs(rule: Path) -> None:
    rule.with_name("bad.yml").write_text(RULE.replace("|contains", "|kontains"), encoding="utf-8")
    done = CliRunner().invoke(app, ["lint", "--format", "json", str(rule.parent)])
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert {"file": str(rule.with_name("bad.yml")), "line": 10, "code": "R01", "level": "error"}.items() <= (
        found[3].items()
    )
    assert all(finding["pl"] and finding["en"] for finding in found)


def test_the_shipped_rules_have_no_lint_errors() -> None:
    done = CliRunner().invoke(app, ["lint", "--level", "error"])
    assert (done.exit_code, done.stdout) == (0, "")


FILTER = """title: Scanner
id: 22222222-2222-4222-8222-222222222222
logsource: {product: windows}
filter:
  rules: [%s]
  scanner: {User: scan}
  condition: %s
"""


@pytest.mark.parametrize("command", ["check", "lint"])
def test_filters_alone_are_read_against_the_rules_that_ship(rule: Path, command: str) -> None:
    shipped = next((ROOT / "sigma" / "windows").rglob("*.yml")).read_text("utf-8")
    named = next(line.split()[1] for line in shipped.splitlines() if line.startswith("id:"))
    rule.write_text(FILTER % (named, "not scanner"), encoding="utf-8")
    done = CliRunner().invoke(app, [command, str(rule.parent)])
    assert (done.exit_code, "filtry: 1" in done.stderr) == (0, True)
    rule.write_text(FILTER % ("nobody", "not scanner"), encoding="utf-8")
    done = CliRunner().invoke(app, [command, str(rule.parent)])
    assert (done.exit_code, f"{rule}:1: " in done.stdout, "nobody" in done.stdout) == (1, True, True)


def test_lint_says_that_a_filter_hides_the_wrong_events(rule: Path) -> None:
    rule.write_text(FILTER.replace("[%s]", "%s") % ("any", "scanner"), encoding="utf-8")
    done = CliRunner().invoke(app, ["lint", str(rule)])
    assert done.exit_code == 1
    assert f"{rule}:7: błąd R40: filtr zostawia tylko" in done.stdout


def test_correlations_alone_are_read_against_the_rules_that_ship(rule: Path) -> None:
    for command in (["lint", "--level", "error"], ["check"], ["test"]):
        done = CliRunner().invoke(app, [*command, str(ROOT / "correlation")])
        assert (done.exit_code, done.stdout) == (0, ""), command
    assert rule.is_file()


def test_a_folder_without_anything_to_read_says_so(rule: Path) -> None:
    rule.unlink()
    for command in ("lint", "check", "test"):
        done = CliRunner().invoke(app, [command, str(rule.parent)])
        assert (done.exit_code, "Nie ma tu ani jednej reguły" in done.stderr) == (1, True)
