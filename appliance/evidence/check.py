"""`czujka verify`: the chain, its signatures, and what it says of the box, against what lies on the box.

The chain itself is checked by the functions of the standalone verifier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY
from appliance.evidence.blocks import WRONG
from appliance.evidence.chain import Chain, Fault, Keys, seal_of
from appliance.evidence.cluster import Cluster, SealedHour, compare
from appliance.evidence.complete import HARMS
from appliance.evidence.inventory import take
from appliance.evidence.keys import key_file, load_key
from appliance.evidence.ledger import Ledger
from appliance.evidence.plain import plain
from appliance.evidence.words import say
from appliance.home import Home
from appliance.language.dates import moment
from appliance.state.models import AlertHistory, Operation

LATE_DAYS = 2
_ROWS = {
    "alert": ("alert_history", "history"),
    "decision": ("alert_history", "history"),
    "operation": ("operation", "operation"),
}
"""By kind of entry the table that its row is of, and what of the payload is the row's id."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to check. Times in microseconds; `trusted` is a fingerprint from outside, empty for the box's own."""

    start: int | None = None
    end: int | None = None
    trusted: str = ""
    anchors: Sequence[Path] = ()
    events: bool = False
    """Also read every event of every segment, and prove what was merged."""

    def has(self, at: int) -> bool:
        """Whether a moment is in the range."""
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Restored:
    """What an entry (`at` in microseconds) says: rows `first` to `last` of a table went, a backup was restored."""

    number: int
    at: int
    table: str
    first: int
    last: int

    def has(self, entry: Mapping[str, Any]) -> bool:
        """Whether an entry is of a row that went. Raises WRONG."""
        table, name = _ROWS.get(entry["kind"], ("", ""))
        gone = table == self.table and entry["payload"][name] >= self.first
        return gone and bool(entry["number"] < self.number)


@dataclass(slots=True)
class Found:
    """What was checked and what is wrong."""

    faults: list[Fault] = field(default_factory=list)
    entries: int = 0
    sealed: int = 0
    files: int = 0
    rows: int = 0
    waiting: int = 0
    """Segments that were merged or deleted since the last round: the next one accounts for them."""
    late: int = 0
    """Events that were first sealed long after the day they came: those of a first start, or put in later."""
    hours: int = 0
    """Hours of a cluster's indices that were checked, with so many events `in_cluster`."""
    in_cluster: int = 0
    restored: list[Restored] = field(default_factory=list)
    loose: int = 0
    """Events in the cluster of hours that no entry has: those of the last hour, or copied from another store."""


@dataclass(slots=True)
class _Story:
    """What the chain says of segments: those in force by file, and what each merged one was made of."""

    live: dict[str, dict[str, Any]] = field(default_factory=dict)
    merged: dict[int, dict[str, Any]] = field(default_factory=dict)
    late: dict[int, int] = field(default_factory=dict)
    """Rows of late segments by the number of their entry, without those that were sealed before."""
    hours: dict[str, dict[int, SealedHour]] = field(default_factory=dict)
    """Of a cluster's indices what each hour of arrival got, by its last entry."""

    def tell(self, entry: Mapping[str, Any], found: Found, asked: Asked) -> None:
        """Take an entry in."""
        kind, payload = entry["kind"], entry["payload"]
        if kind == "segment":
            about = {name: payload[name] for name in ("file", "rows", "sha256", "events")}
            if entry["at"] // DAY - payload["day"] > LATE_DAYS:
                self.late[entry["number"]] = payload["rows"]
            self.live[payload["file"]] = about | {"entry": entry["number"], "asked": asked.has(entry["at"])}
        elif kind == "replaced":
            self.merged[payload["entry"]] = payload
            if payload["entry"] in self.late:
                self.late[payload["entry"]] = payload["added"]
            self._drop(payload["old"])
        elif kind == "deletion":
            self._drop(payload["files"])
        elif kind == "hour":
            one = SealedHour(entry["number"], payload["events"], payload["digest"])
            self.hours.setdefault(payload["index"], {})[payload["hour"]] = one
            if entry["at"] - payload["hour"] > LATE_DAYS * DAY:
                self.late[entry["number"]] = payload["events"]
        elif kind == "index_deletion":
            self.hours.pop(payload["index"], None)
        elif kind == "lost":
            self._drop([payload])
            text = f"{payload['rows']} zdarzeń zniknęło: nie ma wpisu o usunięciu ani następcy"
            found.faults.append(Fault("segment", entry["number"], payload["file"], text))

    def _drop(self, gone: Sequence[Mapping[str, Any]]) -> None:
        for one in gone:
            if self.live.get(one["file"], {}).get("entry") == one["entry"]:
                del self.live[one["file"]]


