"""`czujka explain`: why a rule does or does not match one event, without a box."""

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

from appliance.cli.exits import Exit
from appliance.cli.explained import lines
from appliance.cli.rulefiles import load, places
from appliance.detect import Rule, RuleSet, explain
from appliance.detect.flips import document
from appliance.detect.values import Event, thaw
from appliance.home import Home, default_home
from appliance.importer import records
from appliance.normalise import Source, Unreadable, normalise
from appliance.settings import SettingsError, load_settings

_AGENT = "00000000-0000-4000-8000-000000000000"
#: Bytes that are read from standard input.
_MOST = 64 << 20
#: What only an event that the box has kept already has.
_KEPT = "event.ingested"
Language = Literal["pl", "en"]


def command(
    event: Annotated[str, typer.Argument(help="Plik ze zdarzeniem (JSON, NDJSON, EVTX) albo - dla wejścia.")],
    *,
    wanted: Annotated[str, typer.Option("--rule", help="Reguła: identyfikator, tytuł, nazwa albo plik.")],
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", exists=True, help="Gdzie szukać reguły: plik lub folder.")
    ] = None,
    index: Annotated[int, typer.Option(min=0, help="Które zdarzenie pliku, licząc od 0.")] = 0,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="Postać wyniku.")] = "text",
    lang: Annotated[Language | None, typer.Option(help="Język; domyślnie ten z ustawień.")] = None,
) -> None:
    """Pokaż, dlaczego reguła wykrywa zdarzenie albo nie, i co by to zmieniło. Kod 1: nie wykrywa."""
    chosen = _rules(wanted, rules)
    one = _event(event, index)
    matched = False
    for rule in chosen:
        tree = explain(rule, one)
        matched |= tree.truth
        if form == "json":
            typer.echo(_json({"rule": rule.id, "title": rule.title, "matches": tree.truth, **document(tree)}))
        else:
            typer.echo("\n".join(lines(rule, tree, lang or _language())))
    if not matched:
        raise typer.Exit(Exit.NO)


def _rules(wanted: str, folders: list[Path] | None) -> list[Rule]:
    """The rules that the user means: those of a file, or the one of an id, name or title."""
    file = Path(wanted)
    ruleset = load([file]) if file.is_file() else load(folders or places())
    found = ruleset.rules if file.is_file() else _named(wanted, ruleset)
    if not found:
        for fault in ruleset.faults if file.is_file() else []:
            typer.echo(str(fault), err=True)
        _stop(f"Nie ma reguły „{wanted}”. Wykaz reguł pokazuje: czujka rules list")
    return found


def _named(wanted: str, ruleset: RuleSet) -> list[Rule]:
    """The rule of this id or name, else those of this title."""
    folded = wanted.casefold()
    exact = [rule for rule in ruleset.rules if rule.id == folded or rule.name == wanted]
    return exact or [rule for rule in ruleset.rules if rule.title.casefold() == folded]


def _event(name: str, index: int) -> Event:
    with _file(name) as path:
        try:
            line = next(islice(records(path), index, None), None)
        except OSError as error:
            _stop(f"Nie można odczytać {name}: {error.strerror}. Sprawdź nazwę pliku.")
    if line is None:
        _stop(f"{name} nie ma zdarzenia o numerze {index}; numery zaczynają się od 0.")
    try:
        kept = orjson.loads(line)
        if isinstance(kept, dict) and _KEPT in kept and all(map(_is_flat, kept.values())):
            return thaw(kept)
        return normalise(line, Source(_AGENT, time_ns() // 1000, importer=True))
    except (Unreadable, orjson.JSONDecodeError) as error:
        _stop(f"{name}: zapis {index} to nie zdarzenie: {getattr(error, 'reason', error)}")


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
