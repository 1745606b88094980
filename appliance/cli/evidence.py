"""`czujka evidence`: a pack of evidence, a seal and an anchor now, a new key. Works with and without a running box."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from appliance import clock
from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.history import SinceOption, UntilOption, span
from appliance.cli.state import open_home
from appliance.evidence import anchors
from appliance.evidence.complete import HARMS
from appliance.evidence.keeper import Keeper
from appliance.evidence.keys import grouped
from appliance.evidence.ledger import EvidenceBusy
from appliance.evidence.words import about_events
from appliance.home import Home
from appliance.language.dates import moment
from appliance.ops.operations import record
from appliance.pki import PkiError
from appliance.settings import load_settings
from appliance.state.database import writing

if TYPE_CHECKING:
    from appliance.evidence.pack import Made, Wanted

app = typer.Typer(no_args_is_help=True, help="Dowody: łańcuch skrótów, paczki dla audytora.")


def _keeper(home: Path) -> Keeper:
    sessions = open_home(home)
    box = Home(home.resolve())
    return Keeper(box, load_settings(box), sessions)


@contextmanager
def _explained() -> Iterator[None]:
    from appliance.evidence.events import Damaged  # noqa: PLC0415 - pyarrow, only where it is needed
    from appliance.evidence.pack import PackFault  # noqa: PLC0415 - as above

    try:
        yield
    except EvidenceBusy:
        fail(RuntimeError("Do łańcucha dowodów pisze teraz inny proces. Spróbuj za chwilę."), Exit.BUSY)
    except (PackFault, PkiError) as error:
        fail(error, Exit.NO)
    except (Damaged, OSError, sqlite3.Error, SQLAlchemyError) as error:
        fail(RuntimeError(f"Nie udało się: {error}. Uruchom: czujka verify"), Exit.NO)


@app.command("export")
def export(
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="Plik ZIP, który powstanie.")],
    since: SinceOption = None,
    until: UntilOption = None,
    case: Annotated[int | None, typer.Option(help="Numer alertu; zamiast czasu.", min=1)] = None,
) -> None:
    """Zapisz paczkę dowodów: zdarzenia, alerty, łańcuch, klucze publiczne i program sprawdzający.

    Kod 1 oznacza też paczkę niepełną: czego w niej nie ma, mówią stderr, index.html i pack.json.
    """
    from appliance.evidence import pack  # noqa: PLC0415 - pyarrow, only for a pack

    if (case is None) == (since is None and until is None):
        fail(ValueError("Podaj albo --case, albo --from i --to."), Exit.USAGE)
    within = span(since, until)
    keeper = _keeper(home)
    with _explained():
        with writing(keeper.sessions) as session:
            detail = {"since": within.start, "until": within.end, "alert": case}
            record(session, "local", "evidence.exported", out.name, clock.now(), **detail)
        made = _whole(keeper, pack.Wanted(within.start, within.end, case), out)
    typer.echo(f"Paczka dowodów: {out}. Zdarzenia: {made.all_events}, alerty: {len(made.alerts)}.")
    _tell_of_events(keeper)
    if made.gaps:
        _tell_of_gaps(made)
        raise typer.Exit(Exit.NO)


def _tell_of_gaps(made: Made) -> None:
    """Name what the pack lacks: segments whose files are damaged."""
    rows = sum(gap.rows for gap in made.gaps.values())
    typer.echo(f"Paczka nie jest pełna. Uszkodzone pliki: {len(made.gaps)}, zdarzenia w nich: {rows}.", err=True)
    for _, gap in sorted(made.gaps.items()):
        seal = "bez plomby" if gap.entry is None else f"wpis {gap.entry}"
        start, end = (moment(at, "pl") for at in (gap.min_time, gap.max_time))
        told = f"Segment {gap.file} ({seal}): zdarzenia: {gap.rows}, od {start} do {end}; {HARMS[gap.why]}."
        typer.echo(told, err=True)


def _tell_of_events(keeper: Keeper) -> None:
    apart = about_events(keeper.settings, "pl")
    if apart:
        typer.echo(apart, err=True)


def _whole(keeper: Keeper, wanted: Wanted, out: Path) -> Made:
    """Write the file whole or not at all, for its owner alone: it has events of people."""
    from appliance.evidence import pack  # noqa: PLC0415 - pyarrow, only for a pack

    draft = out.with_name(f".{out.name}.new")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            made = pack.export(keeper, wanted, file)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return made


@app.command("seal")
def seal(home: HomeOption) -> None:
    """Zaplombuj teraz to, co nowe; bez tego robi to Czujka co kilkanaście minut."""
    keeper = _keeper(home)
    with _explained():
        added = keeper.round(whole=True)
        newest = anchors.latest(keeper.home)
    typer.echo(f"Nowe wpisy: {added}.")
    _tell_of_events(keeper)
    if newest is not None:
        typer.echo(f"Odcisk klucza: {grouped(newest.seal['key'])}")


@app.command("anchor")
def anchor(
    home: HomeOption, out: Annotated[Path, typer.Option(help="Folder, na przykład na nośniku USB.", exists=True)]
) -> None:
    """Zapisz kotwicę do folderu poza Czujką."""
    keeper = _keeper(home)
    with _explained():
        keeper.round(whole=True)
        newest = anchors.latest(keeper.home)
        assert newest is not None
        path = anchors.put(out, newest, clock.to_datetime(newest.seal["at"]).strftime("%Y-%m-%dT%H%M%SZ"))
    typer.echo(f"Kotwica: {path}, wpis {newest.seal['number']}.")


@app.command("rotate")
def rotate(home: HomeOption) -> None:
    """Wymień klucz dowodów. Stary podpisuje wpis o nowym; zapisz nowy odcisk poza Czujką."""
    keeper = _keeper(home)
    with _explained():
        new = keeper.rotate()
        with writing(keeper.sessions) as session:
            record(session, "local", "evidence.key_rotated", new.fingerprint, clock.now())
    typer.echo(f"Odcisk nowego klucza: {grouped(new.fingerprint)}")
