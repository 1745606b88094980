"""`czujka indicators`: lists of bad domains, addresses, pages, files and senders. The box may run or not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance import clock
from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.search import clean
from appliance.cli.state import open_home
from appliance.home import Home
from appliance.indicators import book
from appliance.indicators.own import own_of
from appliance.indicators.reading import Read, read
from appliance.indicators.refusals import kind_name
from appliance.indicators.values import Kind, written
from appliance.language.dates import moment
from appliance.settings import load_settings
from appliance.state.database import writing

app = typer.Typer(no_args_is_help=True, help="Wskaźniki z list CSIRT: domeny, adresy, strony, pliki i nadawcy.")
_TOLD = 100
SourceOption = Annotated[str, typer.Option("--source", help="Kto podał listę, na przykład „CSIRT NASK”.")]
AnySource = Annotated[str | None, typer.Option("--source", help="Tylko z tego źródła.")]


@app.command("import")
def take(
    home: HomeOption,
    files: Annotated[list[Path], typer.Argument(metavar="PLIK…", exists=True, dir_okay=False, help="Pliki z listami.")],
    source: SourceOption,
    expires: Annotated[int | None, typer.Option(min=1, max=book.DAYS, help="Po ilu dniach wskaźniki wygasną.")] = None,
    comment: Annotated[str, typer.Option(help="Uwaga, na przykład numer pisma.")] = "",
) -> None:
    """Wczytaj listy: po wierszu, CSV z nagłówkiem, zdarzenie MISP (JSON) albo paczka STIX 2.1.

    Czujka szuka tych wskaźników od teraz i sama przeszukuje historię. Kod 1: czegoś nie przyjęto.
    """
    try:
        name = book.named(source)
    except book.BadSource:
        fail(ValueError(f"Podaj w --source nazwę źródła, do {book.SOURCE} znaków."), Exit.USAGE)
    sessions = open_home(home)
    box, now = Home(home.resolve()), clock.now()
    ends = None if expires is None else now + expires * clock.DAY
    found = read(files, own_of(box, load_settings(box)), comment.strip(), ends)
    _tell(found)
    if found.useless:
        fail(ValueError("Niczego nie wczytano. Popraw pliki i powtórz."), Exit.NO)
    try:
        with writing(sessions) as session:
            taken = book.take(session, name, found.wanted, "local", now)
    except book.TooMany as error:
        fail(ValueError(f"Niczego nie wczytano: {error}."), Exit.NO)
    new = ", ".join(f"{kind_name(Kind(kind), 'pl')}: {count}" for kind, count in sorted(taken.new.items())) or "nie ma"
    typer.echo(f"Źródło: {name}. Nowe: {new}. Znane już wcześniej: {taken.known}. Odrzucone: {len(found.refused)}.")
    if found.refused:
        raise typer.Exit(Exit.NO)


def _tell(found: Read) -> None:
    for fault in found.faults[:_TOLD]:
        typer.echo(clean(str(fault)), err=True)
    if len(found.faults) > _TOLD:
        typer.echo(f"I jeszcze {len(found.faults) - _TOLD}.", err=True)


@app.command("list")
def list_all(
    home: HomeOption,
    source: AnySource = None,
    find: Annotated[str | None, typer.Option(help="Wypisz wskaźniki, które zawierają ten tekst.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=book.MOST, help="Ile wskaźników wypisać.")] = 1000,
) -> None:
    """Wypisz źródła i liczby wskaźników, a z --find albo --source same wskaźniki."""
    sessions, now = open_home(home), clock.now()
    with sessions() as session:
        if find is None and source is None:
            for one in book.sources(session, now):
                ends = "" if one.ends is None else moment(one.ends, "pl")
                row = (
                    one.name,
                    kind_name(one.kind, "pl"),
                    str(one.acting),
                    str(one.expired),
                    moment(one.newest, "pl"),
                    ends,
                )
                typer.echo("\t".join(map(clean, row)))
            return
        for value in book.page(session, book.Asked(find or "", source=source), None, limit)[0]:
            ended = value.expires_at is not None and value.expires_at <= now
            ends = "bezterminowo" if value.expires_at is None else f"do {moment(value.expires_at, 'pl')}"
            state = "wygasł" if ended else "obowiązuje"
            row = (
                value.value,
                kind_name(Kind(value.kind), "pl"),
                value.source,
                moment(value.added_at, "pl"),
                ends,
                state,
            )
            typer.echo("\t".join(map(clean, (*row, value.comment))))


@app.command("remove")
def remove(
    home: HomeOption,
    values: Annotated[list[str] | None, typer.Argument(metavar="WSKAŹNIK…", help="Wskaźniki do usunięcia.")] = None,
    source: AnySource = None,
) -> None:
    """Usuń wskaźniki: podane, albo wszystkie z jednego źródła."""
    if not values and source is None:
        fail(ValueError("Podaj wskaźniki albo --source."), Exit.USAGE)
    sessions = open_home(home)
    with writing(sessions) as session:
        gone = book.remove(session, source, map(written, values or ()), "local", clock.now())
    typer.echo(f"Usunięte wskaźniki: {gone}.")
    if not gone:
        raise typer.Exit(Exit.NO)
