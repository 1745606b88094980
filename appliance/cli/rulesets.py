"""`czujka rules import|rollback|sets`: releases of rules from files, offline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from appliance import clock
from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.search import clean
from appliance.home import Home
from appliance.language.dates import moment
from appliance.ops.operations import record
from appliance.rulesets.diff import lines
from appliance.rulesets.release import TOLD, Refused, read_release
from appliance.rulesets.shelf import Installed, Shelf, ShelfBusy, ShelfDamaged
from appliance.rulesets.taking import DEFAULT_NAME, NAME, Draft, drafted, rollback, take
from appliance.settings import Settings, SettingsError, load_settings
from appliance.state.database import open_sessions, open_state, writing

_LISTED = 20
_UNKNOWN = "nieznana, bo wydanie nie ma pliku LICENSE z jej treścią"
_NO_FILTERS = "W Czujce alerty ukrywa tylko wyjątek, na który zgodzi się druga osoba."
NameOption = Annotated[str, typer.Option("--name", help="Nazwa wydania; każda ma własne wersje.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the group `rules`."""
    app.command("import")(import_release)
    app.command("rollback")(go_back)
    app.command("sets")(list_sets)


def import_release(
    home: HomeOption,
    path: Annotated[Path, typer.Argument(exists=True, metavar="ZIP|FOLDER", help="Wydanie reguł Sigma.")],
    name: NameOption = DEFAULT_NAME,
    yes: Annotated[bool, typer.Option("--yes", help="Przyjmij bez pytania.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Wypisz wszystkie różnice, nie tylko pierwsze.")] = False,
) -> None:
    """Przyjmij wydanie reguł (np. SigmaHQ) z pliku ZIP albo folderu: najpierw różnice, potem pytanie."""
    if not NAME.fullmatch(name):
        fail(ValueError("Nazwa wydania: litery, cyfry, kropka, kreska, spacja; najwyżej 40 znaków."), Exit.USAGE)
    box, settings = _opened(home)
    try:
        release = read_release(path)
        with drafted(box, settings, release, name, clock.now()) as draft:
            _tell(draft, release.left_aside, None if every else _LISTED)
            if not _agreed(draft, yes):
                raise typer.Exit(Exit.NO)
            take(box, draft)
            counts = {part: len(getattr(draft.diff, part)) for part in ("new", "changed", "gone", "failing")}
            _note(box, settings, "rules.imported", draft.installed, **counts)
    except Refused as error:
        for fault in error.faults[:TOLD]:
            typer.echo(str(fault))
        fail(ValueError(f"Wydania nie przyjęto. Wady: {len(error.faults)}."), Exit.NO)
    except ShelfBusy as error:
        fail(error, Exit.BUSY)
    except OSError as error:
        fail(OSError(f"Nie udało się zapisać wydania: {error}. Niczego nie zmieniono."), Exit.LACKING)
    typer.echo(f"Przyjęto: {draft.installed.label}. Działająca Czujka wczyta reguły sama, bez przerwy w pracy.")


def _agreed(draft: Draft, yes: bool) -> bool:
    if draft.same:
        typer.echo("To wydanie już obowiązuje. Niczego nie zmieniono.")
        raise typer.Exit(Exit.DONE)
    if yes:
        return True
    if not sys.stdin.isatty():
        typer.echo("Wydania nie przyjęto. Aby je przyjąć, dodaj --yes.", err=True)
        return False
    return typer.confirm("Przyjąć to wydanie?")


def _tell(draft: Draft, left_aside: int, most: int | None) -> None:
    one = draft.installed
    for fault in draft.faults:
        typer.echo(str(fault))
    typer.echo(f"{one.label}: reguły {one.rules}, z błędami {one.faults}, inne pliki pominięte {left_aside}")
    typer.echo(f"Licencja: {one.licence or _UNKNOWN}{f' ({one.licence_url})' if one.licence_url else ''}")
    for licence, count in sorted(draft.licences.items(), key=lambda each: (-each[1], each[0]))[:_LISTED]:
        typer.echo(clean(f"Reguły z własną licencją „{licence}”: {count}"))
    if draft.cases:
        typer.echo(f"Pliki do próby kontrolnej reguł: {draft.cases}. Próba: czujka rules coverage --self-test")
    if draft.filters:
        named = "; ".join(draft.filters[:_LISTED]) + ("; …" if len(draft.filters) > _LISTED else "")
        typer.echo(clean(f"Filtry bez skutku: {len(draft.filters)} ({named}). {_NO_FILTERS}"))
    if draft.replaced:
        typer.echo(f"Zastąpione przez reguły urzędu lub Czujki o tym samym identyfikatorze: {draft.replaced}")
    for line in lines(draft.diff, most or one.rules + len(draft.diff.gone)):
        typer.echo("".join(sign if sign.isprintable() else "�" for sign in line))


def go_back(home: HomeOption, name: NameOption = DEFAULT_NAME) -> None:
    """Wróć do poprzedniej wersji wydania."""
    box, settings = _opened(home)
    try:
        gone, now = rollback(box, name)
    except LookupError:
        fail(LookupError(f"Nie ma wydania „{name}”, które by obowiązywało. Wykaz: czujka rules sets"), Exit.NO)
    except ShelfBusy as error:
        fail(error, Exit.BUSY)
    except (ShelfDamaged, OSError) as error:
        fail(error, Exit.NO)
    _note(box, settings, "rules.rolled_back", gone, to=now.label if now else "")
    typer.echo(f"Wycofano: {gone.label}. Obowiązuje: {now.label if now else 'żadna wersja tego wydania'}.")


def list_sets(home: HomeOption) -> None:
    """Wypisz przyjęte wydania: obowiązuje, nazwa i wersja, przyjęte, reguły, licencja, identyfikator."""
    box, _ = _opened(home)
    shelf = Shelf(box.rulesets)
    try:
        stacks = shelf.stacks()
        rows = [(one == stack[-1], shelf.read(one)) for _, stack in sorted(stacks.items()) for one in reversed(stack)]
    except ShelfDamaged as error:
        fail(error, Exit.NO)
    for current, one in rows:
        told = (moment(one.taken_at, "pl"), f"reguły {one.rules}", f"z błędami {one.faults}", one.licence, one.id)
        typer.echo("\t".join(("obowiązuje" if current else "poprzednia", one.label, *told)))
    if not rows:
        typer.echo("Nie przyjęto jeszcze żadnego wydania. Przyjmij je: czujka rules import PLIK.zip", err=True)


def _opened(home: Path) -> tuple[Home, Settings]:
    box = Home(home.resolve())
    try:
        box.create()
        return box, load_settings(box)
    except SettingsError as error:
        fail(error, Exit.USAGE)
    except OSError as error:
        fail(OSError(f"Brak prawa zapisu: {error.filename}. Podaj inny folder w --home."), Exit.USAGE)


def _note(home: Home, settings: Settings, action: str, one: Installed, **detail: object) -> None:
    """Write the change into the operators' audit log, where the box has one already."""
    if not home.state.exists() and not settings.state_url:
        return
    engine = open_state(settings.database(home))
    with writing(open_sessions(engine)) as session:
        record(session, "local", action, one.label, clock.now(), id=one.id, **detail)
    engine.dispose()
