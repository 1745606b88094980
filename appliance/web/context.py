"""What the console and the API work with. Made once a process, handed to every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session, sessionmaker

from appliance import clock
from appliance.home import Home
from appliance.settings import Settings
from appliance.store.elastic.finding import Watched
from appliance.web.vision import Vision

if TYPE_CHECKING:
    from appliance.detect import RuleSet
    from appliance.journal import DeadLetters, Journal
    from appliance.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the box that answer a request.

    `sessions` opens sessions of the state database; use `appliance.state.database.writing` for changes.
    `rules` returns the rules in force. `now` returns microseconds since the epoch.
    """

    home: Home
    settings: Settings
    sessions: sessionmaker[Session]
    store: Store
    journal: Journal
    dead_letters: DeadLetters
    rules: Callable[[], RuleSet]
    now: Callable[[], int] = clock.now
    vision: Vision = field(default_factory=Vision)

    def watched(self) -> Watched | None:
        """Return what the last check of the cluster found, None where no cluster has events or nothing is known yet."""
        return Watched.load(self.home.cluster) if self.settings.store.clustered else None


def context_of(request: Request) -> Context:
    """Return the context of the app that serves a request."""
    context: Context = request.app.state.context
    return context


Box = Annotated[Context, Depends(context_of)]
"""Parameter type of a route that works with the box."""
