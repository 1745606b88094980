"""`czujka rules import` in this process: what it says of a release before it is taken."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from appliance.cli.rules import app
from appliance.home import Home
from appliance.rulesets import active_rules
from appliance.settings import Settings
from tests.appliance.rulesets import kit

FILTER = """title: Scanner%s
logsource: {product: linux, category: process_creation}
filter:
  rules: any
  selection: {User: scan}
  condition: not selection
"""


def said(home: Home, folder: Path) -> list[str]:
    done = CliRunner().invoke(app, ["import", "--home", str(home.root), "--yes", str(folder)])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_a_licence_is_only_told_where_the_release_tells_it(home: Home, tmp_path: Path) -> None:
    lines = said(home, kit.write(tmp_path / "one", {"rules/1.yml": kit.rule_text(1, license="Proprietary")}))
    assert "Licencja: nieznana, bo wydanie nie ma pliku LICENSE z jej treścią" in lines
    assert "Reguły z własną licencją „Proprietary”: 1" in lines
    assert not any("Detection Rule License" in line for line in lines)


def test_filters_of_a_release_are_counted_named_and_without_effect(home: Home, tmp_path: Path) -> None:
    files = {"rules/1.yml": kit.rule_text(1), "rules/f.yml": FILTER % "", "rules/g.yml": FILTER % " two"}
    lines = said(home, kit.write(tmp_path / "one", files))
    assert any(line.startswith("Filtry bez skutku: 2 (Scanner; Scanner two). W Czujce alerty ukrywa") for line in lines)
    rule = next(one for one in active_rules(home, Settings()).rules if one.id == kit.uuid(1))
    assert "filter:" not in str(rule.node)


def test_a_release_without_filters_says_nothing_of_them(home: Home, tmp_path: Path) -> None:
    lines = said(home, kit.write(tmp_path / "one", {"rules/1.yml": kit.rule_text(1)}))
    assert not any("Filtry" in line for line in lines)