def check(
    home: Home, sessions: sessionmaker[Session], asked: Asked, cluster: Callable[[], Cluster] | None = None
) -> Found:
    """Check the chain of a state folder; `cluster` opens where its events are when they are not there.

    Raises sqlite3.Error, OSError, PkiError when it cannot be read at all, and what asking the cluster raises.
    """
    found = Found()
    with Ledger(home.evidence) as ledger:
        if not ledger.head().number:
            found.faults.append(Fault("wpis", None, "", "łańcuch jest pusty"))
            return found
        chain, story = Chain(_keys(home, ledger, asked), _seals(ledger, found)), _Story()
        for path in asked.anchors:
            _expect(chain, path, found)
        found.restored = _restorations(ledger)
        with sessions() as session:
            for entry in _entries(ledger, chain):
                try:
                    story.tell(entry, found, asked)
                    if not any(one.has(entry) for one in found.restored):
                        _record(session, entry, found)
                except WRONG as error:
                    found.faults.append(Fault("wpis", entry["number"], "", f"nie da się odczytać treści: {error}"))
        found.faults += chain.end()
        found.entries, found.sealed, found.late = chain.last, chain.sealed, sum(story.late.values())
        _files(home, ledger, story, found, asked)
    if asked.events and cluster is not None:
        with closing(cluster()) as opened:
            compared = compare(opened, story.hours, asked.start, asked.end)
        found.faults += compared.faults
        found.hours, found.in_cluster, found.loose = compared.hours, compared.events, compared.loose
    return found


def _keys(home: Home, ledger: Ledger, asked: Asked) -> Keys:
    trusted = asked.trusted or load_key(key_file(home)).fingerprint
    try:
        return Keys([entry["payload"] for entry in ledger.of_kind("key")], trusted)
    except WRONG:
        # The chain names what is wrong with the entry; no key is known then.
        return Keys([], trusted)


def _seals(ledger: Ledger, found: Found) -> Iterator[dict[str, Any]]:
    for number, line in ledger.numbered_seals():
        try:
            seal = seal_of(line)
        except WRONG as error:
            found.faults.append(Fault("podpis", number, "", f"nie da się odczytać: {error}"))
            continue
        if seal["number"] != number:
            found.faults.append(Fault("podpis", number, "", "plomba innego wpisu"))
        yield seal


def _expect(chain: Chain, path: Path, found: Found) -> None:
    try:
        chain.expect(seal_of(path.read_bytes().strip()), path.name)
    except (OSError, ValueError) as error:
        found.faults.append(Fault("kotwica", None, path.name, f"nie da się odczytać: {error}"))


def _entries(ledger: Ledger, chain: Chain) -> Iterator[dict[str, Any]]:
    for digest, body in ledger.entries():
        entry = chain.take(body, digest)
        if entry is not None:
            yield entry


def _restorations(ledger: Ledger) -> list[Restored]:
    found = []
    try:
        for entry in ledger.of_kind("went_back"):
            payload = entry["payload"]
            kept = payload.get("kept", payload["newest"])
            found.append(Restored(entry["number"], entry["at"], payload["table"], kept + 1, payload["carried"]))
    except WRONG:
        # The chain names what is wrong with the entry.
        return []
    return found


def _record(session: Session, entry: Mapping[str, Any], found: Found) -> None:
    """Compare a carried row of the state database with what it says now."""
    kind, payload = entry["kind"], entry["payload"]
    if kind in {"alert", "decision"}:
        row: AlertHistory | Operation | None = session.get(AlertHistory, payload["history"])
        names: tuple[str, ...] = ("at", "who", "action", "detail")
        number = payload["history"]
    elif kind == "operation":
        row, names = session.get(Operation, payload["operation"]), ("at", "who", "action", "target", "detail")
        number = payload["operation"]
    else:
        return
    if row is None:
        found.faults.append(Fault("rejestr", entry["number"], "", f"usunięto wiersz {number} z bazy stanu"))
    elif any(plain(getattr(row, name)) != payload[name] for name in names):
        found.faults.append(Fault("rejestr", entry["number"], "", f"wiersz {number} w bazie stanu zmieniono"))
    session.expunge_all()


