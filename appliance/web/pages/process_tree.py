"""The tree of processes around an event: on a page of its own `/zdarzenia/{id}/drzewo`, and on that of an alert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from appliance.store import ProcessNode, ProcessTree, QueryStopped, QueryTimeout, StoreUnavailable
from appliance.store.bounds import bounded
from appliance.store.processes import is_start
from appliance.web.api.common import EventId
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.alerted import events_alerted
from appliance.web.pages.shell import page
from appliance.web.pages.views import events as view
from appliance.web.pages.views.process import Process, has_process, process_tree
from appliance.web.policy import Permission
from appliance.web.problem import Problem
from appliance.web.stopping import stoppable

router = APIRouter(include_in_schema=False, dependencies=[Depends(stoppable)])
Reader = Annotated[Principal, Depends(require(Permission.EVENTS_READ))]
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reach:
    """How much of a tree is asked for: generations each way, processes in all, seconds."""

    up: int
    down: int
    limit: int
    seconds: float


WHOLE = Reach(50, 50, 500, 15.0)
BESIDE = Reach(20, 3, 40, 3.0)
"""What stands on the page of an alert, which must not wait."""


@dataclass(frozen=True, slots=True)
class Grown:
    """A tree from its top with the number of known starts in it.

    `partial` = a bound cut it, `silent` = the store did not answer in time.
    """

    top: Process
    count: int
    partial: bool
    silent: bool


def grown(context: Context, session: Session, event: view.Event, reach: Reach) -> Grown | None:
    """Return the tree around an event, as far as it can be had; None where the event has no process."""
    if not has_process(event):
        return None
    silent = False
    try:
        with bounded(seconds=reach.seconds):
            tree = context.store.process_tree(dict(event), reach.up, reach.down, reach.limit)
    except QueryStopped:
        raise
    except (QueryTimeout, StoreUnavailable):
        _log.exception("process_tree_failed", id=event.get("event.id"))
        tree, silent = ProcessTree([ProcessNode(dict(event), None)], complete=False), True
    ids = [str(node.event["event.id"]) for node in tree.nodes]
    top = process_tree(tree, str(event["event.id"]), events_alerted(session, ids))
    starts = sum(is_start(node.event) for node in tree.nodes)
    return Grown(top, max(1, starts), not tree.complete, silent) if top else None


@router.get("/zdarzenia/{event_id}/drzewo")
def show(request: Request, context: Box, who: Reader, event_id: EventId) -> Response:
    """Draw the processes above an event and below it."""
    event = context.store.get(event_id)
    if event is None:
        raise Problem(404, "event_unknown")
    with context.sessions() as session:
        tree = grown(context, session, event, WHOLE)
        row = view.event_row(event, events_alerted(session, [event_id]))
    return page(request, context, who, "events", "process_tree.html", tree=tree, row=row)
