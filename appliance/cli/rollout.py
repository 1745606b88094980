"""`czujka rollout`: newer versions of the agent, ring by ring. Works with or without a running box."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NoReturn

import typer
from sqlalchemy.orm import Session

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.state import open_home
from appliance.clock import HOUR, now
from appliance.home import Home
from appliance.state.database import writing
from appliance.state.updates import Rollout, RolloutState
from appliance.updates import rollouts
from appliance.updates.rollouts import CannotRollOut, Reason

app = typer.Typer(no_args_is_help=True, help="Nowe wersje agenta na stacjach.")
WHO = "czujka"
REASONS: Mapping[Reason, str] = {
    Reason.NO_PACKAGE: "Nie ma pliku aktualizacji agenta. Utwórz go poleceniem: ./czujka build agent",
    Reason.NOT_LATER: "Najnowszy plik aktualizacji nie jest nowszy niż wersja, która była już wydana stacjom.",
    Reason.TOO_LARGE: "Plik aktualizacji jest za duży. Utwórz go ponownie: ./czujka build agent",
    Reason.NONE: "Nie ma wydania, które można zmienić. Rozpocznij je: ./czujka rollout start",
    Reason.EVERYWHERE: "Ta wersja jest już dla wszystkich stacji.",
}


@app.callback()
def group() -> None:
    """Nowe wersje agenta na stacjach."""


@app.command("start")
def start(
    home: HomeOption,
    delay_hours: Annotated[int, typer.Option(help="Za ile godzin stacje mają ją dostać.", min=0, max=720)] = 0,
) -> None:
    """Zacznij wydawać stacjom najnowszą zbudowaną wersję: najpierw 5% z nich."""
    folder, moment = Home(home.resolve()).agent_packages, now()
    not_before = moment + delay_hours * HOUR if delay_hours else 0
    with writing(open_home(home)) as session:
        try:
            _tell(session, rollouts.start(session, folder, WHO, moment, not_before))
        except CannotRollOut as error:
            _refused(error)


@app.command("promote")
def promote(home: HomeOption) -> None:
    """Wydaj wersję większej części stacji (5%, 25%, 100%) albo wznów zatrzymane wydanie."""
    with writing(open_home(home)) as session:
        try:
            _tell(session, rollouts.promote(session, WHO, now()))
        except CannotRollOut as error:
            _refused(error)


@app.command("stop")
def stop(home: HomeOption) -> None:
    """Zatrzymaj wydanie. Stacje, które mają już nową wersję, zachowają ją."""
    with writing(open_home(home)) as session:
        try:
            _tell(session, rollouts.stop(session, WHO, now()))
        except CannotRollOut as error:
            _refused(error)


@app.command("status")
def status(home: HomeOption) -> None:
    """Pokaż ostatnie wydanie."""
    with open_home(home)() as session:
        row = rollouts.newest_of(session)
        if row is None:
            _refused(CannotRollOut(Reason.NONE))
        _tell(session, row)


def _tell(session: Session, row: Rollout) -> None:
    state = "trwa" if row.state == RolloutState.GOING else "zatrzymane"
    running, back = rollouts.count_running(session, row.version), rollouts.count_back(session, row.version)
    typer.echo(f"Wersja {row.version}: {state}, {row.ring}% stacji; działa na {running}, wycofana na {back}.")


def _refused(error: CannotRollOut) -> NoReturn:
    fail(RuntimeError(REASONS[error.reason]), Exit.NO)
