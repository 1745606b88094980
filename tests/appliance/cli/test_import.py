"""What `czujka import` says when there is nothing to send, or nobody to send it to."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from appliance.cli import build
from appliance.cli.exits import Exit
from appliance.cli.import_ import summary
from appliance.home import Home
from appliance.importer.sending import Totals

RUN = CliRunner()


def test_a_path_that_does_not_exist_is_wrong_usage(home: Home, tmp_path: Path) -> None:
    result = RUN.invoke(build(["import"]), ["import", "--home", str(home.root), str(tmp_path / "brak.evtx")])
    assert result.exit_code == Exit.USAGE
    assert "brak.evtx" in result.stderr


def test_no_path_is_wrong_usage() -> None:
    assert RUN.invoke(build(["import"]), ["import"]).exit_code == Exit.USAGE


def test_a_box_that_does_not_run_is_unreachable(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("{}")
    result = RUN.invoke(build(["import"]), ["import", "--home", str(home.root), str(path)])
    assert result.exit_code == Exit.UNREACHABLE
    assert "./czujka up" in result.stderr


def test_the_closing_line() -> None:
    assert summary(Totals(10, 6, 3, 1)) == "Przeczytane: 10, przyjęte: 6, już znane: 3, odrzucone: 1"
