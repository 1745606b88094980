"""`czujka search`: events of the running box, by the language of docs/search.md."""

from __future__ import annotations

import json
import re
import sys
from typing import Annotated, Any, Literal

import typer

from appliance.cli.client import BoxClient, BoxRefused, BoxUnreachable, HomeOption, fail
from appliance.cli.exits import Exit
from appliance.clock import rfc3339
from appliance.home import Home

PAGE = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_TELLING = ("process.command_line", "message", "process.executable", "file.path", "event.action", "winlog.channel")


def command(
    *,
    home: HomeOption,
    query: Annotated[str, typer.Argument(help="Zapytanie, na przykład: user:kowalski cmd:powershell")] = "",
    since: Annotated[str | None, typer.Option("--from", help="Od kiedy, na przykład 2026-11-22T08:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Do kiedy (bez tej chwili).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Ile zdarzeń najwyżej.")] = 50,
    format_: Annotated[Literal["table", "ndjson"], typer.Option("--format", help="Postać wyniku.")] = "table",
) -> None:
    """Szukaj zdarzeń; najnowsze są pierwsze. Kod 1, gdy nic nie znaleziono."""
    found = 0
    try:
        with BoxClient(Home(home.resolve())) as box:
            after: str | None = None
            while found < limit:
                size = min(PAGE, limit - found)
                page = box.get("/events", q=query, **{"from": since, "to": until}, limit=size, after=after)
                for event in page["items"]:
                    sys.stdout.write((line(event) if format_ == "table" else record(event)) + "\n")
                found += len(page["items"])
                after = page["next"]
                if after is None:
                    break
    except BoxUnreachable as error:
        fail(error, Exit.UNREACHABLE)
    except BoxRefused as error:
        fail(error, Exit.NO)
    if not found:
        raise typer.Exit(Exit.NO)


def record(event: dict[str, Any]) -> str:
    """Return an event as one line of JSON."""
    return json.dumps(event, ensure_ascii=False, sort_keys=True)


def line(event: dict[str, Any]) -> str:
    """Return an event as one line for people: time, host, code, and what tells most about it."""
    telling = next((event[name] for name in _TELLING if event.get(name)), "")
    code = event.get("event.code", event.get("event.action", ""))
    cells = [rfc3339(event["@timestamp"]), event.get("host.name", ""), code, telling]
    return "  ".join(clean(str(cell)) for cell in cells)


def clean(text: str) -> str:
    """Return text without characters that steer a terminal or turn the reading direction."""
    return _CONTROL.sub("\ufffd", text)
