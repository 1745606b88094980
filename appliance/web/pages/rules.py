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
from appliance.detect import Rule, RuleSet
from appliance.detect.correlation import Correlation
from appliance.detect.visibility import Sight, State
from appliance.ops.overview import WITHOUT_DATA
from appliance.rulesets import Listed, Off, Why, listed
from appliance.state.models import RuleState
from appliance.web.auth import Principal, require
from appliance.web.context import Box
from appliance.web.explaining import listing_of
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
    sight: Sight | None
    """None for what is off; a correlation sees what its rules see."""
    tags: str
    kind: str
    """`office`, `folder`, `shipped` or `imported`."""
    release: str
    off: str
    """Why it is off; empty when it is on."""
    detail: str
    former: bool
    serves: tuple[tuple[str, str], ...]
    """Id and title of the correlations in force that refer to it."""
    silent: bool
    """It is at work for these alone."""
    together: bool
    """It is a correlation."""

    @property
    def state(self) -> State | None:
        """What it sees."""
        return self.sight.state if self.sight else None


def rule_row(
    one: Listed, state: RuleState | None, sight: Sight | None, language: str, titles: Mapping[str, str]
) -> RuleRow:
    """Return the line of a rule; one with its own card has the card's plain title, and its `original` beside it.

    `titles` are what rules are called, by id.
    """
    rule, off = one.rule, None if one.at_work else one.off
    matched, hits = (state.matched_at, state.hits) if state else (None, 0)
    title = titles.get(rule.id, rule.title)
    return RuleRow(
        rule.id,
        title,
        rule.title if title != rule.title else "",
        rule.level,
        rule.status,
        source_of(rule, language),
        matched,
        hits,
        _seen(one, sight),
        " ".join(rule.tags),
        one.origin.kind.value,
        one.origin.label,
        off.why.value if off else "",
        _detail(off, rule, language),
        one.former,
        tuple((name, titles.get(name, name)) for name in one.serves),
        one.silent,
        isinstance(rule, Correlation),
    )


def titles_of(ruleset: RuleSet, language: str) -> dict[str, str]:
    """Return what every rule is called, by its id: by its own card in Polish, else by its author."""
    return {
        one.rule.id: (own_title(one.rule.id, language) if language == "pl" else "") or one.rule.title
        for one in sorted(listed(ruleset), key=lambda one: one.at_work)
    }


def _seen(one: Listed, sight: Sight | None) -> Sight | None:
    if not one.at_work:
        return None
    # A rule that has just been loaded is not in the overview yet.
    return sight or Sight(one.rule.id, State.SILENT)


def _detail(off: Off | None, rule: Rule | Correlation, language: str) -> str:
    if off is not None and off.why is Why.LEVEL:
        return catalogue().text(f"level.{rule.level}", language)
    return off.detail if off else ""


def source_of(rule: Rule | Correlation, language: str) -> str:
    """Return what a rule is about: its log source, or the type of a correlation."""
    if isinstance(rule, Rule):
        return str(rule.logsource)
    kind = catalogue().text(f"correlation.{rule.kind.value}", language)
    return catalogue().text("rules.correlation", language, kind=kind)


def chosen(
    rows: Iterable[RuleRow], text: str, level: int | None, only: str, sort: str, kind: str = ""
) -> list[RuleRow]:
    """Filter and order rules: by a part of title, source, tags or id, by level, by origin, by what they see and do."""
    low = text.casefold()
    kept = [
        row
        for row in rows
        if (not low or low in f"{row.title} {row.original} {row.source} {row.id} {row.tags}".casefold())
        and (level is None or row.level == level)
        and _WHICH.get(only, _any)(row)
        and (not kind or row.kind == kind)
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
    "nigdy": lambda row: row.hits == 0 and not row.off,
    "wlaczone": lambda row: not row.off,
    "wylaczone": lambda row: bool(row.off),
    "sluza": lambda row: bool(row.serves),
    "bez-danych": lambda row: row.state in WITHOUT_DATA,
    "bez-zrodla": lambda row: row.state is State.UNFED,
    "bez-zdarzen": lambda row: row.state is State.SILENT,
    "bez-pol": lambda row: row.state is State.BLIND,
    "czesc-pol": lambda row: row.state is State.LIMITED,
}


def _number(values: Mapping[str, str], name: str, most: int) -> int | None:
    text = values.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= most else None


@router.get("/reguly")
def rules(request: Request, context: Box, who: Reader) -> Response:
    """List the rules."""
    ask = request.query_params
    text, only, kind = ask.get("tekst", "").strip()[:200], ask.get("stan", ""), ask.get("skad", "")[:20]
    level, sort = _number(ask, "poziom", 4), ask.get("sort", SORTS[0])
    start = _number(ask, "od", 1_000_000) or 0
    ruleset = context.rules()
    with context.sessions() as session:
        states = {state.rule_id: state for state in session.scalars(select(RuleState))}
    view = context.vision.of(context)
    titles = titles_of(ruleset, who.language)
    made = [
        rule_row(one, states.get(one.rule.id), view.sights.get(one.rule.id), who.language, titles)
        for one in listed(ruleset)
    ]
    rows = chosen(made, text, level, only, sort, kind)
    asked = {"tekst": text, "stan": only, "skad": kind, "poziom": "" if level is None else str(level), "sort": sort}
    kept = {name: value for name, value in asked.items() if value and (name, value) != ("sort", SORTS[0])}
    return page(
        request,
        context,
        who,
        "rules",
        "rules.html",
        rows=rows[start : start + PAGE],
        found=len(rows),
        total=sum(not row.off for row in made),
        listed=len(made),
        retired=ruleset.retired,
        matched=sum(row.hits > 0 for row in made),
        without=sum(row.state in WITHOUT_DATA for row in made),
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
    one = listing_of(context, rule_id)
    if one is None:
        raise Problem(404, "rule_unknown")
    found = one.rule
    with context.sessions() as session:
        state = session.get(RuleState, rule_id)
        alerts = count_alerts(session, AlertFilter(rule_id=rule_id))
    view = context.vision.of(context)
    sight, titles = view.sights.get(rule_id), titles_of(context.rules(), who.language)
    cost = view.cost(rule_id)
    return page(
        request,
        context,
        who,
        "rules",
        "rule.html",
        rule=found,
        one=one,
        row=rule_row(one, state, sight, who.language, titles),
        without=[(name, titles.get(name, name)) for name in sight.without] if sight else [],
        days=view.days,
        hits_a_day=round(view.hits_a_day(rule_id), 1),
        cost=None if cost is None else round(cost / 1000, 1),
        tested_at=state.tested_at if state else None,
        alerts=alerts,
        source=_source(found),
        card=card_preview(found, context.settings.office, who.language),
    )


def _source(found: Rule | Correlation) -> str:
    try:
        with File(found.source_file).open("rb") as handle:
            return handle.read(SOURCE).decode("utf-8", "replace")
    except OSError:
        return ""
