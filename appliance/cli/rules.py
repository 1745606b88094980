"""`czujka rules`: the rules themselves, without a box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli import coverage, rules_backtest, rules_fields, rules_lint, rules_test, rulesets
from appliance.cli.exits import Exit
from appliance.cli.explained import Words
from appliance.cli.rulefiles import box, is_empty, load_among, of_box
from appliance.cli.search import clean
from appliance.detect import Engine, Fault, Rule
from appliance.detect.own import own_faults
from appliance.detect.routes import shipped_routes
from appliance.detect.selftest import CORRELATIONS, SIGMA
from appliance.rulesets.content import Listed, listed

app = typer.Typer(no_args_is_help=True, help="Reguły: wykaz, sprawdzenie, próba na własnych zdarzeniach.")
_PATH = typer.Argument(exists=True, help="Plik lub folder z regułami; domyślnie reguły dostarczone.")
RulePath = Annotated[Path | None, _PATH]
rulesets.register(app)


app.command("coverage")(coverage.command)


@app.command("list")
def list_rules(path: RulePath = None) -> None:
    """Wypisz reguły: identyfikator, poziom, stan, źródło, tytuł, plik. Na końcu: czemu nie działa albo komu służy.

    Bez ścieżki są to reguły Czujki z folderu stanu, a gdy go nie ma, dostarczone.
    """
    entries, faults = _listed(path)
    titles = {one.rule.id: one.rule.title for one in entries}
    words = Words("pl")
    for one in entries:
        rule = one.rule
        source = str(rule.logsource) if isinstance(rule, Rule) else f"correlation {rule.kind.value}"
        row = [rule.id, rule.level_name, rule.status, source, rule.title, rule.source_file]
        if one.off and not one.at_work:
            row.append(words.state(one))
        elif one.silent:
            row.append(f"służy korelacjom: {'; '.join(titles.get(name, name) for name in one.serves)}")
        typer.echo(clean_row(row))
    _tell_faults(faults)


def clean_row(cells: list[str]) -> str:
    """Return cells parted by tabs, with nothing in them that steers a terminal."""
    return "\t".join(map(clean, cells))


def _listed(path: Path | None) -> tuple[Sequence[Listed], list[Fault]]:
    home = None if path else box()
    if home is not None:
        active = of_box(home, exceptions=True)
        return active.listed, active.faults
    own, among = load_among([path] if path else [SIGMA, CORRELATIONS])
    mine = {one.source_file for one in own.rules} | {one.source_file for one in own.correlations}
    return [one for one in listed(among) if one.rule.source_file in mine], own.faults


@app.command()
def check(path: RulePath = None) -> None:
    """Pokaż naraz wszystkie wady reguł, każdą z plikiem i wierszem."""
    ruleset, _ = load_among([path] if path else [SIGMA, CORRELATIONS])
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
    counts = f"reguły: {len(ruleset.rules)}; korelacje: {len(ruleset.correlations)}; filtry: {len(ruleset.filters)}"
    others = f"; pominięte pliki bez reguł: {ruleset.others}" if ruleset.others else ""
    typer.echo(f"{counts}; wady: {len(faults)}; bez źródła: {len(engine.unfed)}{others}", err=True)
    if faults or is_empty(ruleset):
        raise typer.Exit(Exit.NO)


def _tell_faults(faults: list[Fault]) -> None:
    for fault in sorted(faults):
        typer.echo(clean(str(fault)))


app.command("lint")(rules_lint.command)
app.command("test")(rules_test.command)
app.command("backtest")(rules_backtest.command)
app.command("fields")(rules_fields.command)
