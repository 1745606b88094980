"""Segments into the chain: new ones are sealed, merged and deleted ones are accounted for.

A segment is sealed by the digests of its file and of its events, which the store's writer made while it had them at
hand: what happens to a file after is found. A merged segment is proved to have the events of those it replaced: its
rows that came from one of them have, in their order, that one's digest. Which row came from where is kept beside the
chain, and its digest stands in the entry. Nothing here reads an event, so sealing needs no Arrow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from appliance.evidence.house import digest_of
from appliance.evidence.inventory import Inventory, Stored, take
from appliance.evidence.keys import EvidenceKey
from appliance.evidence.ledger import Appending, Draft, Ledger, Live
from appliance.evidence.lineage import Origins, ancestors, origins

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sealer:
    """Carries one store's segments into a chain. `clock` gives microseconds since the epoch; `describe` the digest of
    the events of a file of which the store has not told any, None to let it wait.
    """

    ledger: Ledger
    key: EvidenceKey
    folder: Path
    clock: Callable[[], int]
    describe: Callable[[Path], str | None]

    def run(self) -> int:
        """Bring the chain up to what the manifest says; return how many segments were sealed.

        Raises sqlite3.Error and OSError; what was appended until then stays.
        """
        with take(self.folder, int(self.ledger.cursor("deletion") or 0)) as found:
            if found is None:
                return 0
            live = self.ledger.live()
            gone = {file: one for file, one in live.items() if file not in found.segments}
            self._deletions(found, live, gone)
            new = [stored for stored in found.segments.values() if stored.file not in live]
            sealed = [stored.file for stored in new if self._segment(found, stored, live, gone)]
            waiting = {stored.file for stored in new}.difference(sealed)
            for one in ancestry(found, waiting, live):
                gone.pop(one.file, None)
            self._lost(gone.values())
            return len(sealed)

    def _deletions(self, found: Inventory, live: dict[str, Live], gone: dict[str, Live]) -> None:
        for deletion in found.deletions:
            files = [one for one in ancestry(found, deletion.files, live) if one.file in gone]
            named = [{"entry": one.number, "file": one.file, "rows": one.rows} for one in files]
            with self.ledger.sealing(self.key, self.clock()) as appending:
                appending.add(Draft("deletion", deletion.payload() | {"files": named}, str(deletion.day)))
                appending.drop(files)
                appending.set("deletion", deletion.id)
            for one in files:
                del gone[one.file]

    def _segment(self, found: Inventory, stored: Stored, live: dict[str, Live], gone: dict[str, Live]) -> bool:
        """Seal a segment; False when it must wait, or is no more."""
        digest = stored.events or self.describe(self.folder / stored.file)
        if digest is None:
            return False
        sha256 = stored.sha256 or digest_of(self.folder / stored.file)
        if sha256 is None:
            # Merged or deleted meanwhile: the manifest says at the next round what became of it.
            return False
        try:
            came = origins(stored.file, found.merge, live)
        except ValueError as error:
            log.warning("merge_not_proved", reason=str(error)[:300])
            came = Origins()
        payload = {"bytes": stored.bytes, "day": stored.day, "events": digest, "file": stored.file}
        payload |= {"late": stored.late, "max_time": stored.max_time, "min_time": stored.min_time}
        payload |= {"rows": stored.rows, "sha256": sha256}
        with self.ledger.sealing(self.key, self.clock()) as appending:
            number = appending.add(Draft("segment", payload, stored.file))
            if came.sealed:
                _replaced(appending, stored, number, came)
            low, high = stored.min_time, stored.max_time
            appending.keep(Live(stored.file, number, stored.day, stored.late, stored.rows, low, high, digest))
        for old in came.sealed:
            gone.pop(old.file, None)
        return True

    def _lost(self, gone: Iterable[Live]) -> None:
        """Say of what went without a deletion that its events are in no segment that came."""
        for one in gone:
            with self.ledger.sealing(self.key, self.clock()) as appending:
                payload = {"entry": one.number, "events": one.events, "file": one.file, "rows": one.rows}
                appending.add(Draft("lost", payload, one.file))
                appending.drop([one])
            log.error("segment_lost", file=one.file, rows=one.rows)


def ancestry(found: Inventory, files: Iterable[str], live: dict[str, Live]) -> list[Live]:
    """Return the sealed segments whose events some files have."""
    return [one for file in files for one in ancestors(file, found.merge, live)]


def _replaced(appending: Appending, stored: Stored, number: int, came: Origins) -> None:
    packed = came.packed()
    digest = hashlib.sha256(packed).hexdigest()
    olds = [{"entry": old.number, "events": old.events, "file": old.file, "rows": old.rows} for old in came.sealed]
    payload = {"added": came.owners.count(0), "entry": number, "members": digest, "new": stored.file, "old": olds}
    appending.add(Draft("replaced", payload, stored.file))
    appending.keep_members(digest, packed)
    appending.drop(came.sealed)
