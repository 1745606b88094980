"""Which windows an entry may complete that came after later ones, or at the same time as others. Pure.

A window that held before holds on, and its anchor has fired. So only anchors that have not are looked at, and of
these only those whose window is another one for the new entry: what others of the same value or of the same rules
give to a window is nothing new. What a window lacks says how many entries the next one must have more, and so how
many can be passed over. Together this costs little for each hit, however they come: a window is looked at again only
when it lacks less than before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from .entry import FIRED, FLAGS, MASK, NAME, TIME, VALUE, mask_of, prefix, time_of
from .marks import Marks
from .model import Kind
from .plan import Group, Node
from .window import place_of, terms_of

Window = tuple[int, int, int]
"""Its begin, its end, the place of its anchor."""
Entries = Sequence[bytes]
#: From so many distinct values on it is kept when each occurs next, so that no window is walked through.
_MANY = 256
#: So few windows are looked at without asking which of them are others now.
_FEW = 8


def marked(node: Node, group: Group) -> Marks:
    """The marks of a group; with the times of its values where many are asked for."""
    if group.marks is None:
        group.marks = Marks(group.entries, valued=node.lacking is not None and node.least >= _MANY)
    return group.marks


def values_lacking(node: Node, group: Group, low: int, high: int) -> int:
    """At least how many distinct values a window needs besides; 0 when it has enough."""
    assert node.lacking is not None
    if node.least >= _MANY and (values := (marks := marked(node, group)).values) is not None:
        if len(values) < node.least:
            return node.least - len(values)
        return max(0, node.least - marks.distinct(low, high, time_of(group.entries[high - 1])))
    return node.lacking(group.entries, low, high)


def held_before(node: Node, entries: Entries, low: int, place: int) -> bool:
    """Whether a window holds because it has all of the one that ended just before it, which held."""
    before = entries[place - 1] if place > low else b""
    if not before or not before[FLAGS] & FIRED:
        return False
    return not low or entries[low - 1] < prefix(time_of(before) - node.span)


def completed(node: Node, group: Group, marks: Marks, place: int) -> Iterator[Window]:
    """The windows that hold and whose anchors have not fired, of those that the entry at a place is part of.

    Whoever takes one marks its anchor as fired.
    """
    entries, fired = group.entries, marks.fired
    if node.ordered:
        yield from _in_order(node, entries, fired, place)
        return
    time = time_of(entries[place])
    if marks.values is not None and len(marks.values) < node.least:
        return
    first, end = bisect_left(entries, prefix(time)), bisect_left(entries, prefix(time + node.span + 1))
    window = _window(node, entries, place)
    # Events of one instant have one window; counting does not ask which of them it ends with.
    known = not node.needed and (fired.find(1, first, window[1]) >= 0 or held_before(node, entries, window[0], first))
    if known or not _lacking(node, group, window):
        yield window
    unfired = fired.count(0, first, end)
    if not unfired:
        return
    if node.correlation.kind is Kind.EVENT_COUNT:
        end = min(end, place + node.least)
    elif unfired > _FEW:
        first, end = _changed(node, group, place, (first, end))
    yield from _among(node, group, fired, (first, end), place)


def _among(node: Node, group: Group, fired: bytearray, reach: tuple[int, int], known: int) -> Iterator[Window]:
    """What holds among the anchors in reach; of the one at the place `known` it is known."""
    entries, (first, end) = group.entries, reach
    place = fired.find(0, first, end)
    while place >= 0:
        if place == known:
            place = fired.find(0, place + 1, end)
            continue
        window = _window(node, entries, place)
        lacking = _lacking(node, group, window)
        following = place + 1
        if not lacking:
            yield window
        elif not node.needed:
            following = window[1] + lacking - 1
            if following >= end:
                return
            # Of events of one instant each ends with the last of them.
            following = max(window[1], bisect_left(entries, entries[following][:8]))
        place = fired.find(0, following, end)


def _window(node: Node, entries: Entries, place: int) -> Window:
    time = time_of(entries[place])
    low = bisect_left(entries, prefix(time - node.span), 0, place)
    return low, bisect_left(entries, prefix(time + 1), place), place


def _lacking(node: Node, group: Group, window: Window) -> int:
    """At least how many entries the window needs besides; 0 when it holds."""
    entries, (low, high, place) = group.entries, window
    if node.needed:
        return not node.decision(entries, low, high, entries[place])
    lacking = max(0, node.least - (high - low))
    return values_lacking(node, group, low, high) if node.lacking is not None and not lacking else lacking


def _changed(node: Node, group: Group, place: int, reach: tuple[int, int]) -> tuple[int, int]:
    """The anchors, of those in reach, whose window has nothing else that gives what the entry at a place gives."""
    entries, (first, end) = group.entries, reach
    before, after = _neighbours(node, group, place, end)
    if before:
        first = max(first, bisect_left(entries, prefix(time_of(before) + node.span + 1)))
    if after:
        end = min(end, bisect_left(entries, after))
    return first, end


def _neighbours(node: Node, group: Group, place: int, end: int) -> tuple[bytes, bytes]:
    """The times of the entries before and after one that give the same, as entries begin with them."""
    entries = group.entries
    entry = entries[place]
    if not node.needed and group.marks is not None and group.marks.values is not None:
        same = group.marks.values[entry[VALUE]]
        at = bisect_left(same, entry[:NAME])
        return (same[at - 1][:TIME] if at else b""), (same[at + 1][:TIME] if at + 1 < len(same) else b"")
    alike = _same(node, entry)
    low = bisect_left(entries, prefix(time_of(entry) - node.span), 0, place)
    before = next((entries[each] for each in range(place - 1, low - 1, -1) if alike(entries[each])), b"")
    after = next((entries[each] for each in range(place + 1, end) if alike(entries[each])), b"")
    return before[:TIME], after[:TIME]


def _same(node: Node, entry: bytes) -> Callable[[bytes], bool]:
    if not node.needed:
        value = entry[VALUE]
        return lambda other: other[VALUE] == value
    mask = mask_of(entry)
    return lambda other: int.from_bytes(other[MASK], "big") & mask == mask


def _in_order(node: Node, entries: Entries, fired: bytearray, place: int) -> Iterator[Window]:
    """Anchors of chains that may lead through the entry at a place, however events of one instant are ordered."""
    own = mask_of(entries[place])
    for term in terms_of(node.correlation):
        for number, step in enumerate(term.wanted):
            if not own >> step & 1:
                continue
            start = _back(node, entries, place, term.wanted[:number])
            if start is None:
                continue
            if number + 1 == len(term.wanted):
                anchors = range(place, place + 1)
            else:
                end = bisect_left(entries, prefix(start + node.span + 1))
                anchors = range(_forth(entries, place, end, term.wanted[number + 1 : -1]), end)
            byte, bit = place_of(term.wanted[-1])
            for each in anchors:
                if entries[each][byte] & bit and not fired[each]:
                    low, high, _ = window = _window(node, entries, each)
                    if node.decision(entries, low, high, entries[each]):
                        yield window


def _back(node: Node, entries: Entries, place: int, steps: Sequence[int]) -> int | None:
    """The latest time at which steps that lead to an entry can begin; None when they cannot."""
    time = time_of(entries[place])
    low = bisect_left(entries, prefix(time - node.span), 0, place) if steps else place
    for step in reversed(steps):
        byte, bit = place_of(step)
        upto = bisect_left(entries, prefix(time + 1), low)
        found = next((each for each in range(upto - 1, low - 1, -1) if entries[each][byte] & bit), None)
        if found is None:
            return None
        time = time_of(entries[found])
    return time


def _forth(entries: Entries, place: int, end: int, steps: Sequence[int]) -> int:
    """The first place at which the step after those that follow an entry can stand; the end when there is none."""
    first = bisect_left(entries, entries[place][:8])
    for step in steps:
        byte, bit = place_of(step)
        found = next((each for each in range(first, end) if entries[each][byte] & bit), None)
        if found is None:
            return end
        first = bisect_left(entries, entries[found][:8])
    return first
