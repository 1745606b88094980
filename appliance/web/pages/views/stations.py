"""The list of stations: what one line shows, and the filter as the address bar holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from appliance.clock import DAY, MINUTE, rfc3339
from appliance.intake.heartbeat import LOSSES
from appliance.state.models import Agent, AgentState
from appliance.stations.kinds import is_sensor, system_of
from appliance.stations.look import Figures, score
from appliance.stations.silence import SILENT
from appliance.web.pages.render import catalogue
from appliance.web.pages.views.events import term

SKEWED = MINUTE
"""A clock that is off by more is worth a word."""
ENDING = 21 * DAY
"""A certificate that ends sooner has missed its renewal."""
STATES = ("heard", "silent", "never", "quarantine", "revoked", "replaced")
GONE = frozenset({"revoked", "replaced"})
"""States in which a station will never send again."""
SYSTEMS = ("windows", "linux")
KINDS = ("agent", "sensor")
WEAK = ("tak", "atak")
"""Any known weakness; one that is used in attacks."""
_TEXT = 200


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor of a station; `reason` is a catalogue key or what the agent said, `figures` what it counts."""

    name: str
    kind: str
    state: str
    reason: str
    reason_key: str
    figures: dict[str, int]

    @property
    def losses(self) -> tuple[tuple[str, int], ...]:
        """What it passed over since its start, the worst first."""
        return tuple((name, self.figures[name]) for name in LOSSES if self.figures.get(name))


@dataclass(frozen=True, slots=True)
class Station:
    """One station; times and spans in microseconds."""

    id: str
    hostname: str
    os: str
    system: str
    """`windows`, `linux`, or empty where the agent has not said."""
    role: str
    """`agent`, or `sensor` of the network."""
    version: str
    address: str
    kind: str
    state: str
    seen_at: int | None
    enrolled_at: int
    lag_us: int | None
    skew_us: int
    skewed: bool
    behind: bool
    """Its clock is behind the box's, else ahead or the same."""
    rtt_us: int
    skew_at: int | None
    spooled: int
    records: int
    expires_at: int
    gone: bool
    """It will never send again."""
    replaced_by: str
    """The station that its machine is now; empty for none."""
    ending: bool
    sensors: tuple[Sensor, ...]
    query: str
    figures: Figures
    score: int | None

    @property
    def troubled(self) -> tuple[Sensor, ...]:
        """The sensors that do not see all that they should."""
        return tuple(one for one in self.sensors if one.kind != "ok")


_KINDS_OF_STATES = {
    "quarantine": "bad", "revoked": "off", "replaced": "off", "never": "off", "silent": "late", "heard": "ok"
}  # fmt: skip


def station(
    agent: Agent, now: int, figures: Figures | None = None, weights: Mapping[str, int] | None = None
) -> Station:
    """Return what the pages show of an agent."""
    silent = agent.seen_at is None or now - agent.seen_at > SILENT
    decided = "" if agent.state == AgentState.ACTIVE else str(agent.state)
    state = decided or ("never" if agent.seen_at is None else "silent" if silent else "heard")
    known = figures or Figures()
    return Station(
        id=agent.id,
        hostname=agent.hostname,
        os=agent.os,
        system=system_of(agent.os),
        role="sensor" if is_sensor(agent) else "agent",
        version=agent.version,
        address=agent.address,
        kind=_KINDS_OF_STATES[state],
        state=state,
        seen_at=agent.seen_at,
        enrolled_at=agent.enrolled_at,
        lag_us=max(0, now - agent.event_at) if agent.event_at is not None else None,
        skew_us=abs(agent.skew_us),
        skewed=abs(agent.skew_us) > SKEWED,
        behind=agent.skew_us > 0,
        rtt_us=agent.rtt_us,
        skew_at=agent.skew_at,
        spooled=agent.spooled,
        records=agent.records,
        expires_at=agent.expires_at,
        gone=state in GONE,
        replaced_by=agent.replaced_by or "",
        ending=state not in GONE and agent.expires_at - now < ENDING,
        sensors=sensors_of(agent),
        query=term("agent.id", agent.id),
        figures=known,
        score=score(known.results, weights or {}),
    )


