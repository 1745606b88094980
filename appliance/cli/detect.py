"""`czujka detect`: events from files through the rules, without a box."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time_ns
from typing import Annotated, Any, BinaryIO, TextIO

import orjson
import typer

from appliance.cli.correlating import FileCorrelations
from appliance.cli.exits import Exit
from appliance.cli.rulefiles import cache_folder, load
from appliance.cli.search import clean
from appliance.detect import Engine, Rule, RuleSet, Value, load_plans, matches, save_plans
from appliance.importer import find, records
from appliance.normalise import Event, Source, Unreadable, normalise
from appliance.settling import settle
from rules import ROOT

_AGENT = "00000000-0000-4000-8000-000000000000"
#: Broken records that are told one by one; the rest is only counted.
_TOLD = 100


@dataclass(slots=True)
class Run:
    """What one run has seen."""

    files: int = 0
    events: int = 0
    broken: int = 0
    matches: int = 0
    correlations: int = 0
    started: float = field(default_factory=monotonic)


def command(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Pliki lub foldery: EVTX, NDJSON.")],
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", exists=True, help="Reguły zamiast dostarczonych: plik lub folder.")
    ] = None,
) -> None:
    """Przepuść zdarzenia z plików przez reguły i korelacje; każde trafienie to jeden wiersz JSON na wyjściu."""
    ruleset = load(rules or [ROOT / "sigma", ROOT / "correlation"])
    for fault in ruleset.faults:
        typer.echo(clean(str(fault)), err=True)
    if not ruleset.rules:
        typer.echo("Nie ma ani jednej reguły do użycia. Sprawdź: czujka rules check ŚCIEŻKA", err=True)
        raise typer.Exit(Exit.USAGE)
    run = Run()
    engine = Engine(ruleset, plans=load_plans(cache_folder()))
    settle()
    try:
        correlations = FileCorrelations.of(ruleset)
        _detect(paths, engine, correlations, run, sys.stdout.buffer, sys.stderr)
        for document in correlations.documents():
            run.correlations += 1
            sys.stdout.buffer.write(dumped(document))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader has seen enough (`| head`); Python must not fail again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if engine.lessons:
        save_plans(cache_folder(), engine.plans)
    _statistics(ruleset, run)


def _detect(  # noqa: PLR0917 - what goes in, what counts, and where it is told
    paths: list[Path], engine: Engine, correlations: FileCorrelations, run: Run, out: BinaryIO, err: TextIO
) -> None:
    for (file, index), event, found in matches(engine, _events(paths, run, err)):
        for rule in correlations.take((str(file), index), event, found):
            run.matches += 1
            out.write(result_line(file, index, rule, engine.matched_fields(rule, event)))
    out.flush()


def _events(paths: list[Path], run: Run, err: TextIO) -> Iterator[tuple[tuple[Path, int], Event]]:
    source = Source(_AGENT, time_ns() // 1000, importer=True)
    for file in (file for path in paths for file in find(path)):
        run.files += 1
        for index, line in _indexed(file, err):
            run.events += 1
            try:
                yield (file, index), normalise(line, source)
            except Unreadable as error:
                run.broken += 1
                if run.broken <= _TOLD:
                    err.write(f"{file}: zapis {index}: {error.reason}\n")


def _indexed(file: Path, err: TextIO) -> Iterator[tuple[int, bytes]]:
    try:
        yield from enumerate(records(file))
    except OSError as error:
        err.write(f"{file}: nie można odczytać: {error.strerror}\n")


def result_line(file: Path, index: int, rule: Rule, matched: dict[str, Value]) -> bytes:
    """One match as a line of JSON."""
    document: dict[str, Any] = {
        "file": str(file),
        "index": index,
        "rule": rule.id,
        "title": rule.title,
        "level": rule.level_name,
        "matched": matched,
    }
    return dumped(document)


def dumped(document: dict[str, Any]) -> bytes:
    """Return a document as one line of JSON, whatever values it has."""
    try:
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Lone surrogates and integers beyond 64 bits; the standard library writes both.
        return json.dumps(document).encode() + b"\n"


def _statistics(ruleset: RuleSet, run: Run) -> None:
    seconds = max(monotonic() - run.started, 1e-6)
    typer.echo(
        f"reguły: {len(ruleset.rules)} (wadliwe: {len(ruleset.faults)}, wycofane: {ruleset.retired}); "
        f"pliki: {run.files}; zdarzenia: {run.events} (nieczytelne: {run.broken}); trafienia: {run.matches}, "
        f"korelacji: {run.correlations}; "
        f"czas: {seconds:.2f} s ({run.events / seconds:.0f} zdarzeń/s)",
        err=True,
    )
