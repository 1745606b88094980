"""`czujka hold`: legal hold on stored events, through the running box."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from appliance import clock
from appliance.cli.client import BoxClient, BoxRefused, BoxUnreachable, HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.history import SinceOption, UntilOption, span
from appliance.home import Home
from appliance.language.dates import moment

app = typer.Typer(no_args_is_help=True, help="Blokada usuwania: zdarzenia, które zostają mimo upływu czasu.")


@app.command("list")
def list_all(
    home: HomeOption,
    form: Annotated[Literal["table", "ndjson"], typer.Option("--format", help="Postać wyniku.")] = "table",
) -> None:
    """Wypisz blokady, najnowsze najpierw."""
    with _box(home) as client:
        for one in client.get("/holds")["items"]:
            typer.echo(json.dumps(one, ensure_ascii=False) if form == "ndjson" else _line(one))


@app.command()
def add(  # noqa: PLR0917 - typer's way
    home: HomeOption,
    reason: Annotated[str, typer.Option(help="Powód, na przykład sygnatura sprawy.")],
    since: SinceOption = None,
    until: UntilOption = None,
    host: Annotated[str, typer.Option(help="Tylko zdarzenia tego komputera.")] = "",
    alert: Annotated[int | None, typer.Option(min=1, help="Numer alertu; czas i komputer są z alertu.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="Po ilu dniach blokada wygaśnie.")] = None,
) -> None:
    """Ustaw blokadę usuwania zdarzeń z zakresu czasu albo z alertu."""
    within = span(since, until)
    ends = None if days is None else clock.now() + days * clock.DAY
    body = {"reason": reason, "start": within.start, "end": within.end, "host": host, "alert_id": alert, "until": ends}
    with _box(home) as client:
        typer.echo(_line(client.post("/holds", body)))


@app.command()
def lift(
    home: HomeOption, number: Annotated[int, typer.Argument(min=1, metavar="NUMER", help="Numer blokady.")]
) -> None:
    """Zdejmij blokadę. Zdarzenia, którym minął czas, zostaną usunięte przy najbliższym porządkowaniu."""
    with _box(home) as client:
        typer.echo(_line(client.post(f"/holds/{number}/lift")))


def _line(one: dict[str, Any]) -> str:
    state = "obowiązuje" if one["in_force"] else "nie obowiązuje"
    ends = "do zdjęcia" if one["until"] is None else f"do {moment(one['until'], 'pl')}"
    about = f"alert {one['alert_id']}" if one["alert_id"] else ""
    told = (str(one["id"]), state, f"{moment(one['start'], 'pl')} – {moment(one['end'], 'pl')}", one["host"] or "–")
    row = "\t".join((*told, about or "–", ends, one["who"], one["reason"]))
    return "".join(sign if sign.isprintable() or sign == "\t" else "�" for sign in row)


@contextmanager
def _box(home: Path) -> Iterator[BoxClient]:
    try:
        with BoxClient(Home(home.resolve())) as client:
            yield client
    except BoxUnreachable as error:
        fail(error, Exit.UNREACHABLE)
    except BoxRefused as error:
        fail(error, Exit.NO)
