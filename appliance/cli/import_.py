"""`czujka import`: files with events into the running box."""

from __future__ import annotations

import itertools
import json
import ssl
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agent.wire.transport import Box, Permanent, client_context
from appliance import clock as wall
from appliance.cli.client import BoxClient, BoxRefused, BoxUnreachable, HomeOption, fail
from appliance.cli.exits import Exit
from appliance.home import Home
from appliance.importer import find, records
from appliance.importer.batches import batches
from appliance.importer.capture_file import Ring
from appliance.importer.sending import Clock, GaveUp, Totals, results, send
from appliance.importer.unreadable import located
from appliance.normalise import Source, Unreadable, normalise
from appliance.pki import importer_id
from appliance.settings import SettingsError, SliceSettings, load_settings

TIMEOUT = 60.0
TOLD = 20
"""Rejected records that are told one by one; the console lists them all."""
_CLOCK = Clock(time.monotonic, time.sleep, wall.now)


def command(
    home: HomeOption,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Pliki: EVTX, NDJSON, XML, pcap; foldery.")],
) -> None:
    """Wczytaj pliki ze zdarzeniami (EVTX, NDJSON, XML, pcap) do działającej Czujki."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        for path in missing:
            typer.echo(f"Nie ma takiego pliku ani folderu: {path}", err=True)
        raise typer.Exit(Exit.USAGE)
    files = [file for path in paths for file in find(path)]
    try:
        with BoxClient(Home(home)) as client:
            totals = _import(Home(home), client, files)
    except (BoxUnreachable, GaveUp) as error:
        fail(error if isinstance(error, BoxUnreachable) else _given_up(error), Exit.UNREACHABLE)
    except (BoxRefused, Permanent) as error:
        fail(error, Exit.NO)
    typer.echo(summary(totals))
    if totals.stored + totals.known == 0:
        raise typer.Exit(Exit.NO)


def summary(totals: Totals) -> str:
    """Return the closing line; its numbers add up: read = accepted + known + dead."""
    return f"Przeczytane: {totals.read}, przyjęte: {totals.stored}, już znane: {totals.known}, odrzucone: {totals.dead}"


def _import(home: Home, client: BoxClient, files: list[Path]) -> Totals:
    gateway = Box([f"https://127.0.0.1:{_gateway_port(home)}"], _context(home), timeout=TIMEOUT)
    source, ring = _source(home), _ring(home)
    totals = Totals()
    keys: list[str] = []
    told = itertools.count(1)
    with _progress(len(files)) as step:
        for file in files:
            lines = records(file, ring)
            for batch in batches(_placed(file.name, lines, Source(source, wall.now(), importer=True), told), _run()):
                send(gateway, batch, _CLOCK)
                keys.append(batch.key)
                totals.read += batch.records
            step(file)
    gateway.close()

    def ask(wanted: list[str]) -> list[dict[str, object]]:
        answer: list[dict[str, object]] = client.get("/imports", source=source, keys=wanted)
        return answer

    for part in results(ask, keys, _CLOCK):
        totals.stored += part.stored
        totals.known += part.known
        totals.dead += part.dead
    return totals


def _run() -> str:
    return uuid.uuid4().hex


def _placed(file: str, lines: Iterator[bytes], source: Source, told: Iterator[int]) -> Iterator[bytes]:
    """Yield a file's records; one that the box will reject carries its place, and the first ones are told."""
    for number, line in enumerate(lines, 1):
        try:
            normalise(line, source)
        except Unreadable as error:
            bad = located(line, file, number, error.reason)
            count = next(told)
            if count <= TOLD:
                typer.echo(_why(bad, source), err=True)
            if count == TOLD:
                typer.echo("Dalsze odrzucone rekordy pokazuje panel: Zdrowie, Rekordy odrzucone.", err=True)
            yield bad
        else:
            yield line


def _why(line: bytes, source: Source) -> str:
    """Return the reason that the box will write down for a rejected record."""
    try:
        normalise(line, source)
    except Unreadable as error:
        return error.reason
    return ""


def _ring(home: Home) -> Ring:
    """Return where imports keep packets, by the box's settings; without readable ones by those that are usual."""
    try:
        wanted = load_settings(home).slices
    except SettingsError:
        wanted = SliceSettings()
    return Ring(home.root, wanted.max_bytes, wanted.days)


def _gateway_port(home: Home) -> int:
    try:
        return int(json.loads(home.ports.read_text())["gateway"])
    except (OSError, ValueError, KeyError) as error:
        raise BoxUnreachable(f"W {home.ports} nie ma portu bramy. Uruchom Czujkę: ./czujka up") from error


def _source(home: Home) -> str:
    try:
        return importer_id(home)
    except OSError as error:
        raise BoxUnreachable(f"Nie można odczytać {home.pki}: {error.strerror}") from error


def _context(home: Home) -> ssl.SSLContext:
    try:
        return client_context(home.ca, home.pki / "importer.pem", home.pki / "importer.key")
    except OSError as error:
        raise BoxUnreachable(f"Nie można odczytać certyfikatu importu w {home.pki}: {error.strerror}") from error


def _given_up(error: GaveUp) -> BoxUnreachable:
    return BoxUnreachable(f"Czujka nie przyjmuje zdarzeń ({error}). Sprawdź: ./czujka status")


@contextmanager
def _progress(files: int) -> Iterator[Callable[[Path], None]]:
    """A bar on a terminal, one line a file elsewhere; both on standard error."""
    if not sys.stderr.isatty():
        yield lambda file: typer.echo(f"Wczytano: {file}", err=True)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Wczytywanie", total=files)

        def step(file: Path) -> None:
            progress.update(task, advance=1, description=file.name[:40])

        yield step
