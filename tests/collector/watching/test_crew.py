"""Several processes over a real pair of virtual cards: they share flows, and one that is gone is replaced."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from agent.wire.sending.sensor import Gap, SensorLost
from collector.analysers.bindings import Bindings
from collector.analysers.model import Memory, notice
from collector.heads.head import Entry
from collector.protocols.model import Log
from collector.settings import settings
from collector.slices.cut import cut
from collector.slices.files import Limits
from collector.watching import crew as crews
from collector.watching.crew import Crew
from tests.collector.cards import pair_of_cards
from tests.collector.packets import claim, frames_of, lease
from tests.collector.replay import send

ONE, OTHER = "czt-crew0", "czt-crew1"
THERE = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
BACK = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    told = settings((), ())._replace(slices=(tmp_path, Limits(keep_free=0)))
    with pair_of_cards(ONE, OTHER), contextlib.closing(Crew([ONE], told, [Suspicious()], 2)) as made:
        made.open()
        yield made


def _connections(first: int, count: int) -> list[bytes]:
    """Return the two sides' first packets of so many connections."""
    frames = []
    for port in range(first, first + count):
        ends = {"src": "10.0.0.1", "dst": "10.0.0.2"}
        frames.append(bytes(THERE / IP(**ends) / TCP(sport=port, dport=443, flags="S", seq=7)))
        turned = IP(src=ends["dst"], dst=ends["src"])
        frames.append(bytes(BACK / turned / TCP(sport=443, dport=port, flags="SA", seq=9, ack=8)))
    return frames


def _until_frames(crew: Crew, count: int) -> list[Entry]:
    found: list[Entry] = []
    while crew.totals().frames < count:
        assert select.select([crew], [], [], 10)[0]
        found += crew.read()
    return found


def _replaced(crew: Crew) -> tuple[Entry, Gap]:
    """Ask as the sending loop does until a worker was replaced: what was told, and the loss."""
    found: list[Entry | Gap] = []
    while not found:
        select.select([crew], [], [], 0.5)
        crew.read()
        found = crew.tick()
    told, gap = found
    assert isinstance(told, Entry)
    assert isinstance(gap, Gap)
    return told, gap


@pytest.mark.root
def test_flows_are_shared_whole_and_all_are_told_and_kept(crew: Crew, tmp_path: Path) -> None:
    send(OTHER, _connections(2000, 40))
    entries = [*_until_frames(crew, 80), *crew.finish()]
    conns = [entry for entry in entries if entry.log.path == "conn"]
    assert [(conn.log.fields["orig_pkts"], conn.log.fields["resp_pkts"]) for conn in conns] == [(1, 1)] * 40
    kept = [cut(tmp_path, conn.uid, 1 << 20) for conn in conns]
    assert [one and one.packets for one in kept] == [2] * 40
    assert crew.totals().dropped == 0


class Suspicious:
    """An analyser that notices every name asked of DNS."""

    name = "suspicious"
    paths = frozenset({"dns"})

    def see(self, entry: Entry) -> Iterable[Log]:
        yield notice("Test::Asked", entry.log.at, {"sub": entry.log.fields["query"]})

    def tick(self, _now: int) -> Iterable[Log]:
        return ()

    def memory(self) -> None:
        return None

    def recall(self, memory: Memory) -> None:
        raise ValueError(memory)


def _datagrams(port: int, asked: str, count: int) -> list[bytes]:
    """Return a question of a resolver and so many bytes of the same flow after it, in datagrams of 1000."""
    names = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=port, dport=53)
    frames = [bytes(THERE / names / DNS(id=7, qd=DNSQR(qname=asked)))]
    answer = IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=53, dport=port)
    frames.append(bytes(BACK / answer / DNS(id=7, qr=1, qd=DNSQR(qname=asked), rcode=3)))
    return [*frames, *(bytes(THERE / names / bytes(1000)) for _ in range(count))]


@pytest.mark.root
def test_a_flow_that_is_noticed_is_kept_on_by_its_worker(crew: Crew, tmp_path: Path) -> None:
    asked = [_datagrams(port, "x.example", 60) for port in (5000, 5001, 5002, 5003)]
    send(OTHER, [frame for flow in asked for frame in flow[:2]])
    entries = _until_frames(crew, 8)
    while sum(entry.log.path == "notice" for entry in entries) < 4:
        assert select.select([crew], [], [], 10)[0]
        entries += crew.read()
    assert crew.unflagged == 0
    send(OTHER, [frame for flow in asked for frame in flow[2:]])
    entries += [*_until_frames(crew, 8 + 240), *crew.finish()]
    noticed = {
        entry.uid for entry in entries if entry.log.path == "notice" and entry.log.fields["note"] == "Test::Asked"
    }
    kept = [cut(tmp_path, uid, 1 << 20) for uid in sorted(noticed)]
    assert [one and one.packets for one in kept] == [62] * 4