def sensors_of(agent: Agent) -> tuple[Sensor, ...]:
    """Return what an agent said of its sensors."""
    return tuple(_sensor(one) for one in agent.sensors[:50] if isinstance(one, dict))


def _sensor(told: dict[str, object]) -> Sensor:
    state = str(told.get("state", "off"))
    state = state if state in {"on", "off", "limited"} else "off"
    reason = str(told.get("reason") or "")[:200]
    kind = {"on": "ok", "limited": "late", "off": "off"}[state]
    figures = told.get("figures")
    key = reason if reason in catalogue() else ""
    return Sensor(
        str(told.get("name", ""))[:100], kind, state, reason, key, figures if isinstance(figures, dict) else {}
    )


@dataclass(frozen=True, slots=True)
class StationFilter:
    """What the address bar says; anything that it does not know counts as not said."""

    text: str = ""
    state: str = ""
    system: str = ""
    role: str = ""
    failing: str = ""
    """A check that does not pass."""
    weak: str = ""

    @property
    def is_default(self) -> bool:
        """Say whether nothing was filtered."""
        return self == StationFilter()

    @property
    def address(self) -> str:
        """Return the query string of this filter, shortest form first."""
        pairs = {
            "tekst": self.text,
            "stan": self.state,
            "system": self.system,
            "rodzaj": self.role,
            "brak": self.failing,
            "podatne": self.weak,
        }
        return urlencode({name: value for name, value in pairs.items() if value})

    def takes(self, one: Station) -> bool:
        """Tell whether a station is asked for."""
        said = f"{one.hostname} {one.os} {one.address} {one.id}".casefold()
        weak = {"": 1, "tak": one.figures.weaknesses, "atak": one.figures.exploited}[self.weak]
        return bool(
            self.text.casefold() in said
            and self.state in {"", one.state}
            and self.system in {"", one.system}
            and self.role in {"", one.role}
            and (not self.failing or one.figures.results.get(self.failing, "pass") != "pass")
            and weak
        )


def station_filter(values: Mapping[str, str]) -> StationFilter:
    """Read a filter from an address."""

    def one_of(name: str, known: Iterable[str]) -> str:
        return values.get(name, "") if values.get(name, "") in known else ""

    return StationFilter(
        text=values.get("tekst", "").strip()[:_TEXT],
        state=one_of("stan", STATES),
        system=one_of("system", SYSTEMS),
        role=one_of("rodzaj", KINDS),
        failing=values.get("brak", "").strip()[:64],
        weak=one_of("podatne", WEAK),
    )


COLUMNS = (
    "hostname", "id", "os", "address", "version", "role", "state", "seen_at", "lag_seconds", "spooled", "skew_seconds",
    "gap_hours_24h", "lost_24h", "open_alerts", "posture_percent", "posture_failing", "posture_unknown", "weaknesses",
    "exploited", "certificate_ends", "records",
)  # fmt: skip
"""Columns of the CSV."""


def csv_line(one: Station) -> dict[str, object]:
    """Return a station as a line of the CSV; what is not known is empty."""
    results = list(one.figures.results.values())
    return {
        **{name: getattr(one, name) for name in ("hostname", "id", "os", "address", "version", "role", "state")},
        "seen_at": rfc3339(one.seen_at) if one.seen_at is not None else "",
        "lag_seconds": one.lag_us // 1_000_000 if one.lag_us is not None else "",
        "spooled": one.spooled,
        "skew_seconds": one.skew_us // 1_000_000,
        "gap_hours_24h": one.figures.gaps,
        "lost_24h": one.figures.lost,
        "open_alerts": one.figures.alerts,
        "posture_percent": one.score if one.score is not None else "",
        "posture_failing": results.count("fail"),
        "posture_unknown": results.count("unknown"),
        "weaknesses": one.figures.weaknesses if one.figures.matched or one.figures.weaknesses else "",
        "exploited": one.figures.exploited if one.figures.matched or one.figures.exploited else "",
        "certificate_ends": rfc3339(one.expires_at),
        "records": one.records,
    }
