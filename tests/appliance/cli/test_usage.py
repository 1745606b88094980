"""Wrong arguments: exit code 2, one Polish sentence, where to find help."""

from __future__ import annotations

import re
from inspect import isfunction

import pytest
from typer.testing import CliRunner

from appliance import cli
from appliance.cli import build

ENGLISH = re.compile(r"\b(the|is|not|one|of|such|Invalid|value|Missing|argument|should|does|exist|requires|No)\b")
WRONG = {
    "rules lint /nowhere": "nie ma pliku ani folderu „/nowhere”",
    "rules nothing": "Nie ma polecenia „nothing”.",
    "nothing": "Nie ma polecenia „nothing”.",
    "rules lint --levl x": "Nie ma opcji --levl. Podobne opcje: --help, --level.",
    "rules lint --level zzz": "„zzz” nie jest jedną z wartości: 'error', 'warning', 'note'.",
    "rules fields --limit many": "to nie jest liczba całkowita",
    "rules fields --limit 0": "ma być co najmniej 1",
    "rules lint --level": "Opcja '--level' wymaga wartości.",
    "rules list . . .": "Tych argumentów jest za dużo: . .",
    "rules backtest --expect /tmp": "jest folderem, a ma być plikiem",
    "detect": "Brakuje argumentu",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_arguments_are_told_in_polish(line: str) -> None:
    done = CliRunner().invoke(build(["rules", "detect"]), line.split(), prog_name="czujka")
    assert done.exit_code == 2
    assert WRONG[line] in done.stderr
    assert not ENGLISH.search(done.stderr), done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_help_is_no_fault() -> None:
    assert CliRunner().invoke(build(["rules", "detect"]), ["rules", "--help"]).exit_code == 0


def test_without_arguments_there_is_help() -> None:
    done = CliRunner().invoke(build(["rules", "detect"]), [])
    assert done.exit_code == 2
    assert "Reguły" in done.output


def test_no_command_has_a_module_that_hides_a_function_of_the_package() -> None:
    modules = {module.rpartition(".")[2] for module in cli.COMMANDS.values()}
    assert not modules & {name for name, value in vars(cli).items() if isfunction(value)}
    assert callable(cli.build)
