"""`czujka hunt`: the events of a box's store through rules, whenever they came."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.cli.client import BoxClient, BoxRefused, BoxUnreachable, fail
from appliance.cli.detect import dumped
from appliance.cli.exits import Exit
from appliance.cli.history import History, HomeOption, SinceOption, Span, UntilOption, rules_for, span
from appliance.detect import Engine, Rule
from appliance.home import Home
from appliance.normalise import Event


def command(
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", exists=True, help="Reguły: plik lub folder; bez nich reguły Czujki.")
    ] = None,
    home: HomeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    record: Annotated[
        bool,
        typer.Option(
            "--record", help="Zleć to działającej Czujce: poszukiwanie na liście w panelu, wyniki w alertach."
        ),
    ] = False,
) -> None:
    """Przepuść zapisane zdarzenia przez reguły; każde trafienie to jeden wiersz JSON na wyjściu.

    Kod wyjścia 0: przeszukano wszystko (z --record: zlecono), 3: magazynu nie da się czytać.
    """
    within = span(since, until)
    history = History([], home, within)
    box, settings = history.home, history.settings
    assert box is not None
    assert settings is not None
    ruleset = rules_for(rules, box)
    if record:
        _record(box, None if rules is None else [one.id for one in ruleset.rules], within)
        return
    # DuckDB and pyarrow take half a second to import; wrong arguments need neither.
    from appliance.hunt.hunt import Hunt  # noqa: PLC0415 - half a second, once there is something to do
    from appliance.store import QueryTimeout, StoreUnavailable, open_reader  # noqa: PLC0415 - as above

    reader = open_reader(box, settings)
    hunt = Hunt.of(reader, ruleset.rules)
    try:
        for event, matched in hunt.run(within.start, within.end):
            for rule in matched:
                sys.stdout.buffer.write(_line(hunt.engine, event, rule))
    except (StoreUnavailable, QueryTimeout) as error:
        fail(OSError(f"Nie można dalej czytać zdarzeń ({box.root}): {error}. Spróbuj ponownie."), Exit.UNREACHABLE)
    finally:
        sys.stdout.buffer.flush()
        reader.close()
    typer.echo(
        f"reguły: {len(ruleset.rules)}; zdarzenia, które pasowały do pytania: {hunt.looked}; "
        f"zdarzenia z trafieniem: {hunt.found}",
        err=True,
    )


def _record(box: Home, rules: list[str] | None, within: Span) -> None:
    """Ask the running box for the hunt; its rules are those that are in force there."""
    body = {"rules": rules, "since": within.start or 0, "until": within.end}
    try:
        with BoxClient(box) as client:
            made = client.post("/hunts", body)
    except BoxUnreachable as error:
        fail(error, Exit.UNREACHABLE)
    except BoxRefused as error:
        fail(error, Exit.NO)
    typer.echo(f"Poszukiwanie nr {made['id']} ({made['name']}) czeka na swoją kolej. Wynik: strona Poszukiwania.")


def _line(engine: Engine, event: Event, rule: Rule) -> bytes:
    document: dict[str, Any] = {
        "id": event["event.id"],
        "at": event["@timestamp"],
        "host": event.get("host.name", ""),
        "rule": rule.id,
        "title": rule.title,
        "level": rule.level_name,
        "matched": engine.matched_fields(rule, event),
    }
    return dumped(document)
