"""`czujka store`: the place where events are kept."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Annotated, Literal

import typer

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.search import clean
from appliance.home import Home
from appliance.journal import JournalUnavailable
from appliance.language.dates import short_moment
from appliance.language.numbers import number
from appliance.settings import Settings, SettingsError, StoreSettings, load_settings

app = typer.Typer(no_args_is_help=True, help="Magazyn zdarzeń: sprawdzenie klastra, przeniesienie historii.")
Kind = Literal["embedded", "elasticsearch"]


@app.command()
def check(home: HomeOption) -> None:
    """Sprawdź klaster z ustawień i wypisz najmniejszą rolę, której potrzebuje Czujka. Kod 1: coś jest źle."""
    settings = _settings(Home(home.resolve())).store
    if not settings.elasticsearch.hosts:
        typer.echo("W ustawieniach nie ma klastra (store.elasticsearch.hosts); zdarzenia są na tym komputerze.")
        return
    from appliance.store.elastic import check as checking  # noqa: PLC0415 - a quarter of a second, for clusters alone
    from appliance.store.elastic.rights import least_role  # noqa: PLC0415 - as above

    findings = checking.check(settings)
    for finding in findings:
        typer.echo(clean(f"{finding.weight}: {finding.text}"))
    typer.echo("\nNajmniejsza rola dla Czujki (PUT /_security/role/czujka):")
    typer.echo(json.dumps(least_role(settings.elasticsearch.index), indent=2))
    if any(finding.weight is checking.Weight.BAD for finding in findings):
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
            EmbeddedTarget(box.store) if target == "embedded" else ClusterTarget(settings.store.elasticsearch)
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
    """Return the settings with another kind of store."""
    store = StoreSettings.model_validate({**settings.store.model_dump(), "kind": kind})
    return settings.model_copy(update={"store": store})


def _settings(home: Home) -> Settings:
    try:
        return load_settings(home)
    except SettingsError as error:
        fail(error, Exit.USAGE)
