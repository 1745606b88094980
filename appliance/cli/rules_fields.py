"""`czujka rules fields`: fields of events that no rule or correlation reads, and fields of these that no event has."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from appliance.cli.exits import Exit
from appliance.cli.history import (
    History,
    HomeOption,
    PathsArgument,
    RulesOption,
    SinceOption,
    UntilOption,
    rules_for,
    span,
)
from appliance.cli.rules_backtest import clean_cell
from appliance.detect import field_names
from appliance.detect.correlation.resolve import resolve
from appliance.detect.routes import shipped_routes
from appliance.detect.usage import Report, Usage


def command(
    *,
    paths: PathsArgument = None,
    home: HomeOption = None,
    rules: RulesOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="Postać wyniku.")] = "table",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Ile wierszy każdej tabeli najwyżej.")] = 100,
) -> None:
    """Pokaż pola zdarzeń, których nie czyta żadna reguła, i pola reguł, których nie ma w żadnym zdarzeniu."""
    history = History(paths or [], home, span(since, until))
    ruleset = rules_for(rules, history.home)
    usage = Usage()
    for _, event in history:
        usage.add(event)
    resolved = resolve(ruleset.rules, ruleset.correlations)
    report = usage.report(ruleset.rules, shipped_routes(), field_names, resolved)
    if form == "json":
        typer.echo(json.dumps({"events": usage.events, **asdict(report)}, ensure_ascii=False, indent=2))
    else:
        _print(report, limit)
    typer.echo(
        f"zdarzenia: {usage.events} (nieczytelne: {history.broken}); pola bez reguły: {len(report.unread)}; "
        f"pola reguł bez danych: {len(report.unseen)}; źródła bez zdarzeń: {len(report.silent)}; "
        f"pominięte nazwy pól: {report.overflow}",
        err=True,
    )
    if not usage.events:
        raise typer.Exit(Exit.NO)


def _print(report: Report, limit: int) -> None:
    console = Console()
    unseen = Table("Reguły", "Źródło reguły", "Pole", "Na przykład", title="Pola reguł, których nie ma w zdarzeniach")
    for waiting in report.unseen[:limit]:
        unseen.add_row(str(waiting.rules), *map(clean_cell, (waiting.logsource, waiting.field, waiting.titles[0])))
    unread = Table("Zdarzenia", "Moduł", "Dziennik", "Pole", title="Pola zdarzeń, których nie czyta żadna reguła")
    for row in report.unread[:limit]:
        unread.add_row(str(row.events), *map(clean_cell, (row.module, row.channel, row.key)))
    silent = Table("Reguły", "Źródło", title="Źródła reguł bez zdarzeń")
    for source, count in report.silent[:limit]:
        silent.add_row(str(count), clean_cell(source))
    for table in (unseen, unread, silent):
        if table.row_count:
            console.print(table)
