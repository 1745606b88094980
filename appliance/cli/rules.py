"""`czujka rules`: the rules themselves, without a box."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli import coverage, rules_backtest, rules_fields, rules_lint, rules_test, rulesets
from appliance.cli.exits import Exit
from appliance.cli.rulefiles import load
from appliance.cli.search import clean
from appliance.detect import Engine, Fault, Rule, RuleSet
from appliance.detect.own import own_faults
from appliance.detect.routes import shipped_routes
from appliance.detect.selftest import CORRELATIONS, SIGMA
from appliance.rulesets.content import listed

app = typer.Typer(no_args_is_help=True, help="Reguły: wykaz, sprawdzenie, próba na własnych zdarzeniach.")
_PATH = typer.Argument(exists=True, help="Plik lub folder z regułami; domyślnie reguły dostarczone.")
RulePath = Annotated[Path | None, _PATH]
rulesets.register(app)


app.command("coverage")(coverage.command)


def _load(path: Path | None) -> RuleSet:
    return load([path] if path else [SIGMA, CORRELATIONS])


@app.command("list")
def list_rules(path: RulePath = None) -> None:
    """Wypisz reguły: identyfikator, poziom, stan, źródło, tytuł, plik, a na końcu korelacje, którym tylko służą."""
    ruleset = _load(path)
    titles = {one.id: one.title for one in ruleset.correlations}
    for one in listed(ruleset):
        rule = one.rule
        source = str(rule.logsource) if isinstance(rule, Rule) else f"correlation {rule.kind.value}"
        row = [rule.id, rule.level_name, rule.status, source, rule.title, rule.source_file]
        if one.silent:
            row.append(f"służy korelacjom: {'; '.join(titles[name] for name in one.serves)}")
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
            reason = shipped_routes().reason(rule.logsource)
            told = f" {reason.pl}" if reason else ""
            message = f"żadne źródło nie zasila reguły ({rule.logsource}).{told}"
            typer.echo(clean(f"{rule.source_file}:{rule.line}: {message}"), err=True)
    _tell_faults(faults)
    counts = f"reguły: {len(ruleset.rules)}; korelacje: {len(ruleset.correlations)}; wady: {len(faults)}"
    others = f"; pominięte pliki bez reguł: {ruleset.others}" if ruleset.others else ""
    typer.echo(f"{counts}; bez źródła: {len(engine.unfed)}{others}", err=True)
    if faults or not ruleset.rules:
        raise typer.Exit(Exit.NO)


def _tell_faults(faults: list[Fault]) -> None:
    for fault in sorted(faults):
        typer.echo(clean(str(fault)))


app.command("lint")(rules_lint.command)
app.command("test")(rules_test.command)
app.command("backtest")(rules_backtest.command)
app.command("fields")(rules_fields.command)
