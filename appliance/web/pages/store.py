"""The store `/magazyn`: how large it is, how long what is kept, when the disk will be full, and what is held."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from appliance.clock import DAY, from_datetime
from appliance.language.dates import WARSAW, local
from appliance.ops.forecast import WINDOW, Forecast, forecast
from appliance.ops.holds import HOST, REASON, Wish
from appliance.store import DayUsage, Keeping, Missing, StoreUnavailable, Usage
from appliance.store.classes import ORDINARY, Classes, shipped
from appliance.web.api.common import Number
from appliance.web.api.holds import lift_for, set_for, shown
from appliance.web.auth import Principal, require
from appliance.web.charts import Bars, stacked
from appliance.web.context import Box, Context
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, page
from appliance.web.pages.views.cluster import cluster_view
from appliance.web.policy import Permission
from appliance.web.problem import Problem, text_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.HEALTH_READ))]
Setter = Annotated[Principal, Depends(require(Permission.HOLDS_SET))]
COLUMNS = 30
"""Days of arrival in the chart."""
DAMAGED = 100
"""Damaged files that are named."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class of events: days that it is kept by the settings, and what there is of it. `oldest` in microseconds.

    `originals`: whether its events are kept together with the records that they came in; None where some are.
    """

    name: str
    days: int
    basis: str
    events: int
    bytes: int
    oldest: int | None
    originals: bool | None


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of the disk, and how many of them the store may have at most."""

    total: int
    free: int
    room: int


def kept_days(context: Context) -> dict[str, int]:
    """Return for how many days each class is kept."""
    return context.settings.store.kept_days()


def disk_of(context: Context, held: int) -> Disk:
    """Return the disk of the store, which has `held` bytes now."""
    found = shutil.disk_usage(context.home.store)
    room = min(int(found.total * context.settings.store.disk_share), held + found.free)
    return Disk(found.total, found.free, room)


def rows_of(
    usage: Usage, days: dict[str, int], classes: Classes, language: str, mixed: str, originals: Collection[str]
) -> list[ClassRow]:
    """Return a row for each class, for those that are gone from the file where there is any, and for what has none."""
    gone = sorted({one.source_class for one in usage.days} - {one.id for one in classes.listed} - {ORDINARY, ""})
    bases = {one.id: one.basis for one in classes.listed}
    rows = []
    for source_class in [one.id for one in classes.listed] + [*gone, ORDINARY, ""]:
        found = [one for one in usage.days if one.source_class == source_class]
        if found or source_class:
            name = classes.name(source_class, language) if source_class else mixed
            events, size = sum(one.events for one in found), sum(one.bytes for one in found)
            oldest = min((one.day for one in found), default=None)
            kept = days.get(source_class, max(days.values()))
            began = None if oldest is None else oldest * DAY
            whose = source_class in originals if source_class else None if originals else False
            rows.append(ClassRow(name, kept, bases.get(source_class, ""), events, size, began, whose))
    return rows


def chart_of(days: Sequence[DayUsage], today: int) -> tuple[Bars, list[tuple[int, int]]]:
    """Return the bars of the last days of arrival, and the same as (time of the day, events)."""
    counts = {today - COLUMNS + 1 + n: 0 for n in range(COLUMNS)}
    for one in days:
        if one.day in counts:
            counts[one.day] += one.events
    return stacked([list(counts.values())]), [(day * DAY, events) for day, events in counts.items()]


def _page(request: Request, context: Context, who: Principal, /, status: int = 200, fault: str = "") -> Response:
    values: dict[str, Any] = {"holds": shown(context), "reason_most": REASON, "host_most": HOST, "window": WINDOW}
    values["cluster"] = cluster_view(context, who.language)
    values["today"] = local(context.now()).date().isoformat()
    try:
        stats, usage, damaged = context.store.stats(), context.store.usage(), context.store.damaged()
    except StoreUnavailable:
        return page(request, context, who, "health", "store.html", status=status, fault=fault, stats=None, **values)
    today, days = context.now() // DAY, kept_days(context)
    disk = disk_of(context, stats.bytes)
    told: Forecast | None = forecast(usage.days, today, Keeping(days, disk.room))
    mixed = catalogue().text("store.mixed", who.language)
    chart, counts = chart_of(usage.days, today)
    values |= {"stats": stats, "usage": usage, "disk": disk, "forecast": told, "chart": chart, "counts": counts}
    values |= {"damaged": damaged[:DAMAGED], "damaged_more": max(0, len(damaged) - DAMAGED)}
    values |= {"missing": Missing.of(damaged)}
    values |= {"local": context.settings.store.local}
    values |= {"full": None if told is None or told.full is None else told.full * DAY}
    values |= {"classes": rows_of(usage, days, shipped(), who.language, mixed, context.settings.store.originals)}
    return page(request, context, who, "health", "store.html", status=status, fault=fault, **values)


@router.get("/magazyn")
def store(request: Request, context: Box, who: Reader) -> Response:
    """Show the store."""
    return _page(request, context, who)


@router.post("/magazyn/blokady")
def hold(
    request: Request,
    context: Box,
    who: Setter,
    reason: Annotated[str, Form(max_length=REASON)] = "",
    first: Annotated[str, Form(max_length=10)] = "",
    last: Annotated[str, Form(max_length=10)] = "",
    host: Annotated[str, Form(max_length=HOST)] = "",
    alert: Annotated[str, Form(max_length=12)] = "",
    until: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Set a hold on whole days, or on an alert."""
    try:
        number = int(alert) if alert.strip() else None
        start, end = (None, None) if number else (_midnight(first), _midnight(last, 1))
        wish = Wish(reason, start, end, host, number, _midnight(until, 1))
    except (ValueError, OverflowError):
        return _page(request, context, who, status=422, fault=text_of("hold_range", who.language, {}))
    try:
        set_for(context, who, wish)
    except Problem as problem:
        return _page(request, context, who, status=problem.status, fault=text_of(problem.code, who.language, {}))
    return back_to("/magazyn", "hold_set")


@router.post("/magazyn/blokady/{number}/zdejmij")
def lift(context: Box, who: Setter, number: Number) -> Response:
    """Lift a hold."""
    lift_for(context, who, number)
    return back_to("/magazyn", "hold_lifted")


def _midnight(day: str, later: int = 0) -> int | None:
    """Return the beginning of a day in Warsaw, or of a later one; None for an empty text. Raises ValueError."""
    if not day.strip():
        return None
    return from_datetime(datetime.combine(date.fromisoformat(day) + timedelta(days=later), time(), WARSAW))
