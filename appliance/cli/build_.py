"""`czujka build agent`: makes the agent's packages from a wheelhouse; it needs a network only to fill that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.home import Home
from appliance.packages import deb, fetch, msi, shelf, update, wheels
from appliance.packages.authenticode import Signing
from appliance.packages.wheels import PackageError

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
    folder = out or Home(home.resolve()).agent_packages
    if (code_certificate is None) != (code_key is None):
        fail(ValueError("Podaj razem --code-certificate i --code-key."), Exit.USAGE)
    sign = Signing(code_certificate, code_key) if code_certificate and code_key else None
    try:
        signer = shelf.signing_key(key) if key else None
        wheels_in = wheelhouse or Home(home.resolve()).wheelhouse
        if fetch_wheels:
            for name in fetch.fetch(wheels_in, wheels.pins()):
                typer.echo(wheels_in / name)
        for name, data in _made(wheels_in, python, python_sha256, sign):
            typer.echo(f"{shelf.put(folder, name, data, signer)}  {len(data)} B")
        if python is not None:
            typer.echo(SIGNED if sign else UNSIGNED)
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
