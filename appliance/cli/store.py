"""`czujka store`: the place where events are kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.history import SinceOption, span
from appliance.cli.search import clean
from appliance.clock import MINUTE, now
from appliance.home import Home
from appliance.journal import JournalUnavailable
from appliance.language.dates import short_moment
from appliance.language.numbers import number, size
from appliance.settings import Settings, SettingsError, StoreSettings, load_settings

app = typer.Typer(
    no_args_is_help=True, help="Magazyn zdarzeń: sprawdzenie klastra, kopia, porównanie i migawki historii."
)
Kind = Literal["embedded", "elasticsearch"]
NAMED = 20
"""Damaged files that are named."""
SETTLED = 10 * MINUTE
"""Microseconds after which an event is in both stores while all is well."""
_DIFFERENCES = {
    "missing": "tylko na tym komputerze",
    "more": "tylko w klastrze",
    "other": "inna treść w klastrze",
}


@app.command()
def check(home: HomeOption) -> None:
    """Sprawdź klaster z ustawień i wypisz najmniejszą rolę, której potrzebuje Czujka. Kod 1: coś jest źle."""
    settings = _settings(Home(home.resolve())).store
    if not settings.elasticsearch.hosts:
        typer.echo("W ustawieniach nie ma klastra (store.elasticsearch.hosts); zdarzenia są na tym komputerze.")
        return
    from appliance.store.elastic import check as checking  # noqa: PLC0415 - a quarter of a second, for clusters alone
    from appliance.store.elastic.finding import Weight, words  # noqa: PLC0415 - as above
    from appliance.store.elastic.rights import least_role  # noqa: PLC0415 - as above

    findings = checking.check(settings)
    for finding in findings:
        said = " ".join(filter(None, (finding.text("pl"), finding.advice("pl"))))
        typer.echo(clean(f"{words().text(f'weight.{finding.weight}', 'pl')}: {said}"))
    typer.echo("\nNajmniejsza rola dla Czujki (PUT /_security/role/czujka):")
    typer.echo(json.dumps(least_role(settings.elasticsearch.index), indent=2))
    if any(finding.weight is Weight.BAD for finding in findings):
        raise typer.Exit(Exit.NO)


@app.command()
def copy(
    home: HomeOption,
    source: Annotated[Kind, typer.Option("--from", help="Skąd.")],
    target: Annotated[Kind, typer.Option("--to", help="Dokąd.")],
) -> None:
    """Przenieś historię i porównaj ją kawałek po kawałku; przerwane kopiowanie rusza od miejsca, w którym stanęło."""
    box = Home(home.resolve())
    settings = _settings(box)
    if source == target or not settings.store.elasticsearch.hosts:
        fail(ValueError("Podaj dwa różne magazyny, a w ustawieniach store.elasticsearch.hosts."), Exit.USAGE)
    from appliance.store import QueryTimeout, StoreUnavailable  # noqa: PLC0415 - half a second, for stored events alone
    from appliance.store.copying import CopyFault  # noqa: PLC0415 - as above

    try:
        _copy(box, settings, source, target)
    except CopyFault as error:
        fail(ValueError(f"Kopia różni się od oryginału: {error}"), Exit.NO)
    except (StoreUnavailable, QueryTimeout, JournalUnavailable) as error:
        fail(OSError(f"Kopiowanie stanęło: {error}. To samo polecenie ruszy dalej."), Exit.UNREACHABLE)


@app.command()
def compare(
    home: HomeOption,
    since: SinceOption = None,
    until: Annotated[str | None, typer.Option("--to", help="Do kiedy; domyślnie do chwili 10 minut temu.")] = None,
) -> None:
    """Porównaj zdarzenia obu magazynów, jedno po drugim. Kod 1: różnią się."""
    box = Home(home.resolve())
    settings = _settings(box)
    if not settings.store.elasticsearch.hosts:
        fail(ValueError("W ustawieniach nie ma klastra (store.elasticsearch.hosts)."), Exit.USAGE)
    from appliance.store import QueryTimeout, StoreUnavailable  # noqa: PLC0415 - half a second, for stored events alone

    within = span(since, until)
    try:
        _compare(box, settings, within.start, now() - SETTLED if within.end is None else within.end)
    except (StoreUnavailable, QueryTimeout, JournalUnavailable) as error:
        fail(OSError(f"Porównywanie stanęło: {error}"), Exit.UNREACHABLE)


@app.command()
def snapshot(
    home: HomeOption, out: Annotated[Path, typer.Option("--out", help="Nowy albo pusty folder na migawkę.")]
) -> None:
    """Zrób migawkę zdarzeń z tego komputera; Czujka może działać. Kod 1: części plików nie da się skopiować."""
    from appliance.store import snapshot as taking  # noqa: PLC0415 - Arrow, for this alone

    with _told():
        made = taking.take(Home(home.resolve()).store, out.resolve(), _progress("pliki w migawce"))
    links = f", w tym bez zajmowania miejsca: {number(made.linked, 'pl')}" if made.linked else ""
    typer.echo(
        f"Migawka: zdarzenia {number(made.events, 'pl')}, {size(made.bytes, 'pl')}, "
        f"pliki: {number(made.segments, 'pl')}{links}. Skróty zgodne."
    )
    if made.damaged:
        names = ", ".join(made.damaged[:NAMED])
        typer.echo(f"Uszkodzone pliki magazynu, których nie ma w migawce: {len(made.damaged)} ({names}).", err=True)
        raise typer.Exit(Exit.NO)


@app.command()
def restore(
    home: HomeOption, source: Annotated[Path, typer.Option("--from", help="Folder z migawką.", exists=True)]
) -> None:
    """Odtwórz zdarzenia z migawki w folderze stanu, który nie ma jeszcze magazynu. Czujka musi być zatrzymana."""
    from appliance.store import snapshot as taking  # noqa: PLC0415 - as above

    with _told():
        made = taking.restore(source.resolve(), Home(home.resolve()).store, _progress("odtworzone pliki"))
    typer.echo(
        f"Odtworzono zdarzenia: {number(made.events, 'pl')}. Skróty zgodne. Stan z {short_moment(made.at, 'pl')}."
    )


@contextmanager
def _told() -> Iterator[None]:
    """Tell what went wrong and leave."""
    from appliance.store import StoreUnavailable  # noqa: PLC0415 - as above
    from appliance.store.snapshot import SnapshotFault  # noqa: PLC0415 - as above

    try:
        yield
    except SnapshotFault as error:
        fail(error, Exit.USAGE)
    except (OSError, sqlite3.Error, StoreUnavailable) as error:
        fail(OSError(f"Nie udało się: {error}"), Exit.UNREACHABLE)


def _progress(what: str) -> Callable[[int, int], None]:
    """Return what tells how many files are done, every thousandth."""

    def tell(done: int, whole: int) -> None:
        if done % 1000 == 0:
            typer.echo(f"{what}: {number(done, 'pl')} z {number(whole, 'pl')}", err=True)

    return tell


def _compare(box: Home, settings: Settings, start: int | None, end: int) -> None:
    from appliance.store.comparing import Compared  # noqa: PLC0415 - as above
    from appliance.store.comparing import compare as comparing  # noqa: PLC0415 - as above
    from appliance.store.opening import open_reader  # noqa: PLC0415 - as above
    from appliance.store.scan import scan  # noqa: PLC0415 - as above

    def tell(done: Compared) -> None:
        typer.echo(f"porównane zdarzenia: {number(done.first, 'pl')} i {number(done.second, 'pl')}", err=True)

    with (
        closing(open_reader(box, _as(settings, "embedded"))) as here,
        closing(open_reader(box, _as(settings, "elasticsearch"))) as there,
    ):
        found = comparing(scan(here, start, end), scan(there, start, end), tell)
    for kind, at, name in found.named:
        typer.echo(f"{_DIFFERENCES[kind]}: {short_moment(at, 'pl')}, {name}")
    counts = f"na tym komputerze: {number(found.first, 'pl')}, w klastrze: {number(found.second, 'pl')}"
    if found.same:
        typer.echo(f"ZGODNE: te same zdarzenia w obu magazynach ({counts}).")
        return
    wrong = {kind: number(count, "pl") for kind, count in found.differing.items() if count}
    parts = ", ".join(f"{_DIFFERENCES[kind]}: {count}" for kind, count in wrong.items())
    typer.echo(f"RÓŻNE: {counts}; {parts}.")
    raise typer.Exit(Exit.NO)


def _copy(box: Home, settings: Settings, source: Kind, target: Kind) -> None:
    from appliance.store.copying import Copied, EmbeddedTarget  # noqa: PLC0415 - as above
    from appliance.store.copying import copy as copying  # noqa: PLC0415 - as above
    from appliance.store.elastic.target import ClusterTarget  # noqa: PLC0415 - as above
    from appliance.store.opening import open_reader  # noqa: PLC0415 - as above

    def tell(done: Copied) -> None:
        upto = "" if done.upto is None else f", do {short_moment(done.upto, 'pl')}"
        typer.echo(f"skopiowane i porównane zdarzenia: {number(done.events, 'pl')}{upto}", err=True)

    with (
        closing(open_reader(box, _as(settings, source))) as reader,
        closing(open_reader(box, _as(settings, target))) as check,
        closing(
            EmbeddedTarget(box.store)
            if target == "embedded"
            else ClusterTarget(settings.store.elasticsearch, box.spool, divided=settings.store.divided)
        ) as sink,
    ):
        waiting = reader.waiting()
        if waiting is not None and waiting.events:
            fail(
                ValueError(f"Na klaster czeka jeszcze {waiting.events} zdarzeń; poczekaj, aż się w nim znajdą."),
                Exit.BUSY,
            )
        done = copying(reader, sink.put, check, box.copied(source, target), tell)
    typer.echo(f"Skopiowane zdarzenia: {number(done.events, 'pl')}. Suma skrótów: {done.digest or '–'}")


def _as(settings: Settings, kind: Kind) -> Settings:
    """Return the settings with this store alone."""
    store = StoreSettings.model_validate({**settings.store.model_dump(), "kind": kind, "both": False})
    return settings.model_copy(update={"store": store})


def _settings(home: Home) -> Settings:
    try:
        return load_settings(home)
    except SettingsError as error:
        fail(error, Exit.USAGE)
