"""`czujka alerts`: the newest alerts of the running box."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from appliance.alerts.cards import own_title
from appliance.cli.client import BoxClient, BoxRefused, BoxUnreachable, HomeOption, fail
from appliance.cli.exits import Exit
from appliance.home import Home
from appliance.language.dates import moment

_LEVELS = ("informacyjny", "niski", "średni", "wysoki", "krytyczny")
_STATES = {"new": "nowy", "received": "odebrany", "in_progress": "w toku", "closed": "zamknięty"}
_PAGE = 200


def command(
    home: HomeOption,
    form: Annotated[Literal["table", "ndjson"], typer.Option("--format", help="Postać wyniku.")] = "table",
    limit: Annotated[int, typer.Option(help="Ile najnowszych alertów.", min=1, max=100_000)] = 1000,
    state: Annotated[list[str] | None, typer.Option(help="new, received, in_progress albo closed.")] = None,
) -> None:
    """Pokaż alerty, najnowsze najpierw."""
    try:
        with BoxClient(Home(home.resolve())) as client:
            _print(_alerts(client, limit, state), form)
    except BoxUnreachable as error:
        fail(error, Exit.UNREACHABLE)
    except BoxRefused as error:
        fail(error, Exit.USAGE)


def _alerts(client: BoxClient, limit: int, state: list[str] | None) -> Iterator[dict[str, Any]]:
    after: str | None = None
    told = 0
    while told < limit:
        page = client.get("/alerts", limit=min(_PAGE, limit - told), after=after, state=state)
        yield from page["items"]
        told += len(page["items"])
        after = page["next"]
        if after is None:
            return


def _print(alerts: Iterator[dict[str, Any]], form: str) -> None:
    if form == "ndjson":
        for alert in alerts:
            typer.echo(json.dumps(alert, ensure_ascii=False))
        return
    table = Table("Nr", "Ostatnie zdarzenie", "Poziom", "Alert", "Komputer", "Konto", "Zdarzenia", "Stan", "Prowadzi")
    for alert in alerts:
        table.add_row(*map(_plain, _cells(alert)))
    console = Console()
    if table.row_count:
        console.print(table)
    else:
        console.print("Brak alertów. Czy wszystko działa, powie: ./czujka status")


def _cells(alert: dict[str, Any]) -> list[str]:
    at = moment(alert["last_event_at"], "pl")
    return [
        str(alert["id"]),
        at,
        _LEVELS[alert["level"]],
        own_title(alert["rule_id"], "pl") or alert["title"],
        alert["host"],
        alert["user"],
        str(alert["count"]),
        _STATES[alert["state"]],
        alert["owner"] or "",
    ]


def _plain(text: str) -> str:
    """Return a text without anything that a terminal or rich would obey."""
    return "".join(letter if letter.isprintable() else "�" for letter in text).replace("[", "\\[")
