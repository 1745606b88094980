"""Regular expressions as automata: what an expression means, in linear time, without any engine."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from appliance.search.regextree import LAST, Chars, Choice, Part, Regex, Repeat, Sequence

MAX_EFFORT = 300_000
"""Steps in which an expression must be made deterministic; engines that must do so have the like."""
States = frozenset[int]


class Automaton:
    """A non-deterministic automaton whose sets of states are kept as they are met."""

    def __init__(self, regex: Regex) -> None:
        self._edges: list[tuple[Chars, int]] = []
        self._free: list[list[int]] = []
        self._from: list[list[int]] = []
        self._anywhere: set[int] = set()
        self._begin: set[int] = set()
        self._won: set[int] = set()
        self._at_end: set[int] = set()
        for branch in regex.branches:
            start, end = self._state(), self._state()
            self._join(branch.part, start, end)
            (self._begin if branch.begin else self._anywhere).add(start)
            (self._at_end if branch.end else self._won).add(end)
        self._marks = sorted(
            {0} | {mark for on, _ in self._edges for low, high in on.ranges for mark in (low, high + 1)}
        )
        self._kinds, self._edges_of = self._classify()
        self._known: dict[tuple[States, int], States] = {}
        self._start = self._closed(self._begin | self._anywhere)

    def matches(self, text: str) -> bool:
        """Return whether the expression is found in a text."""
        states = self._start
        for character in text:
            if states & self._won:
                return True
            states = self._step(states, self._kinds[bisect_right(self._marks, ord(character)) - 1])
        return bool(states & self._won or states & self._at_end)

    def bounded(self) -> bool:
        """Return whether the deterministic automaton is found within the bound."""
        met, waiting, effort = {self._start}, [self._start], 0
        while waiting:
            states = waiting.pop()
            for kind in range(len(self._edges_of)):
                effort += len(states)
                if effort > MAX_EFFORT:
                    return False
                following = self._step(states, kind)
                if following not in met and not following & self._won:
                    met.add(following)
                    waiting.append(following)
        return True

    def _classify(self) -> tuple[list[int], list[frozenset[int]]]:
        """Return for each piece of the alphabet its kind, and for each kind the edges that its characters take."""
        numbers: dict[frozenset[int], int] = {}
        same: dict[Chars, list[int]] = {}
        for place, (on, _) in enumerate(self._edges):
            same.setdefault(on, []).append(place)
        edges = [
            frozenset(place for on, places in same.items() if _holds(on, mark) for place in places)
            for mark in self._marks
        ]
        return [numbers.setdefault(one, len(numbers)) for one in edges], list(numbers)

    def _step(self, states: States, kind: int) -> States:
        found = self._known.get((states, kind))
        if found is None:
            taken = self._edges_of[kind]
            reached = {self._edges[edge][1] for state in states for edge in self._from[state] if edge in taken}
            found = self._known[states, kind] = self._closed(reached | self._anywhere)
        return found

    def _closed(self, states: set[int]) -> States:
        found, waiting = set(states), list(states)
        while waiting:
            for following in self._free[waiting.pop()]:
                if following not in found:
                    found.add(following)
                    waiting.append(following)
        return frozenset(found)

    def _state(self) -> int:
        self._free.append([])
        self._from.append([])
        return len(self._free) - 1

    def _join(self, part: Part, start: int, end: int) -> None:
        match part:
            case Chars():
                self._from[start].append(len(self._edges))
                self._edges.append((part, end))
            case Sequence(parts):
                self._chain(iter(parts), start, end)
            case Choice(parts):
                for one in parts:
                    self._join(one, start, end)
            case Repeat(inner, low, None):
                middle = self._state()
                self._chain(iter([inner] * low), start, middle)
                loop = self._state()
                self._join(inner, middle, loop)
                self._free[loop].append(middle)
                self._free[middle].append(end)
            case Repeat(inner, low, int(high)):
                middle = self._state()
                self._chain(iter([inner] * low), start, middle)
                self._optional(inner, high - low, middle, end)

    def _chain(self, parts: Iterator[Part], start: int, end: int) -> None:
        for part in parts:
            following = self._state()
            self._join(part, start, following)
            start = following
        self._free[start].append(end)

    def _optional(self, part: Part, times: int, start: int, end: int) -> None:
        for _ in range(times):
            self._free[start].append(end)
            following = self._state()
            self._join(part, start, following)
            start = following
        self._free[start].append(end)


def _holds(on: Chars, point: int) -> bool:
    at = bisect_right(on.ranges, (point, LAST + 1)) - 1
    return at >= 0 and on.ranges[at][0] <= point <= on.ranges[at][1]
