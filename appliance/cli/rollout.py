"""`czujka rollout`: newer versions of the agent, ring by ring. Works with or without a running box."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from sqlalchemy.orm import Session

from appliance.cli.client import HomeOption, fail, printable
from appliance.cli.exits import Exit
from appliance.cli.state import open_home
from appliance.clock import HOUR, now
from appliance.home import Home
from appliance.state.database import writing
from appliance.state.updates import Rollout, RolloutState
from appliance.updates import rollouts
from appliance.updates.progress import Standing, progress
from appliance.updates.rollouts import CannotRollOut, Reason

app = typer.Typer(no_args_is_help=True, help="Nowe wersje agenta na stacjach.")
WHO = "czujka"
REASONS: Mapping[Reason, str] = {
    Reason.NO_PACKAGE: "Nie ma pliku aktualizacji agenta. Utwórz go poleceniem: ./czujka build agent",
    Reason.NOT_LATER: "Najnowszy plik aktualizacji nie jest nowszy niż wersja, która była już wydana stacjom.",
    Reason.TOO_LARGE: "Plik aktualizacji jest za duży. Utwórz go ponownie: ./czujka build agent",
    Reason.NONE: "Nie ma wydania, które można zmienić. Rozpocznij je: ./czujka rollout start",
    Reason.EVERYWHERE: "Ta wersja jest już dla wszystkich stacji.",
    Reason.STOPPED: "Wydanie jest zatrzymane. Najpierw je wznów: ./czujka rollout resume",
    Reason.ENDED: "To wydanie jest zakończone. Można wydać tylko późniejszą wersję: ./czujka rollout start",
    Reason.CHANGED: "Wydanie jest już w tym stanie. Sprawdź: ./czujka rollout status",
}
STATES: Mapping[RolloutState, str] = {
    RolloutState.GOING: "trwa",
    RolloutState.STOPPED: "zatrzymane",
    RolloutState.ENDED: "zakończone",
}
WHY: Mapping[str, str] = {"crashed": "kończyła się sama", "silent": "nie połączyła się z Czujką"}


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
    _done(home, lambda session: rollouts.start(session, folder, WHO, moment, not_before))


@app.command("promote")
def promote(home: HomeOption) -> None:
    """Wydaj wersję większej części stacji (5%, 25%, 100%)."""
    _done(home, lambda session: rollouts.promote(session, WHO, now()))


@app.command("stop")
def stop(home: HomeOption) -> None:
    """Zatrzymaj wydanie. Stacje, które mają już nową wersję, zachowają ją."""
    _done(home, lambda session: rollouts.stop(session, WHO, now()))


@app.command("resume")
def resume(home: HomeOption) -> None:
    """Wznów zatrzymane wydanie, dla tej samej części stacji."""
    _done(home, lambda session: rollouts.resume(session, WHO, now()))


@app.command("end")
def end(home: HomeOption) -> None:
    """Zakończ wydanie na stałe. Potem można wydać tylko późniejszą wersję."""
    _done(home, lambda session: rollouts.end(session, WHO, now()))


@app.command("status")
def status(home: HomeOption) -> None:
    """Pokaż ostatnie wydanie, każdą część stacji i stacje, które wróciły."""
    with open_home(home)() as session:
        row = rollouts.newest_of(session)
        if row is None:
            _refused(CannotRollOut(Reason.NONE))
        _tell(session, row)
        known = progress(session, row, now())
        for one in known.rings:
            has, silent, back = (one.standing[name] for name in (Standing.HAS, Standing.SILENT, Standing.BACK))
            typer.echo(f"  do {one.ring}%: {one.total}, ma {has}, czeka {one.waits}, milczy {silent}, wróciła {back}")
        for place in known.those(Standing.BACK):
            typer.echo(f"  wróciła: {printable(place.agent.hostname)} ({WHY[place.back.reason] if place.back else ''})")


def _done(home: Path, act: Callable[[Session], Rollout]) -> None:
    with writing(open_home(home)) as session:
        try:
            _tell(session, act(session))
        except CannotRollOut as error:
            _refused(error)


def _tell(session: Session, row: Rollout) -> None:
    state = STATES[row.state]
    running, back = rollouts.count_running(session, row.version), rollouts.count_back(session, row.version)
    typer.echo(f"Wersja {row.version}: {state}, {row.ring}% stacji; działa na {running}, wycofana na {back}.")


def _refused(error: CannotRollOut) -> NoReturn:
    fail(RuntimeError(REASONS[error.reason]), Exit.NO)