@pytest.mark.root
def test_frames_of_a_stolen_address_are_kept_by_every_worker(tmp_path: Path) -> None:
    told = settings((), ())._replace(slices=(tmp_path, Limits(keep_free=0)))
    frames = [lease("10.0.0.2", "10.0.0.1"), *(claim("10.0.0.1", f"00:0c:42:00:00:0{n}") for n in (1, 2))]
    with pair_of_cards(ONE, OTHER), contextlib.closing(Crew([ONE], told, [Bindings()], 2)) as crew:
        crew.open()
        entries: list[Entry] = []
        for number, frame in enumerate(frames, 1):
            send(OTHER, [frame])
            entries += _until_frames(crew, number)
        while not (noticed := [entry for entry in entries if entry.log.path == "notice"]):
            assert select.select([crew], [], [], 10)[0]
            entries += crew.read()
        send(OTHER, frames[1:])
        _until_frames(crew, 5)
        crew.finish()
    found = cut(tmp_path, noticed[0].uid, 1 << 20)
    assert found is not None
    assert [frame for _, frame, _, _ in frames_of(found.content)[0]] == [*frames[1:], *frames[1:]]


@pytest.mark.root
@pytest.mark.parametrize(
    ("number", "note"), [(signal.SIGKILL, "Sensor::Worker_Died"), (signal.SIGSTOP, "Sensor::Worker_Hung")]
)
def test_a_worker_that_is_gone_is_replaced_and_that_is_told(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, number: int, note: str
) -> None:
    monkeypatch.setattr(crews, "SOON", 0.0)
    monkeypatch.setattr(crews, "HUNG", 2.5)
    send(OTHER, _connections(3000, 10))
    _until_frames(crew, 20)
    before = crew.processes()
    os.kill(before[1], number)
    told, gap = _replaced(crew)
    assert (told.log.path, told.log.fields) == ("notice", {"note": note, "n": 2})
    assert (gap.cause, gap.lost) == ("worker_replaced", 0)
    assert gap.first <= gap.last
    after = crew.processes()
    assert (after[0], after[1] != before[1]) == (before[0], True)
    # The new one listens when it says its first word.
    crew.begun()
    send(OTHER, _connections(4000, 40))
    entries = [*_until_frames(crew, 100), *crew.finish()]
    ports = {entry.flow.orig_p for entry in entries if entry.log.path == "conn" and entry.flow is not None}
    assert ports >= set(range(4000, 4040))


@pytest.mark.root
def test_workers_that_end_as_soon_as_they_begin_are_given_up(crew: Crew) -> None:
    os.kill(crew.processes()[0], signal.SIGKILL)
    with pytest.raises(SensorLost):
        _replaced(crew)


def test_a_card_that_is_not_there_is_an_error() -> None:
    crew = Crew(["czt-none"], settings((), ()), (), 2)
    with pytest.raises(OSError, match="czt-none"):
        crew.open()
    crew.close()


@pytest.mark.root
@pytest.mark.parametrize("replaced", [False, True])
def test_directions_that_come_over_two_cards_meet_in_one_worker(
    monkeypatch: pytest.MonkeyPatch, *, replaced: bool
) -> None:
    monkeypatch.setattr(crews, "SOON", 0.0)
    told, (far, away) = settings((), ()), ("czt-crew2", "czt-crew3")
    with (
        pair_of_cards(ONE, OTHER),
        pair_of_cards(far, away),
        contextlib.closing(Crew([ONE, far], told, [], 3)) as crew,
    ):
        crew.open()
        if replaced:
            os.kill(crew.processes()[0], signal.SIGKILL)
            _replaced(crew)
            crew.begun()
        frames = _connections(2000, 100)
        send(OTHER, frames[::2])
        send(away, frames[1::2])
        entries = [*_until_frames(crew, 200), *crew.finish()]
    conns = [entry.log.fields for entry in entries if entry.log.path == "conn"]
    assert [(conn["orig_pkts"], conn["resp_pkts"]) for conn in conns] == [(1, 1)] * 100


def _joined(card: str, processes: list[int]) -> list[int]:
    """Return the processes that listen at a card, in the order in which their sockets were made."""
    index = str(socket.if_nametoindex(card))
    rows = [line.split() for line in Path("/proc/net/packet").read_text("ascii").splitlines()[1:]]
    owners = {
        str(link.readlink()): number
        for number in processes
        for link in Path(f"/proc/{number}/fd").iterdir()
        if link.is_symlink()
    }
    return [owners[f"socket:[{row[8]}]"] for row in rows if row[4] == index]


@pytest.mark.root
def test_workers_join_every_card_in_one_order_though_the_first_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = crews._Worker.begin
    held: list[int] = []

    def slowed(worker: crews._Worker) -> None:
        number = worker.process.pid
        assert number is not None
        if not held:
            held.append(number)
            os.kill(number, signal.SIGSTOP)
            threading.Timer(4.0, os.kill, (number, signal.SIGCONT)).start()
        begin(worker)

    monkeypatch.setattr(crews._Worker, "begin", slowed)
    told, (far, away) = settings((), ()), ("czt-crew2", "czt-crew3")
    with (
        pair_of_cards(ONE, OTHER),
        pair_of_cards(far, away),
        contextlib.closing(Crew([ONE, far], told, [], 3)) as crew,
    ):
        crew.open()
        processes = crew.processes()
        assert held == processes[:1]
        assert [_joined(card, processes) for card in (ONE, far)] == [processes, processes]
