"""The start page `/` and its live part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.alerts.service import OPEN, AlertFilter, counts, found_later, owners
from appliance.clock import DAY
from appliance.journal import JournalUnavailable
from appliance.language import dates, numbers
from appliance.ops.health import health
from appliance.state.models import Agent, AgentState, Alert, Loss, Outbox
from appliance.stations.silence import SILENT
from appliance.store import Missing, QueryTimeout, StoreUnavailable
from appliance.web.auth import Principal, require
from appliance.web.charts import hours_back, out_of_hours, stacked
from appliance.web.context import Box, Context
from appliance.web.pages.cardview import own_title
from appliance.web.pages.panels import PanelSpec, dashboard
from appliance.web.pages.render import catalogue, render
from appliance.web.pages.shell import page, shell
from appliance.web.pages.views import pulpit as view
from appliance.web.pages.views.alerts import alert_row
from appliance.web.pages.views.cluster import ClusterView, cluster_view
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.ALERTS_READ))]
_log = structlog.get_logger()
_SILENT_NAMED = 3
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, ready to draw."""

    layout: str
    panels: tuple[object, ...]


class Gatherer:
    """Reads what the panels show, once a request."""

    def __init__(self, context: Context, session: Session, lang: str) -> None:
        self.context = context
        self.session = session
        self.lang = lang
        self.now = context.now()
        self.say = catalogue()
        self.health = health(context)
        active = select(Agent).where(Agent.state == AgentState.ACTIVE).order_by(Agent.hostname, Agent.id)
        self.agents = list(session.scalars(active))
        self.live = sum(1 for agent in self.agents if agent.seen_at and self.now - agent.seen_at <= SILENT)
        self.open = counts(session, AlertFilter(states=OPEN))
        self.today = dates.local(self.now).replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def midnight(self) -> int:
        """Start of the local day in microseconds."""
        return int(self.today.timestamp()) * 1_000_000

    def text(self, key: str, **values: object) -> str:
        """Return a text in the reader's language."""
        return self.say.text(key, self.lang, **values)

    def lost(self) -> int:
        """Return the events known to be lost since midnight."""
        total = self.session.scalar(select(func.sum(Loss.count)).where(Loss.hour >= self.midnight))
        return int(total or 0)

    def last_event(self) -> int | None:
        """Return the time of the newest event of any station."""
        return max((agent.event_at for agent in self.agents if agent.event_at), default=None)

    def state(self) -> view.State:
        """Return the state sentence."""
        new = (Alert.state == "new", Alert.late.is_(False))
        found = select(func.count(), func.max(Alert.level), func.min(Alert.created_at)).where(*new)
        waiting, worst, oldest = self.session.execute(found).one()
        late = select(func.count()).where(Alert.state == "new", Alert.late.is_(True))
        facts = view.Facts(
            now=self.now,
            live=self.live,
            total=len(self.agents),
            faults=tuple(self.text(f"role_name.{name}") for name in self.health.faults),
            waiting=waiting,
            worst=worst or 0,
            oldest=oldest,
            late=self.session.scalar(late) or 0,
            last_event=self.last_event(),
            kept=self._asked(lambda: self.context.store.stats().events) if not self.agents else None,
            lost_today=self.lost(),
        )
        return view.state_of(facts, self.say, self.lang)

    def queue(self, spec: PanelSpec) -> view.QueuePanel:
        """Return the alerts that need a person, most needed first."""
        order = (Alert.state != "new", Alert.late, Alert.level.desc(), Alert.created_at, Alert.id)
        found = list(
            self.session.scalars(select(Alert).where(Alert.state.in_(OPEN)).order_by(*order).limit(spec.limit))
        )
        people, hunts = owners(self.session, found), found_later(self.session, found)
        last = self.last_event()
        return view.QueuePanel(
            spec.id,
            spec.kind,
            spec.title,
            [alert_row(alert, people, own_title(alert.rule_id, self.lang), hunts) for alert in found],
            sum(self.open.values()) - len(found),
            self.text("pulpit.empty", live=self.live, total=len(self.agents), last=self._age(last)),
            self.text("pulpit.empty_gap") if self.live < len(self.agents) else "",
        )

    def _age(self, micros: int | None) -> str:
        return self.text("time.never") if micros is None else dates.age(micros, self.now, self.lang)

    def strip(self, spec: PanelSpec) -> view.StripPanel:
        """Return events an hour; where the store does not answer, a panel that says so."""
        start, end = hours_back(self.now, spec.hours, dates.WARSAW)
        try:
            series = [
                [bucket.count for bucket in self.context.store.histogram(one.query, start, end, spec.hours)]
                for one in spec.series
            ]
            missing = Missing.of(self.context.store.damaged(start, end))
        except (QueryTimeout, StoreUnavailable):
            _log.exception("strip_failed")
            return view.StripPanel(spec.id, spec.kind, spec.title, fault=True)
        hourly = [sum(row[hour] for row in series) for hour in range(spec.hours)]
        rows = self.session.execute(
            select(Alert.first_event_at, Alert.level).where(Alert.first_event_at >= start, Alert.first_event_at < end)
        )
        return view.StripPanel(
            spec.id,
            spec.kind,
            spec.title,
            fault=False,
            chart=stacked(series, out_of_hours(start, spec.hours, dates.WARSAW)),
            label=self.text("pulpit.strip_label", total=sum(hourly), most=max(hourly, default=0)),
            names=tuple(one.name for one in spec.series),
            marks=view.marks_of([(at, level) for at, level in rows], start, spec.hours, self.lang),
            ticks=tuple(dates.clock(start + hour * 3_600_000_000, self.lang) for hour in range(0, spec.hours, 2)),
            table=view.strip_table(series, start, self.lang),
            empty=not any(hourly),
            newest=self._newest() if not any(hourly) else "",
            missing=missing,
        )

    def _newest(self) -> str:
        newest = self._asked(lambda: self.context.store.stats().newest)
        return "" if newest is None else dates.short_moment(newest, self.lang)

    def stations(self, spec: PanelSpec) -> view.StationsPanel:
        """Return the station board."""
        hosts = self.session.execute(select(Alert.host, func.count()).where(Alert.state.in_(OPEN)).group_by(Alert.host))
        shown = self.agents[: spec.limit]
        cells = view.board(shown, dict(hosts.all()), self.now, SILENT)
        silent = [agent for agent in self.agents if agent.seen_at and self.now - agent.seen_at > SILENT]
        return view.StationsPanel(
            spec.id,
            spec.kind,
            spec.title,
            self.live,
            len(self.agents),
            cells,
            tuple(sorted({cell.kind for cell in cells})),
            tuple(view.Silent(agent.hostname, agent.seen_at or 0) for agent in silent[:_SILENT_NAMED]),
        )

    def watch(self, spec: PanelSpec) -> view.LinesPanel:
        """Return what else watches: the roles, the rules, the messages that wait."""
        roles = [
            view.Line(
                self.text(f"role_name.{role.role}"),
                self.text("pulpit.role_ok" if role.alive else "pulpit.role_bad"),
                "ok" if role.alive else "bad",
            )
            for role in self.health.roles
        ]
        cluster = cluster_view(self.context, self.lang)
        if cluster is not None:
            roles.append(view.Line(self.text("cluster.title"), self._of_cluster(cluster), cluster.alarm, "/magazyn"))
        rules = self.context.rules()
        messages = select(func.count()).select_from(Outbox).where(Outbox.state == "waiting")
        more = [
            view.Line(self.text("pulpit.rules_on"), self._n(len(rules.rules)), href="/reguly"),
            view.Line(self.text("pulpit.mail"), self._n(self.session.scalar(messages) or 0)),
        ]
        if rules.faults:
            more.append(view.Line(self.text("pulpit.rules_bad"), self._n(len(rules.faults)), href="/reguly?stan=bledy"))
        return view.LinesPanel(spec.id, spec.kind, spec.title, (*roles, *more))

    def _of_cluster(self, cluster: ClusterView) -> str:
        if cluster.away_since is not None:
            return self.text("cluster.away", since=dates.since(cluster.away_since, self.now, self.lang))
        return self.text(f"cluster.alarm_{cluster.alarm}")

    def ledger(self, spec: PanelSpec) -> view.LinesPanel:
        """Return today's account of events; its parts add up to the sum it shows."""
        stored = self._stored_today()
        underway = sum(agent.spooled for agent in self.agents)
        lost = self.lost()
        gaps = select(func.count()).select_from(Loss).where(Loss.hour >= self.midnight, Loss.count == 0)
        lines = [
            self._figure("pulpit.stored", stored),
            self._figure("pulpit.underway", underway),
            self._figure("pulpit.lost", lost, bad=lost > 0, sum=lost > 0),
            self._figure("pulpit.sent", None if stored is None else stored + underway + lost, sum=True),
            self._figure("pulpit.gaps", self.session.scalar(gaps) or 0),
            self._figure("pulpit.dead", self._asked(self.context.dead_letters.count), href="/zdrowie/odrzucone"),
        ]
        missing = self._asked(lambda: Missing.of(self.context.store.damaged(self.midnight, self.midnight + DAY)))
        return view.LinesPanel(spec.id, spec.kind, spec.title, tuple(lines), self.text("pulpit.ledger_note"), missing)

    def _figure(self, key: str, value: int | None, **more: Any) -> view.Line:
        """Return a line of figures; a value that could not be read is said to be unknown, never nothing."""
        return view.Line(self.text(key), self.text("pulpit.unknown") if value is None else self._n(value), **more)

    def _stored_today(self) -> int | None:
        return self._asked(
            lambda: sum(
                bucket.count for bucket in self.context.store.histogram("", self.midnight, self.midnight + DAY, 1)
            )
        )

    def _asked(self, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except (QueryTimeout, StoreUnavailable, JournalUnavailable):
            _log.exception("panel_failed")
            return None

    def _n(self, value: int) -> str:
        return numbers.number(value, self.lang)

    def panel(self, spec: PanelSpec) -> object:
        """Return a panel by its kind."""
        drawn: dict[str, Callable[[PanelSpec], object]] = {
            "queue": self.queue,
            "strip": self.strip,
            "stations": self.stations,
            "watch": self.watch,
            "ledger": self.ledger,
        }
        return drawn[spec.kind](spec)


@router.get("/")
def start(request: Request, context: Box, who: Reader) -> Response:
    """Show the start page."""
    with context.sessions() as session:
        gather = Gatherer(context, session, who.language)
        return page(request, context, who, "pulpit", "pulpit.html", state=gather.state(), rows=_rows(gather))


def _rows(gather: Gatherer) -> list[Row]:
    return [Row(row.layout, tuple(gather.panel(spec) for spec in row.panels)) for row in dashboard("pulpit")]


@router.get("/na-zywo")
def live(request: Request, context: Box, who: Reader, wszystko: bool = False) -> Response:
    """Return the parts of the start page that change: the sentence, the queue, the count; or every panel."""
    spec = next(panel for row in dashboard("pulpit") for panel in row.panels if panel.kind == "queue")
    with context.sessions() as session:
        gather = Gatherer(context, session, who.language)
        frame = shell(request, context, who, "pulpit")
        rows = _rows(gather) if wszystko else []
        values = {"shell": frame, "state": gather.state(), "queue": gather.queue(spec), "rows": rows}
    return HTMLResponse(render("pulpit_live.html", who.language, frame.now, values))
