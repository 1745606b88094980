"""Hits are put into groups, windows of groups are judged, and what holds is told and passed on.

Most hits complete nothing, so the way of a hit that comes in its order begins with what rules most of them out: too
few entries, too old ones, a rule that is missing, values that were counted a moment ago.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import orjson

from appliance.detect.model import Rule

from .entry import FIRED, FLAGS, NAME, SUFFIX, TOLD, bounded, flagged, mask_of, name, prefix, tail, time_of
from .hits import Hits
from .late import Window, completed, held_before, marked, values_lacking
from .match import Match
from .model import Bounds
from .plan import NEVER, Group, Mode, Node, Plan
from .state import LANE, Memory

#: Events that one match names; the newest.
EVIDENCE = 200


class Judge:
    """Judges the groups of a plan. `sources` are the senders' watermarks and the arrivals that told them."""

    def __init__(self, plan: Plan, memory: Memory, hits: Hits) -> None:
        self.memory, self.now = memory, NEVER
        self.sources: dict[str, tuple[int, int]] = {}
        self._plan, self._hits = plan, hits
        self._timed = [node for node in plan.nodes if not node.at_once]
        self.out: list[Match] = []

    def taken(self) -> list[Match]:
        """The matches that were found since."""
        out, self.out = self.out, []
        return out

    def set_timers(self) -> None:
        """Set the timers of all groups that wait, where none is set yet: groups that were written."""
        for node in self._timed:
            for key, group in node.groups.items():
                first = bisect_left(group.entries, prefix(group.closed + 1))
                if first < len(group.entries):
                    self._wait(node, key, group, time_of(group.entries[first]))

    def insert(  # noqa: PLR0917 - once for every hit, and each name would cost
        self, node: Node, key: str, time: int, entry: bytes, arrival: int, source: str
    ) -> None:
        """Take an entry; its time is given besides, in microseconds, as is when it arrived and who sent it."""
        group = node.groups.get(key)
        if group is None:
            group = self.memory.new_group(node, key, time, entry, self.now)
        elif time > group.newest and time > group.closed:
            node.groups.move_to_end(key)
            self.memory.append(node, key, group, time, entry, self.now)
        else:
            self._insert_late(node, key, group, time, entry, arrival, source)
            return
        group.touched, group.source = arrival, source
        if not node.at_once:
            if group.due == NEVER:
                self._wait(node, key, group, time)
        elif group.spare:
            group.spare -= 1
        elif len(group.entries) >= node.least:
            self._look(node, key, group, time)

    def _insert_late(  # noqa: PLR0917 - what `insert` was given
        self, node: Node, key: str, group: Group, time: int, entry: bytes, arrival: int, source: str
    ) -> None:
        """Take an entry that is no newer than another of its group, or than what was judged."""
        node.groups.move_to_end(key)
        if time <= group.closed:
            self._hits.seen.missed += 1
            group.ragged = True
            if node.mode is Mode.CLOSED:
                return
        newest = time == group.newest
        added = self.memory.add(node, key, group, entry, self.now)
        group.touched, group.source = arrival, source
        if not added:
            return
        if not node.at_once:
            if group.due == NEVER and time > group.closed:
                self._wait(node, key, group, time)
            return
        if group.spare:
            group.spare -= 1
            if newest:
                return
        if _possible(node, group):
            self._judge_again(node, key, group, entry)

    def _look(self, node: Node, key: str, group: Group, time: int) -> None:
        """Judge the window that ends with an entry that is newer than all others."""
        entries, least = group.entries, node.least
        if node.needed and not _completes(node, group.mask, mask_of(entries[-1])):
            return
        start = prefix(time - node.span)
        if least > 1 and entries[-least] < start:
            return
        low = 0 if entries[0] >= start else bisect_left(entries, start)
        high = len(entries)
        if node.needed:
            if (low or node.ordered) and not node.decision(entries, low, high, entries[-1]):
                return
        elif node.lacking is not None and not held_before(node, entries, low, high - 1):
            lacking = values_lacking(node, group, low, high)
            if lacking:
                group.spare = lacking - 1
                return
        self._fire(node, key, group, (low, high, high - 1), newest=True)

    def _judge_again(self, node: Node, key: str, group: Group, entry: bytes) -> None:
        """Judge the windows that a late entry falls into, and tell it where one of them held without it."""
        entries = group.entries
        place = bisect_left(entries, entry[:NAME])
        if place == len(entries) or entries[place][:NAME] != entry[:NAME]:
            return  # the group was full, and this was the oldest
        marks = marked(node, group)
        fired, told = marks.fired, marks.told
        for window in completed(node, group, marks, place):
            self._fire(node, key, group, window)
        if not told[place]:
            time = time_of(entry)
            anchor = fired.find(1, bisect_left(entries, prefix(time)), place + EVIDENCE)
            if anchor >= 0 and (at := time_of(entries[anchor])) <= time + node.span:
                low, high = bisect_left(entries, prefix(at - node.span)), bisect_left(entries, prefix(at + 1))
                if high - place <= EVIDENCE:
                    self._tell_again(node, key, group, (low, high, anchor), place)

    def settle(self, moment: int) -> None:
        """Judge every window that is due: those of lower correlations first, for what they pass on."""
        for node in self._timed:
            upto, groups = prefix(bounded(moment - node.opened) + 1), node.groups
            for bucket, keys in node.timers.due(moment):
                for key in keys:
                    group = groups.get(key)
                    # A timer may have been set for a group that has gone since, and its key come back.
                    if group is not None and group.due == bucket:
                        group.due = NEVER
                        self._settle(node, key, group, self._upto(node, group, moment) if LANE in key else upto)

    def _wait(self, node: Node, key: str, group: Group, time: int) -> None:
        """Set the timer for the first event of a group whose window is still to be judged."""
        due = time + node.opened
        if LANE in key:
            watermark, arrival = self.sources.get(group.source, (due, 0))
            due = max(group.touched, arrival if watermark < due else 0) + node.lateness
        group.due = node.timers.put(due, key)

    def _upto(self, node: Node, group: Group, moment: int) -> bytes:
        """What follows the entries of a lane whose windows nothing more can come for.

        A lane's own clock is its sender's: it is over when the sender has gone past it, or is silent.
        """
        quiet = moment - node.lateness
        if group.touched > quiet:
            return prefix(NEVER)
        watermark, arrival = self.sources.get(group.source, (-NEVER, 0))
        return prefix((-NEVER if arrival <= quiet else bounded(watermark - node.opened)) + 1)

    def _settle(self, node: Node, key: str, group: Group, upto: bytes) -> None:
        """Judge the windows of a group that are complete, those of entries that sort before `upto`."""
        entries = group.entries
        first = 0 if group.closed == NEVER else bisect_left(entries, prefix(group.closed + 1))
        end = bisect_left(entries, upto, first)
        if first < end:
            if node.windows is not None:
                self._settle_each(node, key, group, first, end)
            else:
                end = self._close(node, key, group, first, upto)
            node.changed.add(key)
        if end < len(entries):
            self._wait(node, key, group, time_of(entries[end]))
        if node.windows is None and not node.parents:
            self.memory.remove(node, key, group, end)

    def _settle_each(self, node: Node, key: str, group: Group, first: int, end: int) -> None:
        """Judge the windows that end with the entries from the first to the end."""
        entries, span, place = group.entries, node.span, first
        time = time_of(entries[first])
        start = prefix(time - span)
        low = 0 if entries[0] >= start else bisect_left(entries, start, 0, first)
        condition = node.correlation.condition
        assert node.windows is not None
        assert isinstance(condition, Bounds)
        number_of, hold = node.windows(entries, low, end), condition.hold
        while True:
            group.closed, high = time, place + 1
            if high < end and entries[high][:8] == entries[place][:8]:
                high = bisect_left(entries, prefix(time + 1), high)
            if hold(number_of(low, high)):
                for each in range(place, high):
                    self._fire(node, key, group, (low, high, each), newest=not group.ragged)
            place = high
            if place == end:
                return
            time = time_of(entries[place])
            start = prefix(time - span)
            while entries[low] < start:
                low += 1

    def _close(self, node: Node, key: str, group: Group, first: int, upto: bytes) -> int:
        """Judge the windows that entries open, from the first to those before `upto`; return where they end."""
        entries = group.entries
        while first < len(entries) and entries[first] < upto:
            group.closed = time_of(entries[first]) + node.span
            high = bisect_left(entries, prefix(group.closed + 1))
            if node.decision(entries, first, high, entries[high - 1]):
                self._fire(node, key, group, (first, high, high - 1))
            first = high
        return first

    def _fire(self, node: Node, key: str, group: Group, window: Window, *, newest: bool = False) -> None:
        """The condition holds over a window (its begin, its end, the place of its anchor): tell it, and pass it on.

        `newest` says that what lies before an entry that was told was told, too.
        """
        entries, place = group.entries, window[2]
        fired = entries[place][FLAGS] & FIRED
        fresh = _tell(group, window, newest=newest)
        if fired and not fresh:
            return
        match = self._matched(node, key, group, window, fresh)
        if not fired:
            self._hits.seen.matches += 1
            for parent, at in node.parents:
                self._pass_on(node, key, group, entries[place], match, parent, at)

    def _tell_again(self, node: Node, key: str, group: Group, window: Window, place: int) -> None:
        """An entry belongs to a match that was told before it came."""
        assert group.marks is not None
        group.entries[place] = flagged(group.entries[place], TOLD)
        group.marks.told[place] = 1
        self._matched(node, key, group, window, [group.entries[place]])

    def _matched(self, node: Node, key: str, group: Group, window: Window, fresh: Sequence[bytes]) -> Match:
        """The match of a window, with entries that none has named yet; it is told where the correlation alerts."""
        entries, (low, high, place) = group.entries, window
        node.changed.add(key)
        values, lane = key, False
        if LANE in key:
            values, lane = key.partition(LANE)[0], True
        evidence = () if node.silent else self._evidence(node, fresh)
        anchor, at, first = entries[place], time_of(entries[place]), time_of(entries[low])
        match = Match(node.correlation, values, anchor[8:24], at, first, high - low, evidence, lane)
        if not node.silent:
            self.out.append(match)
        return match

    def _evidence(self, node: Node, fresh: Sequence[bytes]) -> tuple[tuple[int, str], ...]:
        if node.plain:
            if len(fresh) == 1:
                return ((time_of(fresh[0]), fresh[0][8:24].hex()),)
            return tuple([(time_of(entry), entry[8:24].hex()) for entry in reversed(fresh)])
        told = {event: None for entry in fresh for event in self._events(node, entry)}
        return tuple(sorted(told)[-EVIDENCE:])

    def _events(self, node: Node, entry: bytes) -> Iterator[tuple[int, str]]:
        """The events behind an entry: its own, or those of the match that it stands for."""
        mask = mask_of(entry)
        place = (mask & -mask).bit_length() - 1
        target = node.targets[place]
        if isinstance(target, Rule):
            yield time_of(entry), entry[8:24].hex()
            return
        child = next(one for one in self._plan.nodes if one.correlation is target)
        group = child.groups.get(str(orjson.loads(entry[SUFFIX:])[-1]))
        if group is not None:
            at = time_of(entry)
            low = bisect_left(group.entries, prefix(at - child.span))
            high = bisect_left(group.entries, prefix(at + 1))
            for each in group.entries[max(low, high - EVIDENCE) : high]:
                yield from self._events(child, each)

    def _pass_on(  # noqa: PLR0917 - one step of the walk, with all it has found
        self, node: Node, key: str, group: Group, anchor: bytes, match: Match, parent: Node, place: int
    ) -> None:
        carried = orjson.loads(anchor[SUFFIX:]) if node.carried else []
        values = dict(zip(node.correlation.group_by, match.group, strict=True))
        values.update(zip(node.carried, carried, strict=False))
        found = self._hits.checked(parent, [values.get(name, "") for name in parent.names[place]], own_key=key)
        if found is not None:
            above, value, suffix = found
            if match.late:
                above += LANE + group.source
            entry = name(match.at, bytes.fromhex(match.id)) + tail(1 << place, value, suffix)
            self.insert(parent, above, match.at, entry, group.touched, group.source)


