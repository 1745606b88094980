"""Logs reach the analysers that want them; a faulty analyser harms nobody."""

from __future__ import annotations

from collections.abc import Iterable

from scapy.layers.l2 import ARP, Ether

from collector.analysers.analysis import Analysis
from collector.analysers.model import Memory, notice
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log
from collector.watch import Watch
from tests.collector.packets import NOON, SECOND, batch

FLOW = Flow("10.0.0.1", 1, "10.0.0.2", 2, "tcp")


class Counts:
    """Notices each log and each tick; breaks down at the third log."""

    name = "counts"
    paths = frozenset({"arp", "dns"})

    def __init__(self) -> None:
        self.seen = 0

    def see(self, entry: Entry) -> Iterable[Log]:
        self.seen += 1
        if self.seen == 3:
            raise ZeroDivisionError
        yield notice("Test::Seen", entry.log.at, {"n": self.seen})

    def tick(self, now: int) -> Iterable[Log]:
        yield notice("Test::Tick", now, {})

    def memory(self) -> Memory:
        return {"seen": self.seen}

    def recall(self, memory: Memory) -> None:
        if not isinstance(memory, dict):
            raise TypeError(memory)
        self.seen = int(memory["seen"])


def told(entries: Iterable[Entry]) -> list[tuple[str, str, Flow | None]]:
    return [(str(one.log.fields["note"]), one.uid, one.flow) for one in entries]


def test_a_log_reaches_who_wants_it_and_what_follows_is_of_its_flow() -> None:
    analysis = Analysis([Counts()])
    assert list(analysis.see(Entry(Log("conn", 0, {}), "C1", FLOW))) == []
    assert told(analysis.see(Entry(Log("dns", 0, {}), "C1", FLOW))) == [("Test::Seen", "C1", FLOW)]
    assert told(analysis.tick(1)) == [("Test::Tick", "", None)]


def test_a_fault_is_counted_and_the_next_log_is_seen() -> None:
    analysis = Analysis([Counts()])
    found = [told(analysis.see(Entry(Log("dns", n, {}), "", None))) for n in range(4)]
    assert [len(one) for one in found] == [1, 1, 0, 1]
    assert analysis.faults == 1


def test_memory_outlives_a_restart_and_what_cannot_be_read_does_not() -> None:
    before, after = Analysis([Counts()]), Analysis([Counts()])
    list(before.see(Entry(Log("dns", 0, {}), "", None)))
    after.recall({"stranger": [], **before.memory()})
    assert after.memory() == {"counts": {"seen": 1}}
    broken: list[Memory] = [[], {}, {"seen": "x"}, None]
    for one in broken:
        after.recall({"counts": one})
    assert (after.memory(), after.faults) == ({"counts": {"seen": 1}}, 4)


def test_a_watch_shows_its_logs_and_its_time_to_analysers() -> None:
    one = bytes(Ether() / ARP(op=2, psrc="10.0.0.1", pdst="10.0.0.2"))
    watch = Watch((), analysers=[Counts()])
    entries = [*watch.take(batch([one], [NOON])), *watch.tick(NOON + SECOND), *watch.finish()]
    seen = [(one.log.path, one.log.fields.get("note"), one.log.at) for one in entries]
    noon, second = NOON // 1000, SECOND // 1000
    assert seen == [
        ("arp", None, noon),
        ("notice", "Test::Seen", noon),
        ("notice", "Test::Tick", noon),
        ("notice", "Test::Tick", noon + second),
        ("notice", "Test::Tick", noon + second),
    ]
