"""`czujka explain`: why a rule does or does not match an event, or a correlation some events; needs no running box."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import time_ns
from typing import Annotated, Any, Literal, NoReturn

import orjson
import typer

from appliance.cli.asked import Asked, asked_for
from appliance.cli.exits import Exit
from appliance.cli.explained import lines, place_lines
from appliance.cli.explained_together import together_lines, tried
from appliance.cli.search import clean
from appliance.detect import Rule, explain
from appliance.detect.flips import document
from appliance.detect.values import Event, thaw
from appliance.home import Home, default_home
from appliance.importer import records
from appliance.normalise import Source, Unreadable, normalise
from appliance.settings import SettingsError, load_settings

_AGENT = "00000000-0000-4000-8000-000000000000"
#: Bytes that are read from standard input.
_MOST = 64 << 20
#: Events that a correlation is tried on.
_MANY = 20_000
#: What only an event that the box has kept already has.
_KEPT = "event.ingested"
Language = Literal["pl", "en"]


def command(
    event: Annotated[str, typer.Argument(help="Plik ze zdarzeniem (JSON, NDJSON, EVTX) albo - dla wejścia.")],
    *,
    wanted: Annotated[str, typer.Option("--rule", help="Reguła lub korelacja: identyfikator, tytuł, nazwa albo plik.")],
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", exists=True, help="Gdzie szukać reguły: plik lub folder.")
    ] = None,
    index: Annotated[
        int | None, typer.Option(min=0, help="Które zdarzenie pliku, od 0. Korelacja bez tego dostaje wszystkie.")
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="Postać wyniku.")] = "text",
    lang: Annotated[Language | None, typer.Option(help="Język; domyślnie ten z ustawień.")] = None,
) -> None:
    """Pokaż, dlaczego reguła wykrywa zdarzenie albo nie, i co by to zmieniło. Kod 1: nie wykrywa."""
    language = lang or _language()
    matched = False
    for one in _asked(wanted, rules):
        if isinstance(one.rule, Rule):
            rule, tree = one.rule, explain(one.rule, _events(event, index or 0, 1)[0])
            truth, found = tree.truth, document(tree)
            told = lines(rule, tree, language)
        else:
            trial = tried(one.ruleset, one.rule, _events(event, index or 0, _MANY if index is None else 1))
            truth, found = trial.holds, trial.document()
            told = together_lines(one.rule, trial, language)
        matched |= truth
        if form == "json":
            typer.echo(_json({**_named(one), "matches": truth, **found}))
        else:
            first, *rest = told
            typer.echo("\n".join([first, *place_lines(one.listed, language), *rest]))
    if not matched:
        raise typer.Exit(Exit.NO)


def _asked(wanted: str, folders: list[Path] | None) -> list[Asked]:
    found, faults = asked_for(wanted, folders)
    if not found:
        for fault in faults:
            typer.echo(clean(str(fault)), err=True)
        _stop(f"Nie ma reguły „{wanted}”. Wykaz reguł pokazuje: czujka rules list")
    return found


def _named(one: Asked) -> dict[str, Any]:
    """What a rule is, for programs; `off` says why a box has it off, null when it works or there is no box."""
    listed = one.listed
    off = None if listed is None or listed.at_work or listed.off is None else listed.off.why.value
    return {"rule": one.rule.id, "title": one.rule.title, "file": one.rule.source_file, "off": off}


def _events(name: str, start: int, most: int) -> list[Event]:
    """At most so many events of a file from one on; at least one. Of several, what is no event is told and left out."""
    with _file(name) as path:
        try:
            found = list(islice(records(path), start, start + most + 1))
        except OSError as error:
            _stop(f"Nie można odczytać {name}: {error.strerror}. Sprawdź nazwę pliku.")
    if not found:
        _stop(f"{name} nie ma zdarzenia o numerze {start}; numery zaczynają się od 0.")
    if len(found) > most > 1:
        typer.echo(f"{name} ma ponad {most} zdarzeń; sprawdzono tyle pierwszych.", err=True)
    events = []
    for number, line in enumerate(found[:most], start):
        try:
            events.append(_event(line))
        except (Unreadable, orjson.JSONDecodeError) as error:
            message = f"{name}: zapis {number} to nie zdarzenie: {getattr(error, 'reason', error)}"
            if most == 1:
                _stop(message)
            typer.echo(clean(message), err=True)
    if not events:
        _stop(f"{name} nie ma ani jednego zdarzenia.")
    return events


def _event(line: bytes) -> Event:
    """The event of a record, or that of one which the box has kept. Raises Unreadable, JSONDecodeError."""
    kept = orjson.loads(line)
    if isinstance(kept, dict) and _KEPT in kept and all(map(_is_flat, kept.values())):
        return thaw(kept)
    return normalise(line, Source(_AGENT, time_ns() // 1000, importer=True))


def _is_flat(value: object) -> bool:
    """Whether a value is one that the engine knows: a scalar or a list of them."""
    scalar = (str, int, float)
    return isinstance(value, scalar) or (isinstance(value, list) and all(isinstance(one, scalar) for one in value))


@contextmanager
def _file(name: str) -> Iterator[Path]:
    """The file of that name; for `-` one that holds standard input."""
    if name != "-":
        yield Path(name)
        return
    content = sys.stdin.buffer.read(_MOST + 1)
    if len(content) > _MOST:
        _stop(f"Wejście ma ponad {_MOST} bajtów; podaj plik i --index.")
    with NamedTemporaryFile(suffix=".ndjson") as copy:
        copy.write(content)
        copy.flush()
        yield Path(copy.name)


def _language() -> Language:
    try:
        return load_settings(Home(default_home())).language
    except SettingsError:
        return "pl"


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=True)


def _stop(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(Exit.USAGE)
