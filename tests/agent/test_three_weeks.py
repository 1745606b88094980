"""A laptop away for three weeks: its clock moved through them, its spool within its bound, its losses exactly told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from agent.wire.event import Record
from agent.wire.sending import own
from agent.wire.sending.care import Care, Meter
from agent.wire.sending.sensor import Bookmark
from agent.wire.sending.spool import Spool, spooled
from agent.wire.sending.watchdog import Watchdog

HOUR = 3_600_000_000
START = 1_790_000_000_000_000
HOURS = 21 * 24
BOUND = 600_000


class Channel:
    """A log of the host with events of the least importance: it keeps what nobody reads, as Windows does."""

    def __init__(self) -> None:
        self.written = self.read = 0
        self._stays = False

    def restrain(self, priority: int) -> None:
        self._stays = priority < 3

    def events(self) -> list[Record]:
        if self._stays:
            return []
        new = [event(3, number) for number in range(self.read, self.written)]
        self.read = self.written
        return new


def event(priority: int, number: int, at: int = START) -> Record:
    return {"@timestamp": at + number, "p": priority, "n": number, "x": "y" * (100 + number % 50)}


def delivered(spool: Spool) -> Iterator[Record]:
    while (batch := spool.batch("boot", 500, 128 << 10)) is not None:
        yield from map(json.loads, batch.lines)
        spool.acknowledged(batch)


def test_what_was_dropped_is_exactly_what_the_gaps_say(tmp_path: Path) -> None:
    """Each hour brings events of every priority; after a week the clock falls back, after two it leaps ahead."""
    spool = Spool(tmp_path / "spool.db", max_bytes=BOUND, keep_free=0)
    channel, made = Channel(), Counter[int]()
    care = Care(Watchdog(tmp_path, {}), own_use=False, meter=Meter(lambda: 0, lambda: 0.0, lambda: 0.0))
    for hour in range(HOURS):
        now = START + hour * HOUR + (0, -40 * HOUR, 400 * HOUR)[hour * 3 // HOURS]
        channel.written += 10
        records = [(kind, event(kind, made[kind] + n, now)) for kind, many in ((1, 4), (2, 9)) for n in range(many)]
        made.update(priority for priority, _ in records)
        care.round(spool.share, [channel])  # type: ignore[list-item]
        held = [*records, *((3, one) for one in channel.events())]
        spool.add([spooled(one, priority) for priority, one in held], [Bookmark("channel", str(channel.read))])
        assert spool.size <= BOUND
        if hour % 24 == 23:
            spool.gaps_to_records([(gap, own.telemetry_gap("boot", gap)) for gap in spool.gaps()])
    arrived: list[Record] = []
    while spool.depth or spool.gaps():  # the event of a loss may itself push out a row
        spool.gaps_to_records([(gap, own.telemetry_gap("boot", gap)) for gap in spool.gaps()])
        arrived += delivered(spool)
    gaps = [one for one in arrived if one.get("event.action") == "telemetry_gap"]
    got = Counter(one["p"] for one in arrived if "p" in one)
    told: Counter[object] = Counter()
    for gap in gaps:
        told[gap["gap.priority"]] += int(str(gap["gap.count"]))
    assert got[2] + told[2] == made[2]
    assert told[2] > 0, "the usual ones had to go"
    assert (got[1], told[1]) == (made[1], 0), "what rules decide on is all there"
    assert got[3] + told[3] == channel.read < channel.written
    lost = set(range(made[2])) - {one["n"] for one in arrived if one.get("p") == 2}
    assert lost == set(range(len(lost))), "the oldest went first"
    assert len({one["event.id"] for one in gaps}) == len(gaps)
    care.round(spool.share, [channel])  # type: ignore[list-item]
    assert len(channel.events()) == channel.written - got[3] - told[3], "what was left at its source is read afterwards"
    spool.close()
