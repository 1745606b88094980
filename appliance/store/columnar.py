"""Events of a store a field at a time, for those who look at all of them: what a store that keeps them so hands out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from appliance.normalise.model import Event, Value
from appliance.search import Node

Places = npt.NDArray[np.int64]
"""Where events stand among others, from 0."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A field of some events: values, and for each event the number of its own; number 0 is None, no such field."""

    values: Sequence[Value | None]
    codes: Places

    @property
    def present(self) -> list[Value]:
        """The values from number 1 on."""
        return [value for value in self.values if value is not None]

    def of(self, places: Places) -> Coded:
        """Return the same of some of the events, with no values but theirs."""
        codes = self.codes[places]
        if not codes.any():
            return Coded(self.values[:1], codes)
        there, codes = compact(codes, len(self.values))
        if there[0] != 0:
            there, codes = [0, *there], codes + 1
        return Coded([self.values[at] for at in there], codes)


def compact(codes: Places, size: int) -> tuple[list[int], Places]:
    """Return the numbers below `size` that occur among codes, in order, and the codes as places among them."""
    seen = np.zeros(size, np.bool_)
    seen[codes] = True
    there = np.flatnonzero(seen)
    place = np.empty(size, np.int64)
    place[there] = np.arange(len(there))
    return there.tolist(), place[codes]


class Columns(Protocol):
    """Some events of a store, to be looked at a field at a time. Each raises StoreUnavailable and QueryTimeout."""

    @property
    def names(self) -> frozenset[str]:
        """The names of all fields that the events have, and perhaps of some that none has."""

    def __len__(self) -> int:
        """Return how many events these are."""

    def coded(self, name: str) -> Coded:
        """Return the values of a field."""

    def texts(self) -> Iterator[tuple[Collection[str], bytes]]:
        """Yield all texts in UTF-8, many at a time, with the names of the fields that they may be of."""

    def events(self, places: Places) -> list[Event]:
        """Return whole events by their places, which are in order."""


@runtime_checkable
class Columnar(Protocol):
    """What a store may be able to do beside: hand out events a field at a time."""

    def columns(self, query: Node | str, start: int | None = None, end: int | None = None) -> Iterable[Columns]:
        """Return, part by part, each stored event once that answers a query, and perhaps others of the time.

        Each part is good until the next is asked for. Parts come by day of arrival; what arrives meanwhile may be
        among them or not.
        """
