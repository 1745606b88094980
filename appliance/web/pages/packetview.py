"""What pages show of flows: who talked to whom, and the packets as far as somebody asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from appliance.pki import importer_id
from appliance.slices.asked import UNREAD_YET, flow_of, is_there, latest
from appliance.slices.look import Summary
from appliance.state.models import Agent, AgentState
from appliance.state.slices import PacketSlice, SliceState
from appliance.web.auth import Principal
from appliance.web.context import Context
from appliance.web.pages.views.events import text_of
from appliance.web.policy import Permission

MOST = 5
"""Flows that one page shows."""
SENSOR = "network"
"""The sensor that keeps packets, as stations name it."""
_CARD = "zeek.notice.src_mac"
_KINDS = {"read": "ok", "waiting": "late", "taken": "late", "failed": "bad"}


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow; `askable` when its packets may be asked for now."""

    event_id: str
    name: str
    row: PacketSlice | None
    summary: Summary | None
    askable: bool

    @property
    def state(self) -> str:
        """The catalogue key under `packets.state`."""
        if self.row is None:
            return "unasked"
        return "removed" if self.row.removed_at is not None else str(self.row.state)

    @property
    def kind(self) -> str:
        """The state's mark."""
        return _KINDS.get(self.state, "off")

    @property
    def busy(self) -> bool:
        """Whether something is being done."""
        return self.state in {SliceState.WAITING, SliceState.TAKEN}

    @property
    def reason(self) -> str:
        """Why it failed or has no summary; a catalogue key under `packets.reason`."""
        return self.row.reason if self.row is not None else ""

    @property
    def there(self) -> bool:
        """Whether the file can be downloaded."""
        return self.row is not None and is_there(self.row)


def packets_of(
    context: Context, session: Session, who: Principal, events: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[Flow]:
    """Return the first flows that events tell of, none for who may not see packets."""
    if not who.may(Permission.PACKETS_TAKE):
        return []
    found: dict[tuple[str, str], Flow] = {}
    for event_id, event in events:
        flow = flow_of(event)
        if flow is None or flow in found or len(found) >= MOST:
            continue
        row = latest(session, *flow)
        summary = None if row is None or row.summary is None else Summary.model_validate(row.summary)
        askable = _wanted(row) and _keeps_packets(context, session, flow[1])
        found[flow] = Flow(event_id, _name(event), row, summary, askable)
    return list(found.values())


def _wanted(row: PacketSlice | None) -> bool:
    """Tell whether asking (again) would do anything."""
    if row is None or row.removed_at is not None or row.state in {SliceState.NONE, SliceState.FAILED}:
        return True
    return row.state == SliceState.READ and row.reason in UNREAD_YET


def _keeps_packets(context: Context, session: Session, agent_id: str) -> bool:
    """Tell whether there is somebody to ask: a network sensor, or this machine for what was imported."""
    try:
        if agent_id == importer_id(context.home):
            return True
    except OSError:
        return False
    agent = session.get(Agent, agent_id)
    if agent is None or agent.state != AgentState.ACTIVE:
        return False
    return any(one.get("name") == SENSOR for one in agent.sensors)


def _name(event: Mapping[str, Any]) -> str:
    """Return a flow's ends as text; of a dispute about an address, this address and whose card claims it."""
    if not event.get("destination.ip"):
        card = text_of(event.get(_CARD))
        return _end(event, "source") + (f" ({card})" if card else "")
    ends = (_end(event, side) for side in ("source", "destination"))
    transport = text_of(event.get("network.transport"))
    return " → ".join(ends) + (f" ({transport})" if transport else "")


def _end(event: Mapping[str, Any], side: str) -> str:
    address, port = text_of(event.get(f"{side}.ip")), text_of(event.get(f"{side}.port"))
    if not port:
        return address or "?"
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
