"""Evidence `/dowody`: how far the chain goes, its last seal and anchor, and a pack of evidence to take away."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import IO, TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import StreamingResponse

from appliance.clock import from_datetime
from appliance.evidence.chain import seal_of
from appliance.evidence.departure import Departure, departure
from appliance.evidence.keeper import Keeper
from appliance.evidence.keys import grouped
from appliance.evidence.ledger import EvidenceBusy, Ledger
from appliance.evidence.words import about_events
from appliance.language.dates import WARSAW, local
from appliance.language.typography import bind_spaces
from appliance.ops.operations import record
from appliance.pki import PkiError
from appliance.state.database import writing
from appliance.store import Missing, QueryTimeout, StoreUnavailable
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import page
from appliance.web.policy import Permission

if TYPE_CHECKING:
    from appliance.evidence.pack import Wanted

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.REPORTS_READ))]
Taker = Annotated[Principal, Depends(require(Permission.EVENTS_EXPORT))]
LONGEST, MOST = 31, 1_000_000
"""Days of one pack, and events of its segments; for more there is the command line, which keeps no browser waiting."""
_SPOOLED, _PART = 16 << 20, 1 << 16


@dataclass(frozen=True, slots=True)
class State:
    """What the page shows of the chain; `sealed_at` in microseconds."""

    entries: int
    sealed_at: int
    digest: str
    key: str
    anchors: Departure
    lost: int


def state_of(context: Context) -> State | None:
    """Return the state of the chain, None before it has begun. Raises sqlite3.Error."""
    if not context.home.evidence.exists():
        return None
    with Ledger(context.home.evidence) as ledger:
        line = ledger.last_seal()
        if line is None:
            return None
        seal = seal_of(line)
        with context.sessions() as session:
            anchors = departure(ledger, session, context.settings)
        lost = sum(1 for _ in ledger.of_kind("lost"))
    return State(seal["number"], seal["at"], seal["hash"], grouped(seal["key"]), anchors, lost)


def _page(request: Request, context: Context, who: Principal, /, status: int = 200, fault: str = "") -> Response:
    try:
        state = state_of(context)
    except (sqlite3.Error, ValueError):
        state, fault = None, fault or "evidence.broken"
    today = local(context.now()).date()
    try:
        missing = Missing.of(context.store.damaged())
    except (StoreUnavailable, QueryTimeout):
        missing = None
    values: dict[str, Any] = {"state": state, "folder": context.settings.evidence.folder, "longest": LONGEST}
    values |= {"today": today.isoformat(), "first": (today - timedelta(days=LONGEST - 1)).isoformat()}
    values |= {"missing": missing}
    values |= {"apart": bind_spaces(about_events(context.settings, who.language), who.language)}
    told = catalogue().text(fault, who.language) if fault else ""
    return page(request, context, who, "reports", "evidence.html", status=status, fault=told, **values)


@router.get("/dowody")
def evidence(request: Request, context: Box, who: Reader) -> Response:
    """Show the state of the chain."""
    return _page(request, context, who)


@router.post("/dowody/paczka")
def take(
    request: Request,
    context: Box,
    who: Taker,
    first: Annotated[str, Form(max_length=10)] = "",
    last: Annotated[str, Form(max_length=10)] = "",
    alert: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Make a pack and send it."""
    # pyarrow takes memory; the console has it once somebody takes a pack.
    from appliance.evidence.events import Damaged  # noqa: PLC0415 - memory, as said
    from appliance.evidence.pack import Away, NoAlert, PackFault, TooMany, export  # noqa: PLC0415 - memory, as said

    wanted = _wanted(first, last, alert)
    if wanted is None:
        return _page(request, context, who, status=422, fault="evidence.bad_range")
    detail = {"since": wanted.start, "until": wanted.end, "alert": wanted.alert}
    with writing(context.sessions) as session:
        record(session, who.who, "evidence.exported", "", context.now(), **detail)
    # Closed by the stream that sends it.
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115 - as said
    try:
        made = export(Keeper(context.home, context.settings, context.sessions, context.now), wanted, file)
    except (PackFault, Damaged, PkiError, EvidenceBusy, sqlite3.Error, OSError) as error:
        file.close()
        told = ((TooMany, "evidence.too_many"), (NoAlert, "evidence.no_alert"), (Away, "evidence.away"))
        key = next((key for kind, key in told if isinstance(error, kind)), "evidence.failed")
        return _page(request, context, who, status=409, fault=key)
    what = f"alert-{wanted.alert}" if wanted.alert is not None else f"{first}-{last}"
    name = f"czujka-dowody-{what}{'-niepelna' if made.gaps else ''}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_parts(file), media_type="application/zip", headers=headers)


def _wanted(first: str, last: str, alert: str) -> Wanted | None:
    """Return what the form asks for, None when that is no range and no alert."""
    from appliance.evidence.pack import Wanted  # noqa: PLC0415 - as above

    try:
        if alert.strip():
            number = int(alert)
            return Wanted(alert=number) if 0 < number < 1 << 53 else None
        start, end = date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1)
        if not 1 <= (end - start).days <= LONGEST:
            return None
        return Wanted(_midnight(start), _midnight(end), most=MOST)
    except (ValueError, OverflowError):
        return None


def _midnight(day: date) -> int:
    return from_datetime(datetime.combine(day, time(), WARSAW))


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while part := file.read(_PART):
            yield part
