"""A pack of evidence: events, alerts with their history, the chain that proves them, and the verifier, in one zip."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from appliance.evidence import acts, afar, events, gaps, packets, standalone
from appliance.evidence.chain import PACK, canonical
from appliance.evidence.faraway import Faraway, HourAfar, Unlike, sealed_hours
from appliance.evidence.gaps import Gap
from appliance.evidence.index import index
from appliance.evidence.keeper import Keeper
from appliance.evidence.keys import EvidenceKey
from appliance.evidence.ledger import Ledger, Live
from appliance.state.models import AlertEvent
from appliance.store.digest import BLOCK, blocks, total
from appliance.store.model import QueryTimeout, StoreUnavailable

_SPOOLED = 16 << 20


class PackFault(RuntimeError):
    """What should be exported is not there, or not as it was sealed; the text says what."""


class TooMany(PackFault):
    """The range has more events than are wanted at once."""


class NoAlert(PackFault):
    """There is no such alert."""


class Away(PackFault):
    """The cluster does not answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export: events and alerts of a time, in microseconds, or one alert with the events it rests on."""

    start: int | None = None
    end: int | None = None
    alert: int | None = None
    most: int | None = None
    """Events that the segments of a range may have; with more, TooMany is raised before anything is written."""

    def has(self, at: int) -> bool:
        """Whether a moment is in the range."""
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)


@dataclass(slots=True)
class Made:
    """What a pack has."""

    events: int = 0
    segments: int = 0
    first: int = 0
    last: int = 0
    beside: int = 0
    """Events that are in the pack because they stand in one block with those that were wanted."""
    missing: int = 0
    """Events of the alert that the store does not have any more."""
    gaps: dict[str, Gap] = field(default_factory=dict)
    """By file the segments that are damaged and may have events that were wanted."""
    alerts: list[dict[str, Any]] = field(default_factory=list)
    packets: int = 0
    """Files of packets."""
    afar: list[HourAfar] = field(default_factory=list)
    """Hours of events that only a cluster has; these events are not among the others."""

    @property
    def all_events(self) -> int:
        """The events that were wanted, wherever they are."""
        return self.events + sum(one.wanted for one in self.afar)


class _Zip:
    """A zip that remembers the digest of each of its files."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._zip = file
        self.files: dict[str, str] = {}

    @contextmanager
    def writing(self, name: str) -> Iterator[_Hashed]:
        """Write one file."""
        with self._zip.open(name, "w", force_zip64=True) as file:
            hashed = _Hashed(file)
            yield hashed
        self.files[name] = hashed.digest.hexdigest()

    def put(self, name: str, lines: Iterable[bytes]) -> None:
        """Write a file of lines."""
        with self.writing(name) as file:
            for line in lines:
                file.write(line + b"\n")


class _Hashed:
    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, content: bytes) -> None:
        """Write and hash."""
        self.digest.update(content)
        self._file.write(content)


def export(keeper: Keeper, wanted: Wanted, out: IO[bytes]) -> Made:
    """Write a pack; what is new on the box is sealed first. What is damaged is left out, and named as a gap.

    Raises PackFault, what `Keeper.round` raises, events.Damaged and OSError.
    """
    keeper.round(whole=True)
    with keeper.open() as (ledger, key), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        return _Packer(keeper, ledger, key, wanted, _Zip(file)).run()


@dataclass(frozen=True, slots=True)
class _Read:
    """A segment as it was sealed: its events, which of them are wanted, and the hashes of its blocks."""

    table: Any
    rows: npt.NDArray[np.bool_]
    hashes: Sequence[bytes]


