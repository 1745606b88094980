"""Writing what agents tell of their stations into the state database, in the session of the caller.

Every step may be repeated: appliance/stations/reduce.py decides, and a row changes in one transaction with the note of
its change. A station has bounds on items and bytes; what is beyond is counted and shown, never kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from agent.wire import inventory
from appliance.clock import DAY, HOUR
from appliance.state.models import Agent
from appliance.state.stations import StationChange, StationFinding, StationItem, StationSection
from appliance.stations.reduce import (
    RESTARTED,
    STALE,
    Change,
    Finding,
    Item,
    Section,
    finding_after,
    item_after,
    state_kind,
)
from appliance.stations.told import FindingTold, ItemTold, StateTold, Told, TooLarge, read

MAX_ITEMS, MAX_BYTES = 30_000, 16 << 20
"""Items of one station, gone ones among them, and bytes of their canonical texts."""
MAX_FINDINGS = 500
MAX_CHANGES = 3000
"""Changes that are kept of one station, the newest."""
GONE_KEPT = 90 * DAY
"""How long an item that is gone is remembered."""
ASK_AGAIN = 6 * HOUR
"""How long the box waits before it asks for an inventory again that still differs."""
POSTURE = "posture"
_KEYS = 400


def take(session: Session, events: Iterable[Mapping[str, Any]], now: int) -> None:
    """Take in what events tell of the stations that sent them; of a sender that is no station nothing is kept."""
    by_agent: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        by_agent[str(event.get("agent.id"))].append(event)
    for agent in session.scalars(select(Agent.id).where(Agent.id.in_(by_agent))):
        _Station(session, agent, now).take(by_agent[agent])


class _Station:
    """One station within one session."""

    def __init__(self, session: Session, agent: str, now: int) -> None:
        self.session, self.agent, self.now = session, agent, now
        self.refused: Counter[str] = Counter()
        self.changes: list[StationChange] = []
        self.sections = {row.section: row for row in session.scalars(self._of(StationSection))}

    def take(self, events: Sequence[Mapping[str, Any]]) -> None:
        told = list(self._read(events))
        self._items([one for one in told if isinstance(one, ItemTold)])
        self._findings([one for one in told if isinstance(one, FindingTold)])
        self.session.flush()
        newest = {one.section: one for one in told if isinstance(one, StateTold)}
        for state in newest.values():
            self._state(state)
        for section, count in self.refused.items():
            if section in self.sections:
                self.sections[section].refused += count
        self._note()

    def _of(self, table: Any) -> Any:
        return select(table).where(table.agent_id == self.agent)

    def _read(self, events: Sequence[Mapping[str, Any]]) -> Iterator[Told]:
        for event in events:
            try:
                one = read(event, self.now)
            except TooLarge as error:
                self.refused[error.section] += 1
                continue
            if one is not None:
                yield one

    def _items(self, told: Sequence[ItemTold]) -> None:
        if not told:
            return
        rows = self._rows({(one.section, one.key) for one in told})
        count, size = self._room()
        for one in told:
            row = rows.get((one.section, one.key))
            after = item_after(_item(row) if row else None, one)
            if after is None:
                if row is not None:
                    row.told_at = self.now
                continue
            item, change = after
            grown = len(item.text.encode()) - (row.size if row else 0)
            if (row is None and count >= MAX_ITEMS) or (grown > 0 and size + grown > MAX_BYTES):
                self.refused[one.section] += 1
                continue
            count, size = count + (row is None), size + grown
            rows[one.section, one.key] = self._put(row, one, item)
            self._changed(one.section, one.key, one.at, change)

    def _rows(self, keys: set[tuple[str, str]]) -> dict[tuple[str, str], StationItem]:
        found: dict[tuple[str, str], StationItem] = {}
        by_section: dict[str, list[str]] = defaultdict(list)
        for section, key in keys:
            by_section[section].append(key)
        for section, names in by_section.items():
            left = iter(names)
            while some := list(islice(left, _KEYS)):
                query = self._of(StationItem).where(StationItem.section == section, StationItem.key.in_(some))
                found |= {(row.section, row.key): row for row in self.session.scalars(query)}
        return found

    def _room(self) -> tuple[int, int]:
        query = select(func.count(), func.coalesce(func.sum(StationItem.size), 0))
        count, size = self.session.execute(query.where(StationItem.agent_id == self.agent)).one()
        return int(count), int(size)

    def _put(self, row: StationItem | None, told: ItemTold, item: Item) -> StationItem:
        if row is None:
            row = StationItem(agent_id=self.agent, section=told.section, key=told.key, first_seen=item.first_seen)
            self.session.add(row)
        row.fields, row.size = dict(item.fields), len(item.text.encode())
        row.changed_at, row.gone_at, row.revision, row.at = item.changed_at, item.gone_at, item.revision, item.at
        row.told_at = self.now
        return row

    def _changed(self, section: str, key: str, at: int, change: Change | None) -> None:
        # The first telling of a section is no change of the station.
        if change is None or (section != POSTURE and section not in self.sections):
            return
        before = None if change.before is None else dict(change.before)
        after = None if change.after is None else dict(change.after)
        self.changes.append(
            StationChange(
                agent_id=self.agent, at=at, section=section, key=key, what=change.what, before=before, after=after
            )
        )

    def _findings(self, told: Sequence[FindingTold]) -> None:
        if not told:
            return
        rows = {row.name: row for row in self.session.scalars(self._of(StationFinding))}
        for one in told:
            row = rows.get(one.name)
            if row is None and len(rows) >= MAX_FINDINGS:
                continue
            after = finding_after(_finding(row) if row else None, one)
            if after is None:
                continue
            finding, change = after
            if row is None:
                row = rows[one.name] = StationFinding(agent_id=self.agent, name=one.name)
                self.session.add(row)
                change = None
            row.result, row.reason, row.value = finding.result, finding.reason, finding.value
            row.since, row.seen_at, row.revision = finding.since, finding.seen_at, finding.revision
            row.told_at = self.now
            self._changed(POSTURE, one.name, one.at, change)

    def _state(self, told: StateTold) -> None:
        row = self.sections.get(told.section)
        kind = state_kind(Section(row.revision, row.at) if row else None, told)
        if kind == STALE:
            return
        if row is None:
            row = StationSection(agent_id=self.agent, section=told.section, agrees=False, refused=0)
            self.sections[told.section] = row
            self.session.add(row)
        row.revision, row.at, row.told_at, row.problem = told.revision, told.at, self.now, told.problem
        if kind == RESTARTED:
            mine = (StationItem.agent_id == self.agent, StationItem.section == told.section)
            self.session.execute(update(StationItem).where(*mine).values(revision=0, at=0))
        row.agrees = self._agrees(row, told)
        if row.agrees:
            row.asked_at, row.refused = None, 0
            old = StationItem.gone_at < self.now - GONE_KEPT
            self.session.execute(delete(StationItem).where(StationItem.agent_id == self.agent, old))

    def _agrees(self, row: StationSection, told: StateTold) -> bool:
        """Compare; what was asked for whole and did not come with the rest is gone."""
        items = self.session.scalars(
            self._of(StationItem).where(StationItem.section == told.section, StationItem.gone_at.is_(None))
        ).all()
        if _is(items, told):
            return True
        asked = row.asked_at
        fresh = [item for item in items if asked is not None and item.told_at > asked]
        if asked is None or len(fresh) == len(items) or not _is(fresh, told):
            return False
        for item in (one for one in items if one.told_at <= asked):
            self._changed(told.section, item.key, told.at, Change("gone", item.fields, None))
            item.gone_at = item.changed_at = told.at
        return True

    def _note(self) -> None:
        if not self.changes:
            return
        self.session.add_all(self.changes[-MAX_CHANGES:])
        self.session.flush()
        mine = StationChange.agent_id == self.agent
        kept = select(StationChange.id).where(mine).order_by(StationChange.id.desc()).limit(1).offset(MAX_CHANGES)
        last = self.session.scalar(kept)
        if last is not None:
            self.session.execute(delete(StationChange).where(mine, StationChange.id <= last))


def _is(items: Sequence[StationItem], told: StateTold) -> bool:
    texts = [(item.key, inventory.canonical(item.fields)) for item in items]
    return len(texts) == told.count and inventory.digest(texts) == told.digest


def _item(row: StationItem) -> Item:
    text = inventory.canonical(row.fields)
    return Item(row.fields, text, row.first_seen, row.changed_at, row.gone_at, row.revision, row.at)


def _finding(row: StationFinding) -> Finding:
    return Finding(row.result, row.reason, row.value, row.since, row.seen_at, row.revision)


def refresh_wanted(session: Session, agent: str, now: int) -> bool:
    """Tell whether a station is to tell its whole inventory anew, and note that it is asked now."""
    # What the bounds left out would differ again.
    differs = (StationSection.agent_id == agent, StationSection.agrees.is_(False), StationSection.refused == 0)
    rows = session.scalars(select(StationSection).where(*differs)).all()
    due = [row for row in rows if row.asked_at is None or abs(now - row.asked_at) >= ASK_AGAIN]
    for row in due:
        row.asked_at = now
    return bool(due)
