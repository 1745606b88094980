"""The memory of all groups: found, added to, bounded, forgotten, and told to whoever keeps it on disk.

Bounds: so many groups and so many entries over all correlations. When they are reached, the correlation with the
most groups gives up the one that was touched longest ago, and that is counted. Within a group only what the
condition can still need is kept.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .entry import MASK, NAME, SUFFIX, VALUE, bounded, mask_of, merged, prefix, time_of
from .model import STATISTICS, Kind
from .plan import NEVER, Group, Node

MAX_GROUPS = 200_000
MAX_ENTRIES = 2_000_000
#: Stands in a key between the group's values and the sender whose old events it holds apart.
LANE = "\x1d"
_HEAD = struct.Struct(">qqH")
_LENGTH = struct.Struct(">H")
#: Insertions between two looks for what has expired in a group.
_EVERY = 16


@dataclass(slots=True)
class Kept:
    """What is kept and what had to be given up. `evicted` are groups, `trimmed` entries of groups that were full."""

    groups: int = 0
    entries: int = 0
    evicted: int = 0
    trimmed: int = 0


class Memory:
    """The groups of all nodes."""

    def __init__(self, nodes: Sequence[Node], max_groups: int = MAX_GROUPS, max_entries: int = MAX_ENTRIES) -> None:
        self.nodes = nodes
        self.kept = Kept()
        self._left: list[OrderedDict[str, Group]] = []
        """Groups of correlations that are no more, and still take memory; none of them is empty."""
        self._known = {node.digest: node for node in nodes}
        self._max_groups, self._max_entries = max_groups, max_entries

    def changed(self) -> set[tuple[str, str]]:
        """The groups that changed since it was asked for: (digest of the correlation, key)."""
        found: set[tuple[str, str]] = set()
        for node in self.nodes:
            digest = node.digest
            found.update([(digest, key) for key in node.changed])
            node.changed = set()
        return found

    def new_group(self, node: Node, key: str, time: int, entry: bytes, now: int) -> Group:
        """A group for a key with its first entry, as the one touched last."""
        kept = self.kept
        if self._left:
            self.release(1)
        if not kept.groups % _EVERY:
            self.forget(node, now, 2 * _EVERY)
        if kept.groups >= self._max_groups or kept.entries >= self._max_entries:
            self._evict()
        group = node.groups[key] = Group([entry], mask_of(entry) if node.needed else 0)
        group.newest = time
        kept.groups += 1
        kept.entries += 1
        node.changed.add(key)
        return group

    def append(  # noqa: PLR0917 - once for every hit, and each name would cost
        self, node: Node, key: str, group: Group, time: int, entry: bytes, now: int
    ) -> None:
        """Add an entry that is newer than all others of its group."""
        entries = group.entries
        entries.append(entry)
        if group.marks is not None:
            group.marks.insert(entries, len(entries) - 1)
        group.newest = time
        if node.needed:
            group.mask |= mask_of(entry)
        self.kept.entries += 1
        node.changed.add(key)
        count = len(entries)
        if not count % _EVERY or count > node.cap:
            self._tidy(node, key, group, now)
        if self.kept.entries > self._max_entries:
            self._evict(group)

    def add(self, node: Node, key: str, group: Group, entry: bytes, now: int) -> bool:
        """Put an entry in its place; return whether it was not there already."""
        entries = group.entries
        name = entry[:NAME]
        place = bisect_left(entries, name)
        if place < len(entries) and entries[place][:NAME] == name:
            return False
        entries.insert(place, entry)
        if group.marks is not None:
            group.marks.insert(entries, place)
        group.newest = time_of(entries[-1])
        group.mask |= mask_of(entry)
        self.kept.entries += 1
        node.changed.add(key)
        if len(entries) > node.cap or not len(entries) % _EVERY:
            self._tidy(node, key, group, now)
        if self.kept.entries > self._max_entries:
            self._evict(group)
        return True

    def remove(self, node: Node, key: str, group: Group, upto: int) -> None:
        """Forget the first entries of a group, and the group with its last one; one that was given up is gone."""
        if node.groups.get(key) is not group:
            return
        del group.entries[:upto]
        group.marks = None
        self.kept.entries -= upto
        node.changed.add(key)
        if not group.entries:
            del node.groups[key]
            self.kept.groups -= 1

    def forget(self, node: Node, now: int, most: int) -> None:
        """Drop groups that nothing has touched for as long as they may matter."""
        while most and node.groups:
            key = next(iter(node.groups))
            group = node.groups[key]
            if now - group.touched <= node.retain + node.lateness or group.due != NEVER:
                return
            self._drop(node, key)
            most -= 1

    def _evict(self, kept: Group | None = None) -> None:
        """Give up the group touched longest ago of the correlation that has most groups, but not the one kept.

        What correlations that are no more have left goes first.
        """
        if self._left and self.kept.groups < self._max_groups:
            self.release(1)
            return
        for node in sorted(self.nodes, key=lambda one: -len(one.groups)):
            key = next(iter(node.groups), None)
            if key is not None and node.groups[key] is not kept:
                self._drop(node, key)
                self.kept.evicted += 1
                return

    def _drop(self, node: Node, key: str) -> None:
        group = node.groups.pop(key)
        self.kept.entries -= len(group.entries)
        self.kept.groups -= 1
        node.changed.add(key)

    def _tidy(self, node: Node, key: str, group: Group, now: int) -> None:
        entries = group.entries
        before = len(entries)
        last = group.newest if LANE in key else now
        oldest = prefix(bounded(last - node.retain))
        if entries[0] < oldest:
            expired = bisect_left(entries, oldest)
            if group.marks is not None:
                group.marks.drop(entries[:expired])
            del entries[:expired]
        if len(entries) > node.cap:
            full = len(entries)
            group.entries = entries = _compacted(node, entries, prefix(bounded(last - node.lateness)))
            group.ragged, group.marks = True, None
            self.kept.trimmed += full - len(entries)
        if len(entries) == before:
            return
        self.kept.entries -= before - len(entries)
        group.newest = time_of(entries[-1]) if entries else NEVER
        if node.needed:
            group.mask = 0
            for mask in {entry[MASK] for entry in entries}:
                group.mask |= int.from_bytes(mask, "big")

    def load(self, rows: Iterable[tuple[str, str, bytes, int]]) -> int:
        """Take over saved groups, in the order in which they were touched; return how many no node knows.

        Raises ValueError for what is no group; then none is taken over.
        """
        found, strange = [], 0
        for digest, key, blob, upto in rows:
            node = self._known.get(digest)
            if node is None:
                strange += 1
            else:
                group = decode_group(blob)
                group.written = upto
                found.append((group, node, key))
        for group, node, key in sorted(found, key=lambda row: (row[0].touched, row[2])):
            node.groups[key] = group
            self.kept.groups += 1
            self.kept.entries += len(group.entries)
        return strange

    def saved(self, names: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, bytes]]:
        """What must be written for these groups: (digest, key, bytes), no bytes for one that is gone."""
        known = self._known
        for digest, key in names:
            node = known.get(digest)
            group = node.groups.get(key) if node else None
            yield digest, key, b"" if group is None else encode_group(group)

    def written(self, name: tuple[str, str]) -> int | None:
        """The batch as of which a group was written; None for one that is gone."""
        group = self._group(name)
        return None if group is None else group.written

    def note(self, names: Iterable[tuple[str, str]], upto: int) -> None:
        """These groups are written as of a batch."""
        for name in names:
            group = self._group(name)
            if group is not None:
                group.written = upto

    def live(self) -> int:
        """How many groups there are."""
        return self.kept.groups

    def _group(self, name: tuple[str, str]) -> Group | None:
        node = self._known.get(name[0])
        return node.groups.get(name[1]) if node else None

    def adopt(self, other: Memory) -> None:
        """Take over what another memory holds of correlations that both know, timers and all; it is spent.

        Nothing is looked at group by group, so it takes no longer for many. What the others leave goes by `release`.
        """
        self.kept, self._left = other.kept, other._left
        for node in other.nodes:
            own = self._known.get(node.digest)
            if own is not None:
                own.groups, own.timers, own.changed = node.groups, node.timers, node.changed
            elif node.groups:
                self.kept.groups -= len(node.groups)
                self._left.append(node.groups)

    def release(self, most: int) -> None:
        """Free groups of correlations that are no more, of about so many entries: all at once would take long."""
        while self._left and most > 0:
            groups = self._left[-1]
            _, group = groups.popitem(last=False)
            self.kept.entries -= len(group.entries)
            most -= 1 + len(group.entries)
            if not groups:
                self._left.pop()


def encode_group(group: Group) -> bytes:
    """A group as bytes."""
    source, entries = group.source.encode("utf-8", "replace")[:255], group.entries
    head = _HEAD.pack(group.touched, group.closed, len(source))
    if len(entries) == 1:
        return head + source + _LENGTH.pack(len(entries[0])) + entries[0]
    parts = [head, source]
    for entry in entries:
        parts.append(_LENGTH.pack(len(entry)))
        parts.append(entry)
    return b"".join(parts)


def decode_group(blob: bytes) -> Group:
    """The group of `encode_group`. Raises ValueError for what is none."""
    try:
        touched, closed, length = _HEAD.unpack_from(blob)
        place = _HEAD.size + length
        group = Group(touched=touched, closed=closed, source=blob[_HEAD.size : place].decode("utf-8", "replace"))
        group.ragged = True
        while place < len(blob):
            (size,) = _LENGTH.unpack_from(blob, place)
            entry = blob[place + 2 : place + 2 + size]
            if not SUFFIX <= size == len(entry):
                raise ValueError(f"an entry of {len(entry)} bytes at byte {place} of {len(blob)}")
            group.entries.append(entry)
            group.mask |= mask_of(entry)
            place += 2 + size
    except struct.error as error:
        raise ValueError(f"a group that ends at byte {len(blob)}: {error}") from error
    if not group.entries or any(after <= before for before, after in pairwise(group.entries)):
        raise ValueError("a group without entries, or not in their order")
    group.newest = time_of(group.entries[-1])
    return group


def _compacted(node: Node, entries: list[bytes], young: bytes) -> list[bytes]:
    """At most three quarters of what a group may hold; entries from `young` on are spared where others can go."""
    kind, room = node.correlation.kind, node.cap * 3 // 4
    old = bisect_left(entries, young)
    if kind in STATISTICS:
        half = max(len(entries) - room, len(entries) // 2) // 2 * 2
        pairs = zip(entries[0:half:2], entries[1:half:2], strict=True)
        if kind in {Kind.VALUE_SUM, Kind.VALUE_AVG}:
            return [merged(one, other) for one, other in pairs] + entries[half:]
        return [one for one, _ in pairs] + entries[half:]
    if kind is not Kind.EVENT_COUNT:
        entries = _last_of_each(kind, entries, old)
    return _dropped(kind, entries, len(entries) - room)


def _last_of_each(kind: Kind, entries: list[bytes], old: int) -> list[bytes]:
    """Of old entries that say the same, the last one, and for temporal types also the first of a row of them."""
    kept: list[bytes] = []
    if kind is Kind.VALUE_COUNT:
        seen = {entry[VALUE] for entry in entries[old:]}
        for entry in reversed(entries[:old]):
            if entry[VALUE] not in seen:
                seen.add(entry[VALUE])
                kept.append(entry)
        return [*reversed(kept), *entries[old:]]
    for place, entry in enumerate(entries[:old]):
        mask = mask_of(entry)
        if not (kept and mask_of(kept[-1]) == mask and place + 1 < old and mask_of(entries[place + 1]) == mask):
            kept.append(entry)
    return kept + entries[old:]


def _dropped(kind: Kind, entries: list[bytes], count: int) -> list[bytes]:
    """Without the oldest; the last entry of each rule stays, or a flood of one rule would hide another."""
    if count <= 0:
        return entries
    if kind in {Kind.EVENT_COUNT, Kind.VALUE_COUNT}:
        return entries[count:]
    seen, pinned = 0, []
    for entry in reversed(entries):
        if mask_of(entry) & ~seen:
            seen |= mask_of(entry)
            pinned.append(entry)
    names = {entry[:NAME] for entry in pinned}
    return [entry for place, entry in enumerate(entries) if place >= count or entry[:NAME] in names]
