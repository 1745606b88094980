"""`czujka feeds`: what is known of weaknesses, from signed bundles that may come on a stick."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from appliance import clock
from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.evidence import keys
from appliance.home import Home
from appliance.language.dates import moment
from appliance.ops.operations import record
from appliance.settings import SettingsError, load_settings
from appliance.state.database import open_sessions, open_state, writing
from appliance.vulnerabilities import bundle
from appliance.vulnerabilities.bundle import BadBundle
from appliance.vulnerabilities.feeds import NoFeeds, Shelf

app = typer.Typer(no_args_is_help=True, help="Dane o podatnościach: podpisane pakiety, bez dostępu do internetu.")
T = TypeVar("T")
FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="PLIK")]


@app.command("import")
def take(home: HomeOption, path: FileArgument) -> None:
    """Przyjmij pakiet: sprawdza podpis, sumy i datę, potem zastępuje obowiązujący."""
    box = _box(home)
    taken = _done(lambda: Shelf(box.feeds).take(path, clock.now()))
    _note(box, "feeds.imported", str(taken.made_at), affected=taken.affected, exploited=taken.exploited)
    typer.echo(f"Przyjęto pakiet z {moment(taken.made_at, 'pl')}: wpisy {taken.affected}, KEV {taken.exploited}.")


@app.command("rollback")
def go_back(home: HomeOption) -> None:
    """Wróć do poprzedniego pakietu."""
    box = _box(home)
    gone, now = _done(Shelf(box.feeds).back)
    _note(box, "feeds.rolled_back", str(gone), to=now or 0)
    in_force = moment(now, "pl") if now else "żaden"
    typer.echo(f"Wycofano pakiet z {moment(gone, 'pl')}. Obowiązuje: {in_force}.")


@app.command("list")
def list_all(home: HomeOption) -> None:
    """Wypisz pakiety, obowiązujący na końcu, i klucze, którym Czujka wierzy."""
    shelf = Shelf(_box(home).feeds)
    for made_at in shelf.stack():
        typer.echo(moment(made_at, "pl"))
    for path in sorted((shelf.folder / "keys").glob("*.pub")):
        typer.echo(f"klucz\t{path.name}")


@app.command()
def trust(home: HomeOption, path: FileArgument) -> None:
    """Dodaj klucz publiczny wydawcy (Ed25519, PEM). Sprawdź wcześniej, skąd pochodzi."""
    box = _box(home)
    name = _done(lambda: Shelf(box.feeds).trust(path))
    _note(box, "feeds.key_trusted", name)
    typer.echo(f"Czujka wierzy pakietom podpisanym kluczem {name}.")


@app.command()
def key(path: Annotated[Path, typer.Argument(metavar="PLIK.key")]) -> None:
    """Utwórz parę kluczy do podpisywania pakietów; publiczny powstaje obok, z końcówką .pub."""
    if path.exists():
        fail(FileExistsError(f"Plik {path} już istnieje. Podaj inną nazwę."), Exit.USAGE)
    _done(lambda: keys.write(path, Ed25519PrivateKey.generate()))
    typer.echo(f"Klucz: {path}. Klucz publiczny dla Czujki: {path.with_suffix('.pub')}.")


@app.command()
def make(
    path: Annotated[Path, typer.Argument(metavar="PAKIET.zip")],
    kev: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Katalog KEV agencji CISA (JSON).")],
    key_file: Annotated[Path, typer.Option("--key", exists=True, dir_okay=False, help="Klucz wydawcy.")],
    osv: Annotated[list[Path] | None, typer.Option(exists=True, dir_okay=False, help="Archiwum OSV (all.zip).")] = None,
) -> None:
    """Zrób pakiet z plików OSV (Debian, Ubuntu) i katalogu KEV."""
    try:
        private = load_pem_private_key(key_file.read_bytes(), None)
    except (ValueError, TypeError) as error:
        fail(ValueError(f"Plik {key_file} nie jest kluczem prywatnym: {error}"), Exit.USAGE)
    if not isinstance(private, Ed25519PrivateKey):
        fail(ValueError(f"Plik {key_file} nie jest kluczem Ed25519."), Exit.USAGE)
    count = _done(lambda: bundle.make(path, osv or [], kev, private, clock.now()))
    typer.echo(f"Pakiet {path}: wpisy {count}.")


def _box(home: Path) -> Home:
    box = Home(home.resolve())
    try:
        box.create()
    except OSError as error:
        fail(OSError(f"Brak prawa zapisu: {error.filename}. Podaj inny folder w --home."), Exit.USAGE)
    return box


def _done(work: Callable[[], T]) -> T:
    """Do it; say in Polish what stood in the way, and end."""
    try:
        return work()
    except NoFeeds:
        fail(NoFeeds("Nie przyjęto jeszcze żadnego pakietu. Przyjmij go: czujka feeds import PLIK.zip"), Exit.NO)
    except BadBundle as error:
        fail(error, Exit.NO)
    except OSError as error:
        fail(OSError(f"Nie udało się: {error}. Niczego nie zmieniono."), Exit.LACKING)


def _note(home: Home, action: str, target: str, **detail: object) -> None:
    """Write the change into the operators' audit log, where the box has one already."""
    try:
        settings = load_settings(home)
    except SettingsError as error:
        fail(error, Exit.USAGE)
    if not home.state.exists() and not settings.state_url:
        return
    engine = open_state(settings.database(home))
    with writing(open_sessions(engine)) as session:
        record(session, "local", action, target, clock.now(), **detail)
    engine.dispose()
