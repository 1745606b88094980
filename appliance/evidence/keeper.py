"""A round of the chain: what is new anywhere on the box becomes entries, signed. And the rotation of the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session, sessionmaker

from appliance import clock
from appliance.evidence import house, keys, records
from appliance.evidence.hours import note_cluster
from appliance.evidence.keys import EvidenceKey
from appliance.evidence.ledger import Draft, Ledger, Probe
from appliance.evidence.segments import Sealer
from appliance.home import Home
from appliance.settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Keeper:
    """What a round needs. `now` gives microseconds since the epoch; `probe` is told each step of an append."""

    home: Home
    settings: Settings
    sessions: sessionmaker[Session]
    now: Callable[[], int] = clock.now
    probe: Probe = lambda _step: None

    @contextmanager
    def open(self, wait_seconds: float = 30.0) -> Iterator[tuple[Ledger, EvidenceKey]]:
        """Open the chain, begun if it is new, as the one who appends. Raises EvidenceBusy, PkiError."""
        key = keys.ensure_key(self.home)
        with Ledger(self.home.evidence, self.probe) as ledger, ledger.exclusive(wait_seconds):
            key = self._adopted(ledger, key)
            if ledger.head().number == 0:
                with ledger.sealing(key, self.now()) as appending:
                    appending.add(Draft("key", keys.first_statement(key)))
            yield ledger, key

    def round(self, *, whole: bool = False) -> int:
        """Carry everything that is new into the chain; return how many entries that made.

        A segment whose events the store has not described yet waits for the next round, unless the `whole` is wanted:
        then it is read, which takes Arrow's memory.

        Raises EvidenceBusy, PkiError, sqlite3.Error, SQLAlchemyError, OSError; what was appended until then stays.
        """
        with self.open() as (ledger, key):
            before = ledger.head().number
            with ledger.sealing(key, self.now()) as appending:
                house.note_changes(ledger, appending, self.home, self.settings)
            with self.sessions() as session:
                for portion in records.carried(session, ledger):
                    with ledger.sealing(key, self.now()) as appending:
                        for draft in portion.drafts:
                            appending.add(draft)
                        appending.mark(portion.name, portion.upto, portion.marks)
            self._segments(ledger, key, whole=whole)
            with ledger.sealing(key, self.now()) as appending:
                note_cluster(ledger, appending, self.home.spool, self.now())
            return ledger.head().number - before

    def _segments(self, ledger: Ledger, key: EvidenceKey, *, whole: bool) -> None:
        if not (self.home.store / "manifest.db").exists():
            return
        Sealer(ledger, key, self.home.store, self.now, _described if whole else _left).run()

    def rotate(self) -> EvidenceKey:
        """Replace the key; the entry that says so is signed by the old one. Raises what `open` raises."""
        with self.open() as (ledger, old):
            new = EvidenceKey(Ed25519PrivateKey.generate())
            keys.write(keys.next_file(self.home), new.private)
            with ledger.sealing(old, self.now()) as appending:
                appending.add(Draft("key", keys.next_statement(old, new, self.now(), appending.head.digest)))
            return self._adopted(ledger, old)

    def _adopted(self, ledger: Ledger, key: EvidenceKey) -> EvidenceKey:
        """Return the key in force: a rotation ends when the chain names the new key, or it never began."""
        waiting = keys.next_file(self.home)
        if not waiting.exists():
            return key
        new = keys.load_key(waiting)
        named = [entry["payload"]["public"] for entry in ledger.of_kind("key")]
        if new.public.hex() in named:
            keys.write(keys.key_file(self.home), new.private)
            key = new
        waiting.unlink()
        waiting.with_suffix(".pub").unlink(missing_ok=True)
        return key


def _left(_path: Path) -> str | None:
    """Leave a segment to the store's writer."""
    return None


def _described(path: Path) -> str | None:
    """Return the digest of a segment's events, None when it cannot be read."""
    from appliance.evidence.events import Damaged, table_of  # noqa: PLC0415 - Arrow, only where the whole is wanted
    from appliance.store.digest import digest  # noqa: PLC0415 - as above

    try:
        return digest(table_of(path))
    except (Damaged, OSError) as error:
        log.warning("segment_not_described", file=path.name, reason=str(error)[:300])
        return None
