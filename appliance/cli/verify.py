"""`czujka verify`: the evidence chain against what lies on the box. Works with and without a running box."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.history import SinceOption, UntilOption, span
from appliance.cli.search import clean
from appliance.evidence.check import Asked, anchors_of, check, told
from appliance.evidence.cluster import Cluster
from appliance.evidence.words import about_events, say
from appliance.home import Home
from appliance.pki import PkiError
from appliance.settings import Settings, SettingsError, load_settings
from appliance.state.database import open_sessions, open_state
from appliance.store import QueryTimeout, StoreUnavailable


def command(
    *,
    home: HomeOption,
    since: SinceOption = None,
    until: UntilOption = None,
    key: Annotated[
        str, typer.Option(help="Odcisk klucza zapisany poza Czujką; bez niego: klucz z folderu stanu.")
    ] = "",
    anchor: Annotated[list[Path] | None, typer.Option(help="Plik kotwicy; można podać kilka.")] = None,
    events: Annotated[bool, typer.Option("--events", help="Sprawdź też każde zdarzenie (trwa dłużej).")] = False,
) -> None:
    """Sprawdź łańcuch dowodów, podpisy i segmenty. Kod 1: coś się nie zgadza."""
    box, within = Home(home.resolve()), span(since, until)
    if not box.evidence.is_file():
        fail(FileNotFoundError(say("verify.none", "pl")), Exit.USAGE)
    try:
        settings = load_settings(box)
        anchors = [*(anchor or []), *anchors_of(settings.evidence.folder)]
        trusted = "".join(key.split()).lower()
        asked = Asked(within.start, within.end, trusted, anchors, events)
        found = check(box, open_sessions(open_state(settings.database(box))), asked, _cluster(settings))
    except SettingsError as error:
        fail(error, Exit.USAGE)
    except (StoreUnavailable, QueryTimeout) as error:
        fail(error, Exit.UNREACHABLE)
    except (sqlite3.Error, SQLAlchemyError, OSError, PkiError) as error:
        fail(RuntimeError(f"NIEZGODNE: łańcucha nie da się odczytać: {error}"), Exit.NO)
    apart = about_events(settings, "pl")
    for line in [*([apart] if apart else []), *told(found, "pl")]:
        typer.echo(clean(line))
    if found.faults:
        raise typer.Exit(Exit.NO)


def _cluster(settings: Settings) -> Callable[[], Cluster] | None:
    """Return what opens the cluster that has the events, None for the embedded store."""
    if not settings.store.clustered:
        return None

    def opened() -> Cluster:
        from appliance.store.elastic.whole import WholeIndices  # noqa: PLC0415 - a quarter of a second, for clusters alone

        return WholeIndices(settings.store.elasticsearch)

    return opened
