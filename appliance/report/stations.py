"""The stations of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_NAMED = 5
"""Stations that are named one by one beside a count of them."""
MOST_LISTED = 30
"""Stations that are named one by one where nothing is known of them."""


@dataclass(frozen=True, slots=True)
class Station:
    """A station as the report counts it; `hourly` holds its events per hour of the period."""

    id: str
    hostname: str
    os: str
    enrolled_at: int
    seen_at: int | None
    revoked: bool
    hourly: Sequence[int]
    sensor: bool = False
    """It watches the network and says nothing of its own settings."""

    @property
    def judged(self) -> bool:
        """Whether it is one whose settings and programs a report is to tell of."""
        return not self.revoked and not self.sensor


def hosts_of(stations: Sequence[Station], most: int) -> list[str]:
    """Return the first host names in the order of people's eyes."""
    return sorted(station.hostname for station in stations)[:most]
