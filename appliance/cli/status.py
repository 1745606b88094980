"""`czujka status`: roles, agents, lag, counts, losses and dead letters of the running box."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.cli.client import BoxClient, BoxRefused, BoxUnreachable, HomeOption, fail, printable
from appliance.cli.exits import Exit
from appliance.cli.lacking import sentence
from appliance.home import Home
from appliance.language.dates import short_moment
from appliance.language.numbers import number, size


def command(
    home: HomeOption,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="Postać wyniku.")] = "table",
) -> None:
    """Pokaż stan Czujki. Kod 1: coś nie działa."""
    try:
        with BoxClient(Home(home.resolve())) as client:
            status = client.get("/status")
    except BoxUnreachable as error:
        fail(error, Exit.UNREACHABLE)
    except BoxRefused as error:
        fail(error, Exit.USAGE)
    if form == "json":
        typer.echo(json.dumps(status, ensure_ascii=False, indent=2))
    else:
        _print(status, Console())
    if not status["ok"]:
        raise typer.Exit(Exit.NO)


def _print(status: dict[str, Any], console: Console) -> None:
    roles = Table("Proces", "Stan", "Ostatni sygnał", "PID")
    for role in status["roles"]:
        roles.add_row(
            role["role"], "działa" if role["alive"] else "NIE DZIAŁA", _ago(role["silent_us"]), _or(role["pid"])
        )
    console.print(roles)
    agents = Table("Stacja", "Stan", "Ostatni kontakt", "Ostatnie zdarzenie", "Rekordy", "W buforze")
    for agent in status["agents"]:
        agents.add_row(*_agent(agent))
    console.print(agents)
    for line in lines(status):
        console.print(line, highlight=False)


def _agent(agent: dict[str, Any]) -> list[str]:
    state = "usunięta" if agent["state"] == "revoked" else "ma kontakt" if agent["alive"] else "milczy"
    name = printable(agent["hostname"])
    return [
        escape(name),
        state,
        _ago(agent["silent_us"]),
        _ago(agent["lag_us"]),
        str(agent["records"]),
        str(agent["spooled"]),
    ]


def lines(status: dict[str, Any]) -> list[str]:
    """Return what the status says beside its tables, one sentence a line."""
    alerts, journal, letters = status["alerts"], status["journal"], status["dead_letters"]
    return [
        (
            f"Alerty: nowe {alerts['new']}, odebrane {alerts['received']}, w toku {alerts['in_progress']}, "
            f"zamknięte {alerts['closed']}"
        ),
        (
            f"Kolejka zapisu: paczki {journal['batches']}, na dysku {size(journal['bytes'], 'pl')}, "
            f"opóźnienie {_ago(journal['lag_us'])}"
        ),
        f"Rekordy odrzucone: {letters['count']}, z tego już usunięte z powodu miejsca: {letters['dropped']}",
        f"Utracone zdarzenia: ostatnia doba {status['losses']['day']}, 30 dni {status['losses']['month']}",
        f"Reguły: {status['rules']['loaded']}, z błędami {status['rules']['faults']}",
        (
            f"Wiadomości: czekają {status['messages']['waiting']}, doręczone {status['messages']['delivered']}, "
            f"niedoręczone {status['messages']['failed']}"
        ),
        _history(status["store"]),
        *([sentence(status["missing"])] if status.get("missing") else []),
        *_cluster(status.get("waiting")),
    ]


def _history(store: dict[str, Any] | None) -> str:
    if store is None:
        return "Historia zdarzeń: nie odpowiada. Alerty działają, a zdarzenia czekają na dysku."
    said = f"Historia zdarzeń: {number(store['events'], 'pl')}, na dysku {size(store['bytes'], 'pl')}"
    if store["oldest"] is None or store["newest"] is None:
        return said
    return f"{said}, od {short_moment(store['oldest'], 'pl')} do {short_moment(store['newest'], 'pl')}"


def _cluster(waiting: dict[str, Any] | None) -> list[str]:
    """Return what waits for the cluster, and why; nothing where the history is on this machine."""
    if waiting is None:
        return []
    said = f"Klaster: czekające zdarzenia {number(waiting['events'], 'pl')}, na dysku {size(waiting['bytes'], 'pl')}"
    if waiting["lasts_us"] is not None:
        said += f", miejsca starczy na {_ago(waiting['lasts_us'])}"
    return [said, *([f"Klaster nie przyjmuje zdarzeń: {waiting['reason']}"] if waiting["reason"] else [])]


def _or(value: object) -> str:
    return "–" if value is None else str(value)


def _ago(micros: int | None) -> str:
    if micros is None:
        return "nigdy"
    seconds = micros // 1_000_000
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} godz."
