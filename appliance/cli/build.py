"""`czujka build agent`: makes the agent's packages from a wheelhouse, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.home import Home
from appliance.packages import deb, shelf, update, wheels
from appliance.packages.wheels import PackageError

app = typer.Typer(no_args_is_help=True, help="Paczki instalacyjne.")


@app.callback()
def group() -> None:
    """Paczki instalacyjne."""


@app.command("agent")
def agent(
    home: HomeOption,
    wheelhouse: Annotated[Path, typer.Option(help="Folder z paczkami wheel, które wymienia docs/packages.md.")],
    out: Annotated[Path | None, typer.Option(help="Folder na paczki; bez niego: folder stanu Czujki.")] = None,
    key: Annotated[Path | None, typer.Option(help="Klucz Ed25519 (PEM), którym paczki są podpisywane.")] = None,
) -> None:
    """Zbuduj paczki agenta: .deb i plik aktualizacji. Te same źródła dają te same bajty."""
    folder = out or Home(home.resolve()).agent_packages
    try:
        signer = shelf.signing_key(key) if key else None
        vendored = wheels.files_of(wheelhouse, wheels.pins()["linux-amd64"])
        made = {deb.name_of(): deb.build(vendored), update.name_of(): update.build()}
        for name, data in made.items():
            typer.echo(f"{shelf.put(folder, name, data, signer)}  {len(data)} B")
    except PackageError as error:
        fail(error, Exit.LACKING)
    except OSError as error:
        fail(OSError(f"Nie można zapisać paczek w {folder}: {error.strerror}."), Exit.USAGE)