def _possible(node: Node, group: Group) -> bool:
    """Whether it pays to look at the windows of a late entry: most hits complete nothing."""
    if len(group.entries) < node.least:
        return False
    return not node.needed or any(bits & group.mask == bits for bits, _ in node.needed)


def _completes(node: Node, mask: int, own: int) -> bool:
    """Whether an entry that fulfils `own` may complete what its group has of the rules."""
    for bits, last in node.needed:  # noqa: SIM110 - three times as fast as any()
        if own & last and bits & mask == bits:
            return True
    return False


def _tell(group: Group, window: Window, *, newest: bool) -> list[bytes]:
    """Mark the anchor, and what no match has named yet.

    Return the latter from the newest to the oldest; of too many the newest.
    """
    entries, marks, (low, high, anchor) = group.entries, group.marks, window
    fresh: list[bytes] = []
    for place in _untold(group, max(low, high - EVIDENCE), high, newest=newest):
        entry = entries[place]
        fresh.append(entry)
        entries[place] = flagged(entry, TOLD | FIRED if place == anchor else TOLD)
        if marks is not None:
            marks.told[place] = 1
    if not entries[anchor][FLAGS] & FIRED:
        entries[anchor] = flagged(entries[anchor], FIRED)
    if marks is not None:
        marks.fired[anchor] = 1
    return fresh


def _untold(group: Group, low: int, high: int, *, newest: bool) -> list[int]:
    """The places of what was not told, from the newest to the oldest."""
    entries, found = group.entries, []
    if group.marks is None:
        for place in range(high - 1, low - 1, -1):
            if not entries[place][FLAGS] & TOLD:
                found.append(place)
            elif newest:
                # What came before was told by the match that told this one.
                break
        return found
    told = group.marks.told
    place = told.rfind(0, low, high)
    while place >= 0:
        found.append(place)
        place = told.rfind(0, low, place)
    return found
