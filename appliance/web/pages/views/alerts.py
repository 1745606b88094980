"""Rows of alerts as lists show them, and filters as the address bar holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from appliance.alerts.service import OPEN, AlertFilter
from appliance.clock import DAY, HOUR
from appliance.state.hunts import HuntRun
from appliance.state.models import Alert, AlertState, User

SPANS = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
"""The stretches of time that lists offer, by the word in the address."""
STATES = ("open", "new", "received", "in_progress", "closed", "all")
FOUND = {"pozniej": True, "od-razu": False}
"""Whether a hunt found it later, by the word in the address."""
_TEXT = 200


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One line of a list of alerts; times in microseconds."""

    id: int
    level: int
    title: str
    host: str
    user: str
    process: str
    count: int
    state: str
    outcome: str
    owner: str
    late: bool
    created_at: int
    first_event_at: int
    hunt: str = ""
    """The name of the hunt that found it later; empty for what was found at once."""


def alert_row(
    alert: Alert, owners: Mapping[int, User], title: str = "", hunts: Mapping[int, HuntRun] | None = None
) -> AlertRow:
    """Return the line of an alert; `title` stands in place of its own, which is the rule's.

    `hunts` are those that found alerts later, by the alerts' ids.
    """
    owner = owners.get(alert.owner_id) if alert.owner_id is not None else None
    return AlertRow(
        id=alert.id,
        level=alert.level,
        title=title or alert.title,
        host=alert.host,
        user=alert.user,
        process=alert.process,
        count=alert.count,
        state=str(alert.state),
        outcome=str(alert.outcome or ""),
        owner=owner.name if owner else "",
        late=alert.late,
        created_at=alert.created_at,
        first_event_at=alert.first_event_at,
        hunt=hunts[alert.id].name if hunts and alert.id in hunts else "",
    )


def by_need(rows: Iterable[AlertRow]) -> list[AlertRow]:
    """Order alerts by who needs a person most: unclaimed first, then level, then the longest wait."""
    return sorted(rows, key=lambda row: (row.state != "new", -row.level, row.created_at, row.id))


@dataclass(frozen=True, slots=True)
class ListFilter:
    """What the address bar of the list of alerts says; anything it does not know counts as not said."""

    state: str = "open"
    level: str = ""
    host: str = ""
    rule: str = ""
    text: str = ""
    span: str = ""
    found: str = ""
    hunt: str = ""

    @property
    def is_default(self) -> bool:
        """Say whether nothing was filtered."""
        return self == ListFilter()

    def address(self, **more: str) -> str:
        """Return the query string of this filter, shortest form first."""
        pairs = {
            "stan": self.state if self.state != "open" else "",
            "poziom": self.level,
            "stacja": self.host,
            "regula": self.rule,
            "tekst": self.text,
            "czas": self.span,
            "kiedy": self.found,
            "poszukiwanie": self.hunt,
            **more,
        }
        return urlencode({name: value for name, value in pairs.items() if value})

    def wanted(self, now: int) -> AlertFilter:
        """Return the service's filter for it."""
        return AlertFilter(
            states=_states(self.state),
            min_level=int(self.level) if self.level else 0,
            host=self.host or None,
            rule_id=self.rule or None,
            text=self.text or None,
            since=now - SPANS[self.span] if self.span else None,
            found_later=FOUND.get(self.found),
            hunt_id=int(self.hunt) if self.hunt else None,
        )


def _states(name: str) -> frozenset[AlertState]:
    if name == "open":
        return OPEN
    return frozenset() if name == "all" else frozenset({AlertState(name)})


def list_filter(values: Mapping[str, str]) -> ListFilter:
    """Read a filter from an address."""
    state, level, span = values.get("stan", ""), values.get("poziom", ""), values.get("czas", "")
    found, hunt = values.get("kiedy", ""), values.get("poszukiwanie", "")
    return ListFilter(
        state=state if state in STATES else "open",
        level=level if level in {"1", "2", "3", "4"} else "",
        host=values.get("stacja", "").strip()[:_TEXT],
        rule=values.get("regula", "").strip()[:_TEXT],
        text=values.get("tekst", "").strip()[:_TEXT],
        span=span if span in SPANS else "",
        found=found if found in FOUND else "",
        hunt=hunt if hunt.isascii() and hunt.isdigit() and len(hunt) < 10 else "",
    )
