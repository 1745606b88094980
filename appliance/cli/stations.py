"""`czujka stations`: what waits for a decision, and the decisions. Works with or without a running box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.state import open_home
from appliance.clock import now
from appliance.state.database import writing
from appliance.stations import quarantine, replacing

app = typer.Typer(no_args_is_help=True, help="Stacje, które czekają na decyzję.")
WHO = "czujka"
Old = Annotated[str, typer.Argument(help="Identyfikator starej stacji.")]
New = Annotated[str, typer.Argument(help="Identyfikator nowej stacji.")]


@app.callback()
def group() -> None:
    """Stacje, które czekają na decyzję."""


@app.command("decisions")
def decisions(home: HomeOption) -> None:
    """Pokaż, co czeka na decyzję: wstrzymane stacje i komputery zarejestrowane drugi raz."""
    with open_home(home)() as session:
        held, offers = quarantine.held(session), replacing.offers(session)
    for agent, reason in held:
        typer.echo(f"wstrzymana\t{agent.id}\t{agent.hostname}\t{reason.value}")
    for one in offers:
        typer.echo(f"para\t{one.old.id}\t{one.new.id}\t{one.new.hostname}\t{' '.join(one.marks)}")
    if not held and not offers:
        typer.echo("Nic nie czeka na decyzję.")


@app.command("replace")
def replace(home: HomeOption, old: Old, new: New) -> None:
    """Zastąp starą stację nową: historia zostaje, prawo do wysyłania znika, cisza nie jest zgłaszana."""
    _decide(home, replacing.replace, old, new)
    typer.echo("Starą stację zastąpiono nową.")


@app.command("keep-both")
def keep_both(home: HomeOption, old: Old, new: New) -> None:
    """Zapisz, że to dwa komputery."""
    _decide(home, replacing.keep_both, old, new)
    typer.echo("Zapisano, że to dwa komputery.")


@app.command("release")
def release(home: HomeOption, station: Annotated[str, typer.Argument(help="Identyfikator stacji.")]) -> None:
    """Przyjmuj znów zdarzenia wstrzymanej stacji."""
    with writing(open_home(home)) as session:
        try:
            quarantine.release(session, WHO, station, now())
        except quarantine.NotHeld:
            fail(RuntimeError("Ta stacja nie czeka na decyzję. Sprawdź: ./czujka stations decisions"), Exit.NO)
    typer.echo("Czujka znów przyjmuje zdarzenia tej stacji.")


def _decide(home: HomeOption, act: Callable[[Session, str, str, str, int], object], old: str, new: str) -> None:
    with writing(open_home(home)) as session:
        try:
            act(session, WHO, old, new, now())
        except replacing.NotOffered:
            fail(RuntimeError("Ta para nie czeka na decyzję. Sprawdź: ./czujka stations decisions"), Exit.NO)
