"""Events of a time that only a cluster has, for a pack: whole hours of arrival, as a seal proves all of one or nothing.

An hour without a seal, the newest ones above all, comes with the events of that time alone; the pack says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from appliance.clock import rfc3339
from appliance.evidence.cluster import SealedHour
from appliance.evidence.lanes import Lanes
from appliance.evidence.ledger import Ledger
from appliance.settings import ElasticSettings


class Unlike(RuntimeError):
    """An hour's events are not those that were sealed; the text names the hour."""


@dataclass(frozen=True, slots=True)
class HourAfar:
    """An hour of arrival (microseconds of its beginning) in an index: its seal, and how many events are to come.

    `wanted` of them are of the time that was asked for.
    """

    index: str
    hour: int
    sealed: SealedHour | None
    events: int
    wanted: int

    @property
    def line(self) -> dict[str, str | int | None]:
        """What a pack says of it."""
        entry = None if self.sealed is None else self.sealed.entry
        return {"entry": entry, "events": self.events, "hour": self.hour, "index": self.index, "wanted": self.wanted}


def sealed_hours(ledger: Ledger) -> dict[tuple[str, int], SealedHour]:
    """Return what the last entry of each hour says, of indices that retention has not deleted."""
    found: dict[tuple[str, int], SealedHour] = {}
    for entry in ledger.of_kind("hour", "index_deletion"):
        payload = entry["payload"]
        if entry["kind"] == "hour":
            one = SealedHour(entry["number"], payload["events"], payload["digest"])
            found[payload["index"], payload["hour"]] = one
        else:
            found = {place: one for place, one in found.items() if place[0] != payload["index"]}
    return found


class Faraway:
    """The events of a time (microseconds) in a cluster. Its methods raise StoreUnavailable and QueryTimeout."""

    def __init__(self, settings: ElasticSettings, start: int | None, end: int | None) -> None:
        from appliance.store.elastic.whole import WholeIndices  # noqa: PLC0415 - only where events are read

        self._start, self._end = start, end
        self._whole = WholeIndices(settings)

    def hours(self, sealed: Mapping[tuple[str, int], SealedHour]) -> list[HourAfar]:
        """Return the hours of arrival with events of the time, by index and hour."""
        found = []
        for index in self._whole.indices():
            for hour, wanted in sorted(self._whole.hours(index, self._start, self._end).items()):
                seal = sealed.get((index, hour))
                found.append(HourAfar(index, hour, seal, wanted if seal is None else seal.events, wanted))
        return found

    def lines(self, one: HourAfar, taken: list[HourAfar]) -> Iterator[bytes]:
        """Yield the documents of an hour as they are in the cluster, and at the end note what was taken.

        To an hour without a seal events may have come since it was asked for. Raises Unlike after the last document.
        """
        span = (self._start, self._end) if one.sealed is None else (None, None)
        found = Lanes()
        for name, body in self._whole.documents(one.index, one.hour, *span):
            found.add(name, body)
            yield body
        if one.sealed is None:
            taken.append(replace(one, events=found.count, wanted=found.count))
        elif (found.count, found.digest()) == (one.sealed.events, one.sealed.digest):
            taken.append(one)
        else:
            raise Unlike(f"{one.index}, godzina od {rfc3339(one.hour)}")

    def close(self) -> None:
        """Let go of the connections."""
        self._whole.close()
