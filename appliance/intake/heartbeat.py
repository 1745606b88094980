"""What an agent says of itself now and then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import Session

from agent.wire.clocks import MOST as MAX_SKEW
from agent.wire.clocks import Measured
from appliance.intake.reading import text_of, whole_of
from appliance.intake.replies import Refused
from appliance.state.models import Agent

MAX_SENSORS = 64
MAX_OUTCOMES = 64
STATES = ("on", "off", "limited")
LOSSES = (
    "faults",
    "analysis",
    "given_up",
    "flooded",
    "evicted",
    "neighbours",
    "fragments",
    "rare",
    "slices",
    "unflagged",
)
"""What a sensor may say that it passed over since its start, the worst first: counts that `sensor.loss.…` explains."""
FIGURES = ("frames", "bits", "drops", "two_way", *LOSSES, "unread", "weird", "others")
"""What a sensor may say in numbers: frames and bits a second, frames lost so far, percent of two-way flows, what it
passed over itself, packets with broken headers, breaches of protocols, frames of protocols that are not read.
"""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """An agent's word on its machine, its spool and its sensors; `sent_at` in microseconds, 0 when not said."""

    hostname: str
    os: str
    version: str
    spooled: int
    sensors: tuple[dict[str, object], ...]
    sent_at: int
    update_failed: Mapping[str, str]
    """The version of the agent that was no good on this machine and why; empty when none was."""
    policy: str = ""
    """Digest of the policy in force there; empty from what obeys none."""
    policy_number: int = 0
    """Of the policy in force there; 0 from an older agent and before the first."""
    outcomes: tuple[tuple[int, str], ...] = ()
    """What became of commands, by their numbers."""
    measured: Measured | None = None
    """What its last exchange told of its clock; of older agents only the heartbeat's own time is known."""
    update_waits: str = ""
    """Why a newer version of the agent waits there; empty when none does."""


def parse_heartbeat(value: Mapping[str, object]) -> Heartbeat:
    """Read a heartbeat's JSON; raises Refused when it has another form. Texts are cut to their bounds."""
    return Heartbeat(
        hostname=text_of(value, "hostname", 255, needed=True),
        os=text_of(value, "os", 120),
        version=text_of(value, "version", 32),
        spooled=min(whole_of(value, "spooled"), (1 << 31) - 1),
        sensors=_sensors(value.get("sensors", []), value.get("figures", {})),
        sent_at=whole_of(value, "sent_at"),
        update_failed=_failed(value.get("update_failed", {})),
        policy=text_of(value, "policy", 32),
        policy_number=whole_of(value, "policy_number"),
        outcomes=_outcomes(value.get("commands", [])),
        update_waits=text_of(value, "update_waits", 16),
    )


def save_heartbeat(session: Session, agent_id: str, beat: Heartbeat, address: str, now: int) -> None:
    """Write what a heartbeat says into its agent's row."""
    passed = max(-MAX_SKEW, min(MAX_SKEW, now - beat.sent_at)) if beat.sent_at else 0
    skew = beat.measured or Measured(passed, 0)
    session.execute(
        update(Agent)
        .where(Agent.id == agent_id)
        .values(
            hostname=beat.hostname,
            os=beat.os,
            version=beat.version,
            address=address,
            spooled=beat.spooled,
            sensors=list(beat.sensors),
            skew_us=skew.offset,
            rtt_us=skew.rtt,
            skew_at=now if beat.measured or beat.sent_at else None,
            seen_at=now,
        )
    )


def _failed(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise Refused(400, "update_failed is not an object")
    return {name: text_of(value, name, 32) for name in ("version", "reason")} if value else {}


def _outcomes(value: object) -> tuple[tuple[int, str], ...]:
    if not isinstance(value, list) or len(value) > MAX_OUTCOMES:
        raise Refused(400, f"commands is not a list of at most {MAX_OUTCOMES}")
    pairs = [one for one in value if isinstance(one, list) and len(one) == 2]
    return tuple(
        (number, str(outcome)[:16]) for number, outcome in pairs if type(number) is int and 0 < number < 1 << 62
    )


def _sensors(value: object, figures: object) -> tuple[dict[str, object], ...]:
    if not isinstance(value, list) or len(value) > MAX_SENSORS:
        raise Refused(400, f"sensors is not a list of at most {MAX_SENSORS}")
    if not isinstance(figures, dict):
        raise Refused(400, "figures is not an object")
    return tuple(_sensor(one, figures) for one in value)


def _sensor(value: object, figures: Mapping[str, object]) -> dict[str, object]:
    if not isinstance(value, dict) or value.get("state") not in STATES:
        raise Refused(400, "a sensor has no state that the wire knows")
    name = text_of(value, "name", 64)
    told: dict[str, object] = {"name": name, "state": value["state"], "reason": text_of(value, "reason", 120)}
    numbers = figures.get(name)
    if isinstance(numbers, dict):
        told["figures"] = {figure: whole_of(numbers, figure) for figure in FIGURES if figure in numbers}
    return told
