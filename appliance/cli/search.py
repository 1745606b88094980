"""`czujka search`: events of the running box, by the language of docs/search.md."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from appliance.cli.client import BoxClient, BoxRefused, BoxUnreachable, HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.lacking import of_header, say
from appliance.home import Home
from appliance.language.dates import moment

PAGE = 500
MAX_GROUPS = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_TELLING = ("process.command_line", "message", "process.executable", "file.path", "event.action", "winlog.channel")
Form = Literal["table", "ndjson", "csv", "parquet"]
Written = Callable[[dict[str, Any]], str]


def command(
    *,
    home: HomeOption,
    query: Annotated[str, typer.Argument(help="Zapytanie, na przykład: user:kowalski cmd:powershell")] = "",
    since: Annotated[str | None, typer.Option("--from", help="Od kiedy, na przykład 2026-11-22T08:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Do kiedy (bez tej chwili).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Ile zdarzeń lub grup najwyżej.")] = 50,
    format_: Annotated[Form, typer.Option("--format", help="Postać wyniku.")] = "table",
    group_by: Annotated[
        str | None, typer.Option("--group-by", help="Policz według pól, np. user.name,host.name.")
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(help="Co policzyć w grupach: distinct, min, max lub sum, np. distinct:source.ip."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Plik, do którego zapisać CSV lub Parquet.")] = None,
) -> None:
    """Szukaj zdarzeń; najnowsze są pierwsze. Kod 1, gdy nic nie znaleziono."""
    asked = {"q": query, "from": since, "to": until}
    if measure and not group_by:
        raise typer.BadParameter("--measure wymaga --group-by.")
    if group_by and format_ == "parquet":
        raise typer.BadParameter("Grupy można zapisać jako table, ndjson lub csv.")
    if output and (group_by or format_ not in ("csv", "parquet")):
        raise typer.BadParameter("--output zapisuje zdarzenia w postaci CSV lub Parquet.")
    try:
        with BoxClient(Home(home.resolve())) as box:
            if group_by:
                found = _groups(
                    box, asked, group_by.split(","), measure or [], limit=min(limit, MAX_GROUPS), form=format_
                )
            elif format_ in ("csv", "parquet"):
                found = _file(box, asked, limit, format_, output)
            else:
                found = _events(box, asked, limit, line if format_ == "table" else record)
    except BoxUnreachable as error:
        fail(error, Exit.UNREACHABLE)
    except BoxRefused as error:
        fail(error, Exit.NO)
    if not found:
        raise typer.Exit(Exit.NO)


def _events(box: BoxClient, asked: dict[str, Any], limit: int, written: Written) -> int:
    found = 0
    after: str | None = None
    while found < limit:
        page = box.get("/events", **asked, limit=min(PAGE, limit - found), after=after)
        for event in page["items"]:
            sys.stdout.write(written(event) + "\n")
        if after is None:
            say(page["missing"])
        found += len(page["items"])
        after = page["next"]
        if after is None:
            break
    return found


def _file(box: BoxClient, asked: dict[str, Any], limit: int, form: str, output: Path | None) -> int:
    """Write a file and return how many events there are; say so when not all of them are in it."""
    if output is None:
        headers = box.stream("/events/export", sys.stdout.buffer, **asked, format=form, limit=limit)
    else:
        with output.open("wb") as file:
            headers = box.stream("/events/export", file, **asked, format=form, limit=limit)
    say(of_header(headers.get("x-events-missing")))
    total = int(headers["x-events-total"])
    if total > limit:
        typer.echo(f"Zapisano {limit} z {total} zdarzeń. Więcej: --limit.", err=True)
    return total


def _groups(
    box: BoxClient, asked: dict[str, Any], by: list[str], measures: list[str], *, limit: int, form: Form
) -> int:
    found = box.get("/events/groups", **asked, by=by, measure=measures, n=limit)
    say(found["missing"])
    rows = [[*row["key"], row["count"], *row["measures"]] for row in found["items"]]
    names = [*by, "count", *measures]
    if form == "ndjson":
        for row in rows:
            sys.stdout.write(record(dict(zip(names, row, strict=True))) + "\n")
    elif form == "csv":
        from appliance.web.export import harmless  # noqa: PLC0415 - half a second, for this alone

        cells = [["" if value is None else harmless(str(value)) for value in row] for row in [names, *rows]]
        csv.writer(sys.stdout, lineterminator="\n").writerows(cells)
    else:
        _table(names, rows)
    if found["more"]:
        typer.echo(f"Pokazano {len(rows)} największych grup.", err=True)
    return len(rows)


def _table(names: list[str], rows: list[list[Any]]) -> None:
    cells = [names, *([clean("" if value is None else str(value)) for value in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(names))]
    for row in cells:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def record(event: dict[str, Any]) -> str:
    """Return an event as one line of JSON."""
    return json.dumps(event, ensure_ascii=False, sort_keys=True)


def line(event: dict[str, Any]) -> str:
    """Return an event as one line for people: time, host, code, and what tells most about it."""
    telling = next((event[name] for name in _TELLING if event.get(name)), "")
    code = event.get("event.code", event.get("event.action", ""))
    at = event["@timestamp"]
    cells = [f"{moment(at, 'pl')},{at // 1000 % 1000:03}", event.get("host.name", ""), code, telling]
    return "  ".join(clean(str(cell)) for cell in cells)


def clean(text: str) -> str:
    """Return text without characters that steer a terminal or turn the reading direction."""
    return _CONTROL.sub("\ufffd", text)
