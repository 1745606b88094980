"""Segments into the chain: new ones are sealed, merged and deleted ones are accounted for.

A merged segment is proved to have the events of those it replaced: its rows that came from one of them have, in their
order, that one's digest. Which row came from where is kept beside the chain, and its digest stands in the entry.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from appliance.clock import DAY
from appliance.evidence import events
from appliance.evidence.inventory import Inventory, Stored, take
from appliance.evidence.keys import EvidenceKey
from appliance.evidence.ledger import Appending, Draft, Ledger, Live

MERGED_DAYS = 7
"""Ids and leaves are kept for so many days of arrival; older segments are not merged any more."""
log = structlog.get_logger()


@dataclass(slots=True)
class _Group:
    """What came and what went of one day of arrival, live or late."""

    new: list[Stored]
    gone: list[Live]


@dataclass(frozen=True, slots=True)
class Sealer:
    """Carries one store's segments into a chain. `clock` gives microseconds since the epoch."""

    ledger: Ledger
    key: EvidenceKey
    folder: Path
    clock: Callable[[], int]

    def run(self) -> int:
        """Bring the chain up to what the manifest says; return how many segments were sealed.

        Raises sqlite3.Error and OSError; what was appended until then stays.
        """
        found = take(self.folder, int(self.ledger.cursor("deletion") or 0))
        if found is None:
            return 0
        live = self.ledger.live()
        gone = {file: one for file, one in live.items() if not _same(found.segments.get(file), one)}
        self._deletions(found, gone)
        sealed = 0
        for group in _groups(found, live, gone):
            sealed += self._group(group)
        self._let_go()
        return sealed

    def _deletions(self, found: Inventory, gone: dict[str, Live]) -> None:
        for deletion in found.deletions:
            files = [one for one in gone.values() if one.day == deletion.day]
            named = [{"entry": one.number, "file": one.file, "rows": one.rows} for one in files]
            with self.ledger.sealing(self.key, self.clock()) as appending:
                appending.add(Draft("deletion", deletion.payload() | {"files": named}, str(deletion.day)))
                appending.drop(files)
                appending.set("deletion", deletion.id)
            for one in files:
                del gone[one.file]

    def _group(self, group: _Group) -> int:
        kept = [(one, leaves) for one in group.gone if (leaves := self._kept(one)) is not None]
        known = events.Known([leaves for _, leaves in kept])
        proved: set[str] = set()
        sealed, moved = 0, False
        for stored in group.new:
            try:
                one = events.read(self.folder / stored.file, known)
            except FileNotFoundError:
                # Merged or deleted meanwhile: the manifest says at the next round what became of it.
                moved = True
                continue
            except events.Damaged as error:
                log.warning("segment_not_sealed", file=stored.file, reason=str(error)[:300])
                continue
            with self.ledger.sealing(self.key, self.clock()) as appending:
                proved |= self._seal(appending, stored, one, kept)
            sealed += 1
        if not moved:
            self._lost([one for one in group.gone if one.file not in proved])
        return sealed

    def _kept(self, one: Live) -> bytes | None:
        kept = self.ledger.kept(one.file)
        if kept is not None:
            return kept
        try:
            found = events.read(self.folder / one.file)
        except (OSError, events.Damaged):
            return None
        return found.kept if found.events == one.events else None

    def _seal(
        self, appending: Appending, stored: Stored, one: events.Sealed, kept: Sequence[tuple[Live, bytes]]
    ) -> set[str]:
        """Append a segment, and what it replaced; return the files of those."""
        payload = {"bytes": one.size, "day": stored.day, "events": one.events, "file": stored.file}
        payload |= {"late": stored.late, "max_time": stored.max_time, "min_time": stored.min_time}
        payload |= {"rows": one.rows, "sha256": one.sha256}
        number = appending.add(Draft("segment", payload, stored.file))
        replaced = self._replaced(appending, stored.file, number, one, kept)
        recent = stored.day >= self.clock() // DAY - MERGED_DAYS
        leaves = one.kept if recent and not stored.settled else None
        low, high = stored.min_time, stored.max_time
        appending.keep(Live(stored.file, number, stored.day, stored.late, one.rows, low, high, one.events, leaves))
        return replaced

    @staticmethod
    def _replaced(
        appending: Appending, file: str, number: int, one: events.Sealed, kept: Sequence[tuple[Live, bytes]]
    ) -> set[str]:
        owners = events.members([events.kept_parts(leaves)[1] for _, leaves in kept], one.leaves)
        whole: list[Live] = []
        order = owners * 0
        for at, (old, _) in enumerate(kept, 1):
            if old.rows and events.digest_of(events.part(one.leaves, owners, at)) == old.events:
                whole.append(old)
                order[owners == at] = len(whole)
        if not whole:
            return set()
        packed = events.pack(order)
        digest = hashlib.sha256(packed).hexdigest()
        olds = [{"entry": old.number, "events": old.events, "file": old.file, "rows": old.rows} for old in whole]
        payload = {"added": int((order == 0).sum()), "entry": number, "members": digest, "new": file, "old": olds}
        appending.add(Draft("replaced", payload, file))
        appending.keep_members(digest, packed)
        appending.drop(whole)
        return {old.file for old in whole}

    def _lost(self, gone: Sequence[Live]) -> None:
        """Say of what went without a deletion that its events are in no segment that came."""
        for one in gone:
            with self.ledger.sealing(self.key, self.clock()) as appending:
                payload = {"entry": one.number, "events": one.events, "file": one.file, "rows": one.rows}
                appending.add(Draft("lost", payload, one.file))
                appending.drop([one])
            log.error("segment_lost", file=one.file, rows=one.rows)

    def _let_go(self) -> None:
        with self.ledger.sealing(self.key, self.clock()) as appending:
            appending.drop_kept(self.clock() // DAY - MERGED_DAYS)


def _same(stored: Stored | None, one: Live) -> bool:
    """Whether the manifest still means the segment that was sealed: a number is used again after a deletion."""
    if stored is None:
        return False
    return (stored.rows, stored.min_time, stored.max_time) == (one.rows, one.min_time, one.max_time)


def _groups(found: Inventory, live: dict[str, Live], gone: dict[str, Live]) -> list[_Group]:
    groups: dict[tuple[int, bool], _Group] = defaultdict(lambda: _Group([], []))
    for stored in found.segments.values():
        if stored.file not in live or not _same(stored, live[stored.file]):
            groups[stored.day, stored.late].new.append(stored)
    for one in gone.values():
        groups[one.day, bool(one.late)].gone.append(one)
    return [groups[name] for name in sorted(groups)]