@dataclass(slots=True)
class _Packer:
    """Makes one pack."""

    keeper: Keeper
    ledger: Ledger
    key: EvidenceKey
    wanted: Wanted
    zip: _Zip
    made: Made = field(default_factory=Made)
    times: dict[str, int] | None = None
    """Times of the events of an alert by their ids, when that is what is wanted."""
    digests: frozenset[str] = frozenset()
    """Digests of these events that are in the chain."""
    alone: list[bytes] = field(default_factory=list)
    """Lines of events that need no proof of a segment: the chain has their digests."""

    def run(self) -> Made:
        """Write everything."""
        if self.wanted.alert is not None:
            query = select(AlertEvent.event_id, AlertEvent.event_at).where(AlertEvent.alert_id == self.wanted.alert)
            with self.keeper.sessions() as session:
                self.times = {row.event_id: row.event_at for row in session.execute(query)}
        self.made.alerts = self._alerts()
        if self.times is not None:
            self.times |= {name: at for name, at, _ in acts.events_of(self.made.alerts)}
        captured = self._captured()
        self.digests = frozenset(digest for _, digest in acts.digests_by_id(self.made.alerts))
        live = self.ledger.live()
        broken = gaps.known(self.keeper.home.store, live)
        self.made.gaps = {file: one for file, one in broken.items() if self._touches(one)}
        # The small ones first: they may be merged, and go a minute later.
        whole = (one for file, one in live.items() if file not in broken and self._touches(one))
        chosen = sorted(whole, key=lambda one: one.rows)
        rows = sum(one.rows for one in chosen)
        if self.wanted.most is not None and self.times is None and rows > self.wanted.most:
            raise TooMany(f"{rows} > {self.wanted.most}")
        faraway = self._hours_afar(rows)
        numbers = [one.number for one in chosen]
        numbers += [one.entry for one in self.made.gaps.values() if one.entry is not None]
        numbers += [one.sealed.entry for one in self.made.afar if one.sealed is not None]
        numbers += [item["entry"] for alert in self.made.alerts for item in alert["history"]]
        numbers += [one.entry for one in captured]
        self.made.last = self.ledger.head().number
        if self.times is None:
            # Only a chain that begins before the time shows that nothing of it was left out.
            numbers.append(1 if self.wanted.start is None else self.ledger.before(self.wanted.start))
        self.made.first = min(numbers, default=self.made.last)
        with tempfile.SpooledTemporaryFile(_SPOOLED) as proofs:
            self._events(chosen, proofs)
            proofs.seek(0)
            self.zip.put("proofs.ndjson", (line.rstrip(b"\n") for line in proofs))
        if faraway is not None:
            self._cluster(faraway)
        self.made.missing = 0 if self.times is None else len(self.times) - self.made.events
        if self.times is not None and not self.made.missing:
            self.made.gaps = {}
        for one in captured:
            self._packets(one)
        self._rest()
        return self.made

    def _alerts(self) -> list[dict[str, Any]]:
        found = acts.alerts(self.ledger, self.wanted.alert, self.wanted.has)
        if self.wanted.alert is not None and not found:
            raise NoAlert(f"Nie ma alertu nr {self.wanted.alert}.")
        return found

    def _captured(self) -> list[packets.Packets]:
        with self.keeper.sessions() as session:
            if self.times is not None:
                return packets.of_events(session, self.ledger, self.keeper.home.packets, self.times)
            return packets.of_time(session, self.ledger, self.keeper.home.packets, self.wanted.has)

    def _packets(self, one: packets.Packets) -> None:
        """Take a file along; what is not as it was taken is not evidence."""
        try:
            with one.path.open("rb") as source, self.zip.writing(one.name) as file:
                shutil.copyfileobj(source, file)
        except OSError as error:
            raise PackFault(f"Nie można odczytać pakietów {one.path.name}: {error.strerror}.") from error
        if self.zip.files[one.name] != one.sha256:
            raise PackFault(f"Pakiety {one.path.name} są inne niż te, które przysłał czujnik.")
        self.made.packets += 1

    def _touches(self, one: Live | Gap) -> bool:
        if self.times is not None:
            return any(one.min_time <= at <= one.max_time for at in self.times.values())
        start, end = self.wanted.start, self.wanted.end
        return (start is None or one.max_time >= start) and (end is None or one.min_time < end)

    def _events(self, chosen: list[Live], proofs: IO[bytes]) -> None:
        with self.zip.writing("events.ndjson") as file:
            for one in chosen:
                found = self._read(one)
                if found is not None:
                    self._segment(one, found, file, proofs)
            self._afar()
            for line in self.alone:
                file.write(line + b"\n")

    def _read(self, one: Live) -> _Read | None:
        """Read a segment; None when it has nothing that is wanted, or is not what was written: that is a gap then."""
        try:
            return self._as_sealed(one)
        except (PackFault, events.Damaged, OSError):
            gap = gaps.found(self.keeper.home.store, one)
            if gap is None:
                raise
            self.made.gaps[one.file] = gap
            return None

    def _as_sealed(self, one: Live) -> _Read | None:
        table = events.table_of(self.keeper.home.store / one.file)
        rows = self._ours(table)
        if self.times is not None and not rows.any():
            return None
        hashes = blocks(table)
        if total(table.num_rows, hashes) != one.events:
            raise PackFault(f"Zdarzenia segmentu {one.file} są inne niż zaplombowane. Uruchom: czujka verify --events")
        return _Read(table, rows, hashes)

    def _ours(self, table: Any) -> npt.NDArray[np.bool_]:
        """Return which of a segment's events are wanted."""
        if self.times is not None:
            return np.array([one in self.times for one in events.ids_of(table)], dtype=np.bool_)
        return np.array([self.wanted.has(at) for at in events.times_of(table).tolist()], dtype=np.bool_)

    def _segment(self, one: Live, found: _Read, file: _Hashed, proofs: IO[bytes]) -> None:
        table, rows = found.table, found.rows
        if self.times is not None:
            rows = self._without_known(table, rows)
        wanted, opened = self.wanted, {}
        around = self.times is None
        for number in events.blocks_around(table, wanted.start, wanted.end) if around else events.blocks_at(rows):
            block = table.slice(number * BLOCK, BLOCK)
            opened[str(number)] = events.opened(block)
            for line, _ in events.lines(block):
                file.write(line + b"\n")
            ours = int(rows[number * BLOCK : (number + 1) * BLOCK].sum())
            self.made.events, self.made.beside = self.made.events + ours, self.made.beside + block.num_rows - ours
        self.made.segments += bool(rows.any())
        if opened:
            hexes = [block.hex() for block in found.hashes]
            proof = {"blocks": hexes, "entry": one.number, "file": one.file, "open": opened, "rows": table.num_rows}
            proofs.write(canonical(proof) + b"\n")

    def _without_known(self, table: Any, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Take the events whose digests are in the chain as they are; return which others are wanted."""
        rows = rows.copy()
        found = np.flatnonzero(rows)
        for at, (line, _) in zip(found, events.lines(table.take(found)), strict=True):
            if hashlib.sha256(line).hexdigest() in self.digests:
                self.alone.append(line)
                self.made.events += 1
                rows[at] = False
        return rows

    def _afar(self) -> None:
        """Take the events of an alert that only a cluster has; those whose digest the chain lacks cannot be proved."""
        store = self.keeper.settings.store
        if self.times is None or not store.clustered or self.made.events == len(self.times):
            return
        digests = dict(acts.digests_by_id(self.made.alerts))
        here = {json.loads(line)["event.id"] for line in self.alone}
        wanted = {name: at for name, at in self.times.items() if name in digests and name not in here}
        with _told():
            for line in afar.lines_of(store.elasticsearch, wanted, digests):
                self.alone.append(line)
                self.made.events += 1

    def _hours_afar(self, rows: int) -> Faraway | None:
        """Find what of a time only the cluster has; `rows` are those that were found here."""
        store = self.keeper.settings.store
        if self.times is not None or store.local:
            return None
        with _told():
            faraway = Faraway(store.elasticsearch, self.wanted.start, self.wanted.end)
            self.made.afar = faraway.hours(sealed_hours(self.ledger))
        rows += sum(one.events for one in self.made.afar)
        if self.wanted.most is not None and rows > self.wanted.most:
            faraway.close()
            raise TooMany(f"{rows} > {self.wanted.most}")
        return faraway

    def _cluster(self, faraway: Faraway) -> None:
        with closing(faraway), _told():
            taken: list[HourAfar] = []
            self.zip.put("cluster.ndjson", (line for one in self.made.afar for line in faraway.lines(one, taken)))
            self.made.afar = taken
        self.zip.put("hours.ndjson", (canonical(one.line) for one in self.made.afar))

    def _rest(self) -> None:
        made, wanted, ledger, pack = self.made, self.wanted, self.ledger, self.zip
        about: dict[str, Any] = {"alert": wanted.alert, "end": wanted.end, "events": made.events, "first": made.first}
        about |= {"last": made.last, "made_at": self.keeper.now(), "missing": made.missing}
        about |= {
            "beside": made.beside,
            "gaps": [one.line for _, one in sorted(made.gaps.items())],
            "packets": made.packets,
            "segments": made.segments,
            "start": wanted.start,
            "version": 1,
        }
        if made.afar:
            events, wanted_there = (sum(getattr(one, name) for one in made.afar) for name in ("events", "wanted"))
            about["cluster"] = {"events": events, "wanted": wanted_there}
        pack.put("pack.json", [canonical(about)])
        pack.put("keys.json", [canonical([entry["payload"] for entry in ledger.of_kind("key")])])
        pack.put("alerts.ndjson", map(canonical, made.alerts))
        entries = ledger.entries(made.first, made.last)
        pack.put("chain.ndjson", (digest.encode() + b" " + body for digest, body in entries))
        pack.put("seals.ndjson", ledger.seals(made.first))
        with pack.writing("index.html") as page:
            page.write(index(about, made.alerts, made.afar, self.key.fingerprint, self.keeper.settings).encode("utf-8"))
        with pack.writing("verify.py") as program:
            program.write(standalone.source())
        listed = {"files": dict(pack.files), "key": self.key.fingerprint}
        signature = self.key.private.sign(PACK + canonical(listed)).hex()
        pack.put("files.json", [canonical(listed | {"signature": signature})])


@contextmanager
def _told() -> Iterator[None]:
    """Turn what reading a cluster raises into PackFault."""
    try:
        yield
    except afar.Altered as error:
        raise PackFault(f"Zdarzenie {error} w klastrze jest inne niż to, na którym oparto alert.") from error
    except Unlike as error:
        text = f"Zdarzenia w klastrze ({error}) są inne niż zaplombowane. Uruchom: czujka verify --events"
        raise PackFault(text) from error
    except (StoreUnavailable, QueryTimeout) as error:
        raise Away(f"Nie można odczytać zdarzeń z klastra: {error}") from error
