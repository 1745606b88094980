"""`czujka build`: makes the packages from a wheelhouse; it needs a network only to fill that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.home import Home
from appliance.packages import collector_deb, deb, fetch, msi, shelf, update, wheels
from appliance.packages.authenticode import Signing
from appliance.packages.wheels import PackageError

AGENT, COLLECTOR = ("linux-amd64", "windows-amd64"), ("collector-amd64",)
"""Whose wheels go into which packages."""
app = typer.Typer(no_args_is_help=True, help="Paczki instalacyjne.")


SIGNED = "MSI i program usługi są podpisane; podpisy sprawdzono."
UNSIGNED = (
    "MSI i program usługi nie mają podpisu: Windows ostrzeże przy instalacji. Podpis: --code-certificate i --code-key."
)


@app.callback()
def group() -> None:
    """Paczki instalacyjne."""


@app.command("agent")
def agent(  # noqa: PLR0917 - each is an option of the command
    home: HomeOption,
    wheelhouse: Annotated[
        Path | None, typer.Option(help="Folder z paczkami wheel; bez niego: wheelhouse w folderze stanu Czujki.")
    ] = None,
    fetch_wheels: Annotated[
        bool, typer.Option("--fetch", help="Pobierz brakujące paczki wheel (sieć jest potrzebna tylko raz).")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder na paczki; bez niego: folder stanu Czujki.")] = None,
    key: Annotated[Path | None, typer.Option(help="Klucz Ed25519 (PEM), którym paczki są podpisywane.")] = None,
    python: Annotated[
        Path | None, typer.Option(help="Python 3.11 „embeddable” dla Windows (zip): zbuduj też MSI.")
    ] = None,
    python_sha256: Annotated[str, typer.Option(help="Suma SHA-256 tego pliku, z python.org.")] = "",
    code_certificate: Annotated[Path | None, typer.Option(help="Certyfikat do podpisu MSI (PEM).")] = None,
    code_key: Annotated[Path | None, typer.Option(help="Klucz tego certyfikatu (PEM).")] = None,
) -> None:
    """Zbuduj paczki agenta: .deb, plik aktualizacji i MSI. Te same źródła dają te same bajty."""
    if (code_certificate is None) != (code_key is None):
        fail(ValueError("Podaj razem --code-certificate i --code-key."), Exit.USAGE)
    sign = Signing(code_certificate, code_key) if code_certificate and code_key else None
    _put(
        Home(home.resolve()),
        _Wish(AGENT, wheelhouse, out, key, fetch_wheels),
        lambda wheels_in: _made(wheels_in, python, python_sha256, sign),
    )
    if python is not None:
        typer.echo(SIGNED if sign else UNSIGNED)


@app.command("collector")
def collector(
    home: HomeOption,
    wheelhouse: Annotated[
        Path | None, typer.Option(help="Folder z paczkami wheel; bez niego: wheelhouse w folderze stanu Czujki.")
    ] = None,
    fetch_wheels: Annotated[
        bool, typer.Option("--fetch", help="Pobierz brakujące paczki wheel (sieć jest potrzebna tylko raz).")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder na paczkę; bez niego: folder stanu Czujki.")] = None,
    key: Annotated[Path | None, typer.Option(help="Klucz Ed25519 (PEM), którym paczka jest podpisywana.")] = None,
) -> None:
    """Zbuduj paczkę czujnika sieciowego (.deb dla Debiana 12). Te same źródła dają te same bajty."""

    def made(wheels_in: Path) -> Iterator[tuple[str, bytes]]:
        (target,) = COLLECTOR
        yield collector_deb.name_of(), collector_deb.build(wheels.files_of(wheels_in, wheels.pins()[target]))

    _put(Home(home.resolve()), _Wish(COLLECTOR, wheelhouse, out, key, fetch_wheels), made)


class _Wish(NamedTuple):
    """Which targets' wheels are wanted, where from, whether to fetch them, where the packages go, who signs them."""

    targets: tuple[str, ...]
    wheelhouse: Path | None
    out: Path | None
    key: Path | None
    fetches: bool


def _put(home: Home, wish: _Wish, made: Callable[[Path], Iterable[tuple[str, bytes]]]) -> None:
    """Make packages from a folder of wheels and lay them down."""
    folder, wheels_in = wish.out or home.agent_packages, wish.wheelhouse or home.wheelhouse
    try:
        signer = shelf.signing_key(wish.key) if wish.key else None
        if wish.fetches:
            known = wheels.pins()
            for name in fetch.fetch(wheels_in, {target: known[target] for target in wish.targets}):
                typer.echo(wheels_in / name)
        for name, data in made(wheels_in):
            typer.echo(f"{shelf.put(folder, name, data, signer)}  {len(data)} B")
    except PackageError as error:
        fail(error, Exit.LACKING)
    except OSError as error:
        fail(OSError(f"Nie można zapisać paczek w {folder}: {error.strerror}."), Exit.USAGE)


def _made(wheelhouse: Path, python: Path | None, digest: str, sign: Signing | None) -> Iterator[tuple[str, bytes]]:
    known = wheels.pins()
    yield deb.name_of(), deb.build(wheels.files_of(wheelhouse, known["linux-amd64"]))
    yield update.name_of(), update.build()
    if python is not None:
        runtime = msi.runtime_files(python, digest)
        yield msi.name_of(), msi.build(runtime, wheels.files_of(wheelhouse, known["windows-amd64"]), sign=sign)
