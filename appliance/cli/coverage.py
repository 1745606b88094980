"""`czujka rules coverage`: ATT&CK techniques, whether their rules have data and have been seen to fire."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.rules_test import tested, tested_correlation
from appliance.cli.search import clean
from appliance.cli.state import open_home
from appliance.clock import now
from appliance.detect import Rule, RuleSet
from appliance.detect.correlation import Correlation
from appliance.detect.visibility import State
from appliance.home import Home
from appliance.language.dates import moment
from appliance.language.numbers import number
from appliance.ops.overview import Overview, navigator, overview
from appliance.ops.presence import record_selftest
from appliance.rulesets import active_rules
from appliance.settings import Settings, load_settings
from appliance.state.database import writing
from appliance.state.models import RuleState

_SIGHTS = {
    State.UNFED: "bez źródła",
    State.SILENT: "źródło milczy",
    State.BLIND: "brakuje pól",
    State.LIMITED: "brakuje części pól",
    State.SEEING: "widzi",
}
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
    each: Annotated[
        bool, typer.Option("--rules", help="Zamiast technik wypisz reguły: co widzą, kiedy zadziałały, ile kosztują.")
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
    if each:
        _tell_rules(_rules(sessions, view, settings.language), ruleset, form)
    elif form == "table":
        _print(view)
    else:
        shown = _plain(view) if form == "json" else navigator(view, settings.language)
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))


def _view(sessions: sessionmaker[Session], ruleset: RuleSet, settings: Settings, days: int | None) -> Overview:
    with sessions() as session:
        return overview(session, ruleset, now(), days or settings.rules.data_days)


def _selftest(sessions: sessionmaker[Session], ruleset: RuleSet) -> None:
    """Run what has events of its own or regression cases, and note what passed. Leaves with NO when one fails."""
    results = [
        *map(tested, ruleset.rules),
        *(tested_correlation(ruleset, one) for one in ruleset.correlations),
    ]
    failures = {one.rule.id: one.failures for one in results if not one.missing}
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


def _rules(sessions: sessionmaker[Session], view: Overview, language: str) -> list[dict[str, Any]]:
    """What each rule can see and does, by the names that the API gives it."""
    with sessions() as session:
        lives = {state.rule_id: state for state in session.scalars(select(RuleState))}
    rows = []
    for name, sight in view.sights.items():
        life, reason = lives.get(name), sight.reason
        row: dict[str, Any] = {"rule_id": name, "state": sight.state.value, "missing": list(sight.missing)}
        row |= {"reason": None if reason is None else (reason.pl if language == "pl" else reason.en)}
        row |= {"without": list(sight.without), "events": sight.events, "evaluated_at": sight.last_at}
        row |= {"matched_at": life.matched_at if life else None, "hits_a_day": view.hits_a_day(name)}
        rows.append({**row, "nanoseconds": view.cost(name)})
    return rows


def _tell_rules(rows: Sequence[Mapping[str, Any]], ruleset: RuleSet, form: str) -> None:
    """Print a line for each rule; what names nothing that this form has is JSON."""
    if form != "table":
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    content: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    titles = {one.id: one.title for one in content}
    for row in rows:
        cost = row["nanoseconds"]
        told = (
            row["rule_id"],
            _SIGHTS[State(row["state"])],
            row["reason"] or ", ".join(row["missing"]) or "–",
            f"oceniona {_when(row['evaluated_at'])}",
            f"zadziałała {_when(row['matched_at'])}",
            f"trafień dziennie {number(row['hits_a_day'], 'pl', 1)}",
            "koszt –" if cost is None else f"koszt {number(cost / 1000, 'pl', 1)} µs",
            clean(titles[row["rule_id"]]),
        )
        typer.echo("\t".join(told))


def _when(at: int | None) -> str:
    return "nigdy" if at is None else moment(at, "pl")


def _print(view: Overview) -> None:
    table = Table("Technika", "Stan", "Reguły", "Mają dane", "Zadziałały")
    for one in view.techniques:
        table.add_row(one.id, _STATES[one.score], str(one.rules), str(one.arriving), str(one.fired))
    console = Console()
    console.print(table)
    counts = {level: sum(one.score >= level for one in view.techniques) for level in _STATES}
    told = f"Techniki: {counts[1]}; z danymi: {counts[2]}; zadziałały: {counts[3]}. Dni: {view.days}."
    typer.echo(told, err=True)
