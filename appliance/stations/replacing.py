"""Machines that enrolled again under a new identity: found by their marks, decided on by a person alone.

A machine that gets its system anew enrols as another station. Its old record then stays silent for ever, and looks like
a computer whose agent somebody has stopped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.clock import MINUTE
from appliance.ops.operations import record
from appliance.state.models import Agent, AgentState
from appliance.state.pairs import StationPair
from appliance.state.stations import StationItem

OVERLAP = 5 * MINUTE
"""So long after the new station's enrolment the old one may still have been heard: its last heartbeat was under way."""
CROWD = 4
"""A mark that more stations than this have says nothing: a name of an image, a serial number that nobody set."""
_LIVE = frozenset({AgentState.ACTIVE, AgentState.QUARANTINE})
_NO_SERIAL = frozenset({"none", "default string", "to be filled by o.e.m.", "not specified", "system serial number"})
_NO_NAME = frozenset({"", "localhost", "debian", "ubuntu"})


class Mark(StrEnum):
    """By what two stations look like one machine, the strongest first."""

    SERIAL = "serial"
    """The serial number that the maker gave it."""
    CARD = "card"
    """A network card."""
    MACHINE = "machine"
    """The installation of the system: the agent alone was installed anew."""
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Offer:
    """Two stations that may be one machine; `differs` when both have a serial number, and not the same."""

    old: Agent
    new: Agent
    marks: tuple[Mark, ...]
    differs: bool


class NotOffered(LookupError):
    """Nothing is to be decided on these two stations."""


def offers(session: Session) -> list[Offer]:
    """Return what waits for a decision: for each old station the newest that it may have become."""
    agents = {agent.id: agent for agent in session.scalars(select(Agent).where(Agent.state.in_(_LIVE)))}
    decided = {(pair.old, pair.new) for pair in session.scalars(select(StationPair))}
    marks = _marks(session, agents)
    found: dict[str, Offer] = {}
    for new in sorted(agents.values(), key=lambda agent: agent.enrolled_at):
        for old in _alike(new, agents, marks):
            if (old.id, new.id) not in decided:
                found[old.id] = _offer(old, new, marks)
    return sorted(found.values(), key=lambda one: (one.new.hostname, one.new.id, one.old.id))


def replace(session: Session, who: str, old: str, new: str, now: int) -> Offer:
    """Retire an old station in favour of the new one; it keeps its history. Raises NotOffered."""
    offer = _decided(session, who, old, new, now=now, replaced=True)
    offer.old.state, offer.old.replaced_by = AgentState.REPLACED, new
    names = {"hostname": offer.old.hostname, "by": new, "by_hostname": offer.new.hostname}
    record(session, who, "agent.replaced", old, now, **names, marks=list(offer.marks))
    return offer


def keep_both(session: Session, who: str, old: str, new: str, now: int) -> Offer:
    """Let both stations stand, for they are two machines; it is not asked again. Raises NotOffered."""
    offer = _decided(session, who, old, new, now=now, replaced=False)
    record(session, who, "agent.kept_both", old, now, hostname=offer.old.hostname, other=new)
    return offer


def _decided(session: Session, who: str, old: str, new: str, *, now: int, replaced: bool) -> Offer:
    offer = next((one for one in offers(session) if (one.old.id, one.new.id) == (old, new)), None)
    if offer is None:
        raise NotOffered(old)
    session.add(StationPair(old=old, new=new, replaced=replaced, who=who[:120], at=now))
    return offer


_Marks = Mapping[str, frozenset[tuple[Mark, str]]]


def _marks(session: Session, agents: Mapping[str, Agent]) -> _Marks:
    """Return the marks of each station that tell it from others."""
    found: dict[str, set[tuple[Mark, str]]] = defaultdict(set)
    for agent in agents.values():
        if agent.machine:
            found[agent.id].add((Mark.MACHINE, agent.machine))
        if agent.hostname.casefold() not in _NO_NAME:
            found[agent.id].add((Mark.NAME, agent.hostname.casefold()))
    row = StationItem
    hardware = select(row).where(row.section == "hardware", row.gone_at.is_(None))
    for item in session.scalars(hardware.where((row.key == "machine") | row.key.startswith("card:"))):
        if item.agent_id in agents:
            found[item.agent_id].update(_of_hardware(item))
    having: dict[tuple[Mark, str], int] = defaultdict(int)
    for marks in found.values():
        for mark in marks:
            having[mark] += 1
    return {agent: frozenset(mark for mark in marks if having[mark] <= CROWD) for agent, marks in found.items()}


def _of_hardware(item: StationItem) -> Iterator[tuple[Mark, str]]:
    serial = str(item.fields.get("device.serial_number") or "").strip().casefold()
    if len(set(serial)) > 2 and serial not in _NO_SERIAL:
        yield Mark.SERIAL, serial
    cards = item.fields.get("inventory.mac")
    for card in cards if isinstance(cards, list) else ():
        address = str(card).lower().replace("-", ":")
        if _of_its_maker(address):
            yield Mark.CARD, address


def _of_its_maker(address: str) -> bool:
    """Say whether a card's address was given by its maker: neither made up locally nor that of a group."""
    try:
        return len(address) == 17 and not int(address[:2], 16) & 3 and any(sign not in "0:" for sign in address)
    except ValueError:
        return False


def _alike(new: Agent, agents: Mapping[str, Agent], marks: _Marks) -> Iterable[Agent]:
    """Yield the stations before this one that have a mark of it and were not heard since it came."""
    if new.state != AgentState.ACTIVE:
        return
    mine = marks.get(new.id, frozenset())
    for old in agents.values():
        gone = old.seen_at is None or old.seen_at <= new.enrolled_at + OVERLAP
        if old.enrolled_at < new.enrolled_at and gone and mine & marks.get(old.id, frozenset()):
            yield old


def _offer(old: Agent, new: Agent, marks: _Marks) -> Offer:
    common = {mark for mark, _ in marks[old.id] & marks[new.id]}
    serials = [{value for mark, value in marks[one.id] if mark is Mark.SERIAL} for one in (old, new)]
    differs = bool(serials[0] and serials[1] and not serials[0] & serials[1])
    return Offer(old, new, tuple(mark for mark in Mark if mark in common), differs)