def _damaged(home: Home, story: _Story, found: Found) -> set[str]:
    """Name the segments that the store has set aside; return their files."""
    with take(home.store, 1 << 62) as inventory:
        damaged = {} if inventory is None else inventory.damaged
        for name, harm in sorted(damaged.items()):
            sealed = story.live.get(name)
            # What was never sealed has no moment of a seal by which a range could pass over it.
            if sealed is None or sealed["asked"]:
                text = f"plik jest uszkodzony i odłożony na bok: {HARMS.get(harm, harm)}"
                found.faults.append(Fault("segment", None if sealed is None else sealed["entry"], name, text))
        return set(damaged)


def _files(home: Home, ledger: Ledger, story: _Story, found: Found, asked: Asked) -> None:
    damaged = _damaged(home, story, found)
    for name, segment in sorted(story.live.items()):
        path = home.store / Path(name).name
        if not segment["asked"] or name in damaged:
            continue
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            _absent(home, name, segment, error, found)
            continue
        found.files, found.rows = found.files + 1, found.rows + segment["rows"]
        if digest != segment["sha256"]:
            text = "plik zmieniono: skrót nie zgadza się z wpisem"
            found.faults.append(Fault("segment", segment["entry"], name, text))
        elif asked.events:
            found.faults += _deep(path, ledger, segment, story.merged)


def _absent(home: Home, name: str, segment: Mapping[str, Any], error: OSError, found: Found) -> None:
    with take(home.store, 1 << 62) as inventory:
        if inventory is not None and name not in inventory.segments:
            found.waiting += 1
            return
    found.faults.append(Fault("segment", segment["entry"], name, f"pliku nie da się odczytać: {error.strerror}"))


def _deep(
    path: Path, ledger: Ledger, segment: Mapping[str, Any], merged: Mapping[int, Mapping[str, Any]]
) -> list[Fault]:
    """Read every event of a segment, and those of what it was merged from, back to what was first sealed."""
    from appliance.evidence import events  # noqa: PLC0415 - pyarrow, only for events

    try:
        table = events.table_of(path)
    except (events.Damaged, OSError) as error:
        return [Fault("segment", segment["entry"], path.name, f"zdarzeń nie da się odczytać: {error}")]
    return list(_unfold(segment["entry"], path.name, segment["events"], table, _Proofs(ledger, merged)))


@dataclass(frozen=True, slots=True)
class _Proofs:
    ledger: Ledger
    merged: Mapping[int, Mapping[str, Any]]


def _unfold(number: int, file: str, sealed: str, table: Any, proofs: _Proofs) -> Iterator[Fault]:
    from appliance.evidence import events  # noqa: PLC0415 - as above
    from appliance.store.digest import digest  # noqa: PLC0415 - as above

    if digest(table) != sealed:
        yield Fault("zdarzenia", number, file, "zdarzenia inne niż te, które zaplombowano")
        return
    made = proofs.merged.get(number)
    if made is None:
        return
    packed = proofs.ledger.members(made["members"]) or b""
    if hashlib.sha256(packed).hexdigest() != made["members"]:
        yield Fault("zdarzenia", number, file, "brak dowodu połączenia albo go zmieniono")
        return
    owners = events.unpack(packed, table.num_rows)
    for at, old in enumerate(made["old"], 1):
        yield from _unfold(old["entry"], old["file"], old["events"], events.part(table, owners, at), proofs)


def told(found: Found, language: str) -> list[str]:
    """Return what was checked and what is wrong, a line each."""
    lines = [
        say("verify.entries", language, entries=found.entries, sealed=found.sealed),
        say("verify.files", language, files=found.files, rows=found.rows),
    ]
    if found.hours:
        lines.append(say("verify.hours", language, hours=found.hours, rows=found.in_cluster))
    if found.loose:
        lines.append(say("verify.loose", language, n=found.loose))
    for one in found.restored:
        values = {"at": moment(one.at, language), "number": one.number, "table": one.table}
        lines.append(say("verify.went_back", language, first=one.first, last=one.last, **values))
    if found.late:
        lines.append(say("verify.late", language, n=found.late))
    if found.waiting:
        lines.append(say("verify.waiting", language, n=found.waiting))
    end = say("verify.wrong", language, n=len(found.faults)) if found.faults else say("verify.right", language)
    return [*lines, *map(str, found.faults), end]


def anchors_of(folder: Path | None) -> list[Path]:
    """Return the anchors that lie in a folder."""
    return sorted(folder.glob("czujka-kotwica-*.json")) if folder is not None and folder.is_dir() else []
