"""`czujka rules coverage`: ATT&CK techniques, whether their rules have data and have been seen to fire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session, sessionmaker

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.state import open_home
from appliance.clock import now
from appliance.detect import Rule, RuleSet
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.selftest import check_correlation
from appliance.detect.selftest import Failure, check_rule, events_file, events_folder
from appliance.home import Home
from appliance.ops.overview import Overview, navigator, overview
from appliance.ops.presence import record_selftest
from appliance.rulesets import active_rules
from appliance.settings import Settings, load_settings
from appliance.state.database import writing

_STATES = {1: "tylko reguła", 2: "reguła ma dane", 3: "reguła zadziałała"}


def command(
    home: HomeOption,
    form: Annotated[
        Literal["table", "json", "navigator"],
        typer.Option("--format", help="Postać wyniku; navigator to warstwa programu ATT&CK Navigator."),
    ] = "table",
    days: Annotated[int | None, typer.Option(min=1, max=90, help="Z ilu ostatnich dni; domyślnie z ustawień.")] = None,
    selftest: Annotated[
        bool, typer.Option("--self-test", help="Najpierw przepuść przez reguły ich własne zdarzenia i zapisz wynik.")
    ] = False,
) -> None:
    """Pokaż zasięg reguł: jest reguła, ma dane, zadziałała."""
    sessions = open_home(home)
    box = Home(home.resolve())
    settings = load_settings(box)
    ruleset = active_rules(box, settings, sessions)
    if not ruleset.rules:
        fail(ValueError("Nie wczytano żadnej reguły. Sprawdź folder reguł w ustawieniach."), Exit.NO)
    if selftest:
        _selftest(sessions, ruleset)
    view = _view(sessions, ruleset, settings, days)
    if form == "table":
        _print(view)
    else:
        shown = _plain(view) if form == "json" else navigator(view, settings.language)
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))


def _view(sessions: sessionmaker[Session], ruleset: RuleSet, settings: Settings, days: int | None) -> Overview:
    with sessions() as session:
        return overview(session, ruleset, now(), days or settings.rules.data_days)


def _selftest(sessions: sessionmaker[Session], ruleset: RuleSet) -> None:
    """Run what has events of its own, rules and correlations; note what passed. Leaves with NO when one fails."""
    failures: dict[str, list[Failure]] = {}
    content: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    for one in content:
        folder = events_folder(Path(one.source_file))
        if events_file(folder, "match").is_file():
            failures[one.id] = (
                check_rule(one, folder) if isinstance(one, Rule) else check_correlation(ruleset, one, folder)
            )
    passed = [rule for rule, found in failures.items() if not found]
    with writing(sessions) as session:
        record_selftest(session, passed, now())
    for found in failures.values():
        for failure in found:
            typer.echo(str(failure), err=True)
    typer.echo(f"próba kontrolna: {len(passed)} z {len(failures)} reguł i korelacji z własnymi zdarzeniami", err=True)
    if len(passed) < len(failures):
        raise typer.Exit(Exit.NO)


def _plain(view: Overview) -> dict[str, object]:
    techniques = [
        {"id": one.id, "tactics": one.tactics, "rules": one.rules, "arriving": one.arriving, "fired": one.fired}
        for one in view.techniques
    ]
    return {"days": view.days, "states": view.states(), "techniques": techniques}


def _print(view: Overview) -> None:
    table = Table("Technika", "Stan", "Reguły", "Mają dane", "Zadziałały")
    for one in view.techniques:
        table.add_row(one.id, _STATES[one.score], str(one.rules), str(one.arriving), str(one.fired))
    console = Console()
    console.print(table)
    counts = {level: sum(one.score >= level for one in view.techniques) for level in _STATES}
    told = f"Techniki: {counts[1]}; z danymi: {counts[2]}; zadziałały: {counts[3]}. Dni: {view.days}."
    typer.echo(told, err=True)
