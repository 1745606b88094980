"""What the start page says: the state sentence with its proof, and the lines of its panels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from appliance.clock import HOUR
from appliance.language import dates
from appliance.state.models import Agent
from appliance.store import Missing
from appliance.web.charts import Bars
from appliance.web.i18n import Catalogue
from appliance.web.pages.views.alerts import AlertRow


@dataclass(frozen=True, slots=True)
class Half:
    """One half of the state sentence; `kind` is ok or bad, `weight` sets the half that needs a person in bold."""

    text: str
    kind: str = "ok"
    weight: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """The sentence that opens the start page, and the line that proves it."""

    halves: tuple[Half, ...]
    proof: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the state sentence is made of; times in microseconds."""

    now: int
    live: int
    total: int
    faults: tuple[str, ...]
    """Roles or parts of the box that do not answer."""
    waiting: int
    worst: int
    oldest: int | None
    last_event: int | None
    lost_today: int
    late: int = 0
    """Alerts that wait and rest on old, imported events."""
    kept: int | None = None
    """Events in the history where there is no station, None where that does not matter or is unknown."""


def state_of(facts: Facts, say: Catalogue, lang: str) -> State:
    """Return the state sentence."""
    return State((_watching(facts, say, lang), _waiting(facts, say, lang)), _proof(facts, say, lang))


def _watching(facts: Facts, say: Catalogue, lang: str) -> Half:
    if facts.faults:
        return Half(say.text("pulpit.broken", lang, parts=", ".join(facts.faults)), "bad", weight=True)
    if facts.total == 0:
        return Half(say.text("pulpit.no_sources", lang), weight=True)
    if facts.live == 0:
        return Half(say.text("pulpit.all_silent", lang), "bad", weight=True)
    silent = facts.total - facts.live
    if silent:
        return Half(say.text("pulpit.some_silent", lang, n=silent))
    return Half(say.text("pulpit.watching", lang))


def _waiting(facts: Facts, say: Catalogue, lang: str) -> Half:
    if not facts.waiting or facts.oldest is None:
        if facts.late:
            return Half(say.text("pulpit.only_late", lang, n=facts.late), weight=True)
        return Half(say.text("pulpit.nothing", lang))
    level = say.text(f"level_word.{facts.worst}", lang)
    since = dates.since(facts.oldest, facts.now, lang)
    said = say.text("pulpit.waiting", lang, n=facts.waiting, level=level, since=since)
    more = " " + say.text("pulpit.and_late", lang, n=facts.late) if facts.late else ""
    return Half(said + more, weight=True)


def _proof(facts: Facts, say: Catalogue, lang: str) -> str:
    if facts.last_event is None:
        if facts.kept:
            return say.text("pulpit.proof_imported", lang, n=facts.kept)
        if facts.kept is None and facts.total == 0:
            return say.text("pulpit.proof_unknown", lang)
        return say.text("pulpit.proof_never", lang)
    last = dates.age(facts.last_event, facts.now, lang)
    return say.text("pulpit.proof", lang, last=last, live=facts.live, total=facts.total, lost=facts.lost_today)


@dataclass(frozen=True, slots=True)
class QueuePanel:
    """Alerts that wait for a person."""

    id: str
    kind: str
    title: str
    rows: Sequence[AlertRow]
    more: int
    empty: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A severity mark above an hour of the strip; `column` counts from 1."""

    column: int
    level: int
    count: int
    label: str
    href: str


@dataclass(frozen=True, slots=True)
class TableLine:
    """One line of a chart's table."""

    label: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StripPanel:
    """Events an hour as stacked bars with the alerts above."""

    id: str
    kind: str
    title: str
    fault: bool
    chart: Bars | None = None
    label: str = ""
    names: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    ticks: tuple[str, ...] = ()
    table: tuple[TableLine, ...] = ()
    empty: bool = False
    newest: str = ""
    """Time of the newest event of the history, said where the strip has none."""
    missing: Missing | None = None
    """What of the time is damaged."""


def marks_of(alerts: Iterable[tuple[int, int]], start: int, hours: int, lang: str) -> tuple[Mark, ...]:
    """Return one mark an hour, with the worst level and the count; `alerts` are (first event µs, level)."""
    found: dict[int, list[int]] = {}
    for at, level in alerts:
        column = (at - start) // HOUR
        if 0 <= column < hours:
            found.setdefault(column, []).append(level)
    return tuple(
        Mark(
            column + 1, max(levels), len(levels), dates.clock(start + column * HOUR, lang), "/alerty?stan=all&czas=24h"
        )
        for column, levels in sorted(found.items())
    )


def strip_table(series: Sequence[Sequence[int]], start: int, lang: str) -> tuple[TableLine, ...]:
    """Return the strip's figures by hour."""
    columns = len(series[0]) if series else 0
    return tuple(
        TableLine(dates.short_moment(start + hour * HOUR, lang), tuple(row[hour] for row in series))
        for hour in range(columns)
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """One station on the board: on, alert, silent or off."""

    host: str
    kind: str
    query: str


@dataclass(frozen=True, slots=True)
class Silent:
    """A station that is not heard, and since when (µs)."""

    host: str
    since: int


@dataclass(frozen=True, slots=True)
class StationsPanel:
    """The station board."""

    id: str
    kind: str
    title: str
    live: int
    total: int
    cells: tuple[Cell, ...]
    kinds: tuple[str, ...]
    silent: tuple[Silent, ...]


def board(agents: Sequence[Agent], alerted: Mapping[str, int], now: int, silent_after: int) -> tuple[Cell, ...]:
    """Return the cells of the stations in force; `alerted` names the hosts with open alerts."""
    return tuple(
        Cell(agent.hostname, _cell(agent, alerted, now, silent_after), f'agent.id:"{agent.id}"') for agent in agents
    )


def _cell(agent: Agent, alerted: Mapping[str, int], now: int, silent_after: int) -> str:
    if agent.seen_at is None:
        return "off"
    if now - agent.seen_at > silent_after:
        return "silent"
    return "alert" if alerted.get(agent.hostname) else "on"


@dataclass(frozen=True, slots=True)
class Line:
    """A name and a fact; `kind` sets a state mark before it."""

    name: str
    text: str
    kind: str = ""
    href: str = ""
    sum: bool = False
    bad: bool = False


@dataclass(frozen=True, slots=True)
class LinesPanel:
    """A short list of facts."""

    id: str
    kind: str
    title: str
    lines: tuple[Line, ...]
    note: str = ""
    missing: Missing | None = None
    """What of the time of the figures is damaged."""
