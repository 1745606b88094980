"""Rules `/reguly`: what is in force, what each has seen, and what could not be loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy import select

from appliance.alerts.service import AlertFilter, count_alerts
from appliance.detect import Rule
from appliance.detect.correlation import Correlation
from appliance.detect.visibility import Sight, State
from appliance.ops.overview import WITHOUT_DATA
from appliance.state.models import RuleState
from appliance.web.auth import Principal, require
from appliance.web.context import Box
from appliance.web.explaining import content_of
from appliance.web.pages.cardview import card_preview, own_title
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import page
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.RULES_READ))]
PAGE = 100
SOURCE = 200_000
"""Bytes of a rule file that are shown."""
SORTS = ("poziom", "trafienia", "nazwa")


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One line of the list; times in microseconds."""

    id: str
    title: str
    original: str
    level: int
    status: str
    source: str
    matched_at: int | None
    hits: int
    sight: Sight
    tags: str


def rule_row(rule: Rule | Correlation, state: RuleState | None, sight: Sight | None, language: str) -> RuleRow:
    """Return the line of a rule; one with its own card has the card's plain title, and its `original` beside it."""
    matched, hits = (state.matched_at, state.hits) if state else (None, 0)
    plain = own_title(rule.id, language) if language == "pl" else ""
    return RuleRow(
        rule.id,
        plain or rule.title,
        rule.title if plain else "",
        rule.level,
        rule.status,
        source_of(rule, language),
        matched,
        hits,
        # A rule that has just been loaded is not in the overview yet.
        sight or Sight(rule.id, State.SILENT),
        " ".join(rule.tags),
    )


def source_of(rule: Rule | Correlation, language: str) -> str:
    """Return what a rule is about: its log source, or the type of a correlation."""
    if isinstance(rule, Rule):
        return str(rule.logsource)
    kind = catalogue().text(f"correlation.{rule.kind.value}", language)
    return catalogue().text("rules.correlation", language, kind=kind)


def chosen(rows: Iterable[RuleRow], text: str, level: int | None, only: str, sort: str) -> list[RuleRow]:
    """Filter and order rules: by a part of title, source, tags or id, by level, by what they see and have matched."""
    low = text.casefold()
    kept = [
        row
        for row in rows
        if (not low or low in f"{row.title} {row.original} {row.source} {row.id} {row.tags}".casefold())
        and (level is None or row.level == level)
        and _WHICH.get(only, _any)(row)
    ]
    keys = {
        "trafienia": lambda row: (-row.hits, -row.level, row.title),
        "nazwa": lambda row: (row.title, row.id),
    }
    return sorted(kept, key=keys.get(sort, lambda row: (-row.level, row.title, row.id)))


def _any(row: RuleRow) -> bool:
    return bool(row.id)


#: The words of the address -> which rules it asks for.
_WHICH: Mapping[str, Callable[[RuleRow], bool]] = {
    "trafione": lambda row: row.hits > 0,
    "nigdy": lambda row: row.hits == 0,
    "bez-danych": lambda row: row.sight.state in WITHOUT_DATA,
    "bez-zrodla": lambda row: row.sight.state is State.UNFED,
    "bez-zdarzen": lambda row: row.sight.state is State.SILENT,
    "bez-pol": lambda row: row.sight.state is State.BLIND,
    "czesc-pol": lambda row: row.sight.state is State.LIMITED,
}


def _number(values: Mapping[str, str], name: str, most: int) -> int | None:
    text = values.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= most else None


@router.get("/reguly")
def rules(request: Request, context: Box, who: Reader) -> Response:
    """List the rules."""
    ask = request.query_params
    text, only = ask.get("tekst", "").strip()[:200], ask.get("stan", "")
    level, sort = _number(ask, "poziom", 4), ask.get("sort", SORTS[0])
    start = _number(ask, "od", 1_000_000) or 0
    ruleset = context.rules()
    with context.sessions() as session:
        states = {state.rule_id: state for state in session.scalars(select(RuleState))}
    content: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    view = context.vision.of(context)
    made = [rule_row(rule, states.get(rule.id), view.sights.get(rule.id), who.language) for rule in content]
    rows = chosen(made, text, level, only, sort)
    asked = {"tekst": text, "stan": only, "poziom": "" if level is None else str(level), "sort": sort}
    kept = {name: value for name, value in asked.items() if value and (name, value) != ("sort", SORTS[0])}
    return page(
        request,
        context,
        who,
        "rules",
        "rules.html",
        rows=rows[start : start + PAGE],
        found=len(rows),
        total=len(content),
        retired=ruleset.retired,
        matched=sum(1 for row in rows if row.hits),
        without=sum(row.sight.state in WITHOUT_DATA for row in made),
        faults=ruleset.faults[:500],
        fault_count=len(ruleset.faults),
        asked=asked,
        sorts={name: urlencode({**kept, "sort": name}) for name in SORTS},
        next=urlencode({**kept, "od": str(start + PAGE)}) if start + PAGE < len(rows) else "",
        first=urlencode(kept),
        later=start > 0,
        filtered=bool(kept),
    )


@router.get("/reguly/{rule_id}")
def rule(request: Request, context: Box, who: Reader, rule_id: Annotated[str, Path(max_length=64)]) -> Response:
    """Show one rule: its source, its card, its life."""
    found = content_of(context, rule_id)
    if found is None:
        raise Problem(404, "rule_unknown")
    with context.sessions() as session:
        state = session.get(RuleState, rule_id)
        alerts = count_alerts(session, AlertFilter(rule_id=rule_id))
    view = context.vision.of(context)
    cost = view.cost(rule_id)
    return page(
        request,
        context,
        who,
        "rules",
        "rule.html",
        rule=found,
        row=rule_row(found, state, view.sights.get(rule_id), who.language),
        days=view.days,
        hits_a_day=round(view.hits_a_day(rule_id), 1),
        cost=None if cost is None else round(cost / 1000, 1),
        tested_at=state.tested_at if state else None,
        alerts=alerts,
        source=_source(found),
        card=card_preview(found, who.language),
    )


def _source(found: Rule | Correlation) -> str:
    try:
        with File(found.source_file).open("rb") as handle:
            return handle.read(SOURCE).decode("utf-8", "replace")
    except OSError:
        return ""
