"""`czujka enrol-token create`: permission for stations to enrol. Works with or without a running box."""

from __future__ import annotations

from typing import Annotated

import typer

from appliance.cli.client import HomeOption, fail, listening
from appliance.cli.exits import Exit
from appliance.cli.state import open_home
from appliance.clock import HOUR, now
from appliance.home import Home
from appliance.intake.enrolment import create_enrol_token
from appliance.ops.operations import record
from appliance.settings import load_settings
from appliance.state.database import writing

app = typer.Typer(no_args_is_help=True, help="Kody dołączenia stacji.")


@app.callback()
def group() -> None:
    """Kody dołączenia stacji."""


@app.command("create")
def create(
    home: HomeOption,
    uses: Annotated[int, typer.Option(help="Ile stacji może dołączyć.", min=1, max=1000)] = 1,
    hours: Annotated[int, typer.Option(help="Przez ile godzin kod działa.", min=1, max=720)] = 24,
    url: Annotated[list[str] | None, typer.Option("--url", help="Adres Czujki dla stacji (https://…).")] = None,
) -> None:
    """Utwórz kod dołączenia. Wypisuje go tylko raz."""
    sessions = open_home(home)
    box = Home(home.resolve())
    if not box.ca.is_file():
        fail(FileNotFoundError(f"Brak certyfikatu {box.ca}. Uruchom raz: ./czujka up --home {home}"), Exit.UNREACHABLE)
    settings = load_settings(box)
    urls = url or settings.gateway_urls(listening(box).get("gateway"))
    with writing(sessions) as session:
        token = create_enrol_token(session, urls, box.ca.read_bytes(), uses=uses, ttl=hours * HOUR, now=now())
        record(session, "czujka", "enrol_token.created", "", now(), uses=uses, hours=hours)
    typer.echo(token)
