"""`czujka rules`: the rules themselves, without a box."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli import rulesets
from appliance.cli.exits import Exit
from appliance.cli.rulefiles import load
from appliance.detect import Engine, Fault, RuleSet
from appliance.detect.own import own_faults
from appliance.detect.selftest import SIGMA, check_rule, events_folder

app = typer.Typer(no_args_is_help=True, help="Reguły: wykaz, sprawdzenie, próba na własnych zdarzeniach.")
_PATH = typer.Argument(exists=True, help="Plik lub folder z regułami; domyślnie reguły dostarczone.")
RulePath = Annotated[Path | None, _PATH]
rulesets.register(app)


def _load(path: Path | None) -> RuleSet:
    return load([path or SIGMA])


@app.command("list")
def list_rules(path: RulePath = None) -> None:
    """Wypisz reguły: identyfikator, poziom, stan, źródło, tytuł, plik."""
    ruleset = _load(path)
    for rule in ruleset.rules:
        row = (rule.id, rule.level_name, rule.status, str(rule.logsource), rule.title, rule.source_file)
        typer.echo("\t".join(row))
    _tell_faults(ruleset.faults)


@app.command()
def check(path: RulePath = None) -> None:
    """Pokaż naraz wszystkie wady reguł, każdą z plikiem i wierszem."""
    ruleset = _load(path)
    faults = list(ruleset.faults)
    engine = Engine(ruleset)
    if path is None:
        faults.extend(own_faults(ruleset, engine.unfed))
    else:
        for rule in engine.unfed:
            typer.echo(f"{rule.source_file}:{rule.line}: żadne źródło nie zasila reguły ({rule.logsource})", err=True)
    _tell_faults(faults)
    typer.echo(f"reguły: {len(ruleset.rules)}; wady: {len(faults)}; bez źródła: {len(engine.unfed)}", err=True)
    if faults or not ruleset.rules:
        raise typer.Exit(Exit.NO)


@app.command("test")
def run_tests(path: RulePath = None) -> None:
    """Przepuść przez każdą regułę jej własne zdarzenia: te, które ma wykryć, i te, których nie ma."""
    ruleset = _load(path)
    failures = [
        failure for rule in ruleset.rules for failure in check_rule(rule, events_folder(Path(rule.source_file)))
    ]
    for failure in failures:
        typer.echo(str(failure))
    _tell_faults(ruleset.faults)
    typer.echo(f"reguły: {len(ruleset.rules)}; niezgodności: {len(failures)}", err=True)
    if failures or ruleset.faults or not ruleset.rules:
        raise typer.Exit(Exit.NO)


def _tell_faults(faults: list[Fault]) -> None:
    for fault in sorted(faults):
        typer.echo(str(fault))
