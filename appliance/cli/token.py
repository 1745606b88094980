"""`czujka token create`: an API token, printed once. Works on the state folder, with or without a running box."""

from __future__ import annotations

from typing import Annotated

import typer

from appliance.accounts.tokens import create_token
from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.state import open_home
from appliance.clock import now
from appliance.ops.operations import record
from appliance.state.database import writing
from appliance.web.policy import Scope

app = typer.Typer(no_args_is_help=True, help="Tokeny API.")


@app.callback()
def group() -> None:
    """Tokeny API."""


@app.command("create")
def create(
    home: HomeOption,
    name: Annotated[str, typer.Argument(help="Nazwa tokenu: po co jest i kto go ma.")],
    scope: Annotated[list[str], typer.Option("--scope", help="Zakres; można podać kilka razy.")],
) -> None:
    """Utwórz token API. Wypisuje go tylko raz."""
    unknown = [one for one in scope if one not in set(Scope)]
    if unknown or not 1 <= len(name.strip()) <= 100:
        known = ", ".join(Scope)
        reason = (
            f"Nie ma zakresu: {', '.join(unknown)}. Zakresy: {known}" if unknown else "Nazwa ma od 1 do 100 znaków."
        )
        fail(ValueError(reason), Exit.USAGE)
    with writing(open_home(home)) as session:
        token = create_token(session, name.strip(), map(Scope, scope), now())
        record(session, "czujka", "token.created", name.strip(), now(), scopes=scope)
    typer.echo(token)
