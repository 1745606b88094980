"""Rules for commands without a box read times where its settings say, when there are any."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from appliance.cli.rulefiles import load
from appliance.home import Home
from tests.appliance.detect.kit import document, one, write


@pytest.fixture
def rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CZUJKA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write(tmp_path, "rule.yml", document(one("czujka.local.hour: 5")))


def zone(rule: Path) -> str:
    ruleset = load([rule])
    assert ruleset.faults == []
    return str(ruleset.rules[0].node)


def test_the_zone_is_that_of_the_settings(rule: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Europe/Warsaw" in zone(rule)
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.config.write_text("rules.time_zone = 'Europe/Lisbon'\n", encoding="utf-8")
    assert "Europe/Lisbon" in zone(rule)
    monkeypatch.setenv("CZUJKA_RULES__TIME_ZONE", "UTC")
    assert "UTC" in zone(rule)


def test_settings_that_cannot_be_read_are_wrong_usage(
    rule: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CZUJKA_RULES__TIME_ZONE", "Warszawa")
    with pytest.raises(typer.Exit) as left:
        load([rule])
    assert left.value.exit_code == 2
    assert "nieznana strefa czasowa „Warszawa”" in capsys.readouterr().err
