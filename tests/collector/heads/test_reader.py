"""Who is given what: recognition, order, holes, what is skipped, and that no flow gets another's bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from collector.heads import reader
from collector.heads.head import DATAGRAMS, ENOUGH, MOST_BAD, SHORT_HEAD, TRIES, Entry, Head
from collector.protocols.model import Flow, Landmark, Log, Malformed, Protocol, Side
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.packets import NOON, batch

MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
CLIENT, SERVER = "10.0.0.5", "192.0.2.80"
FAULTS: dict[bytes, Exception] = {
    b"!weird": Malformed("echo_bad_mark"),
    b"!index": IndexError("past the end"),
    b"!fault": RuntimeError("a fault of the parser"),
}


class Echo:
    """A protocol for tests: a log for all that it is told. `!done` ends it, other marks make it raise."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        if data[:6] in FAULTS:
            raise FAULTS[data[:6]]
        self.done = data == b"!done"
        return (Log("echo", at, {"side": int(side), "data": data.decode("latin-1")}),)

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        return (Log("echo", at, {"side": int(side), "lost": True}),)

    def close(self, at: int) -> Iterable[Log]:
        return (Log("echo", at, {"closed": True}),)


ECHO = Protocol("echo", frozenset({"tcp", "udp"}), frozenset({7}), lambda _, data: data.startswith(b"ECHO"), Echo)
LONG = Protocol(
    "long", frozenset({"tcp"}), frozenset(), lambda _, data: data.startswith(b"LONG"), Echo,
    lambda data: data.startswith(b"again"),
)  # fmt: skip


def tcp(payload: bytes, seq: int, *, back: bool = False, port: int = 40000, to: int = 443, flags: str = "PA") -> Packet:
    ends: dict[str, Any] = {"src": SERVER, "dst": CLIENT} if back else {"src": CLIENT, "dst": SERVER}
    ports: dict[str, Any] = {"sport": to, "dport": port} if back else {"sport": port, "dport": to}
    return MAC / IP(**ends) / TCP(**ports, flags=flags, seq=seq) / Raw(payload)


def run(packets: list[Any], size: int = 100) -> tuple[list[Entry], Watch]:
    watch = Watch((ECHO, LONG))
    found: list[Entry] = []
    for start in range(0, len(packets), size):
        part = packets[start : start + size]
        found += watch.take(batch(part, [NOON + (start + i) * 1000 for i in range(len(part))]))
    found += watch.finish()
    assert (len(watch.heads), watch.heads.held) == (0, 0)
    return found, watch


def said(entries: list[Entry], path: str = "echo") -> list[Any]:
    """What the parser was told, in short."""
    return [
        entry.log.fields.get("data", "lost" if "lost" in entry.log.fields else "closed")
        if path == "echo"
        else dict(entry.log.fields)
        for entry in entries
        if entry.log.path == path
    ]


def services(entries: list[Entry]) -> list[Any]:
    return [entry.log.fields.get("service", "") for entry in entries if entry.log.path == "conn"]


HELLO = [tcp(b"", 99, flags="S"), tcp(b"", 899, back=True, flags="SA")]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_flow_is_given_to_who_recognises_it_in_order(size: int) -> None:
    packets = [*HELLO, tcp(b"two", 104), tcp(b"ECHO", 100), tcp(b"reply", 900, back=True), tcp(b"three", 107)]
    entries, _ = run(packets, size)
    assert said(entries) == ["ECHO", "two", "reply", "three", "closed"]
    assert services(entries) == ["echo"]
    assert len({entry.uid for entry in entries}) == 1
    assert [entry.flow for entry in entries] == [Flow(CLIENT, 40000, SERVER, 443, "tcp")] * len(entries)


def test_a_beginning_in_two_parts_is_recognised_when_it_is_whole() -> None:
    entries, _ = run([*HELLO, tcp(b"EC", 100), tcp(b"banner", 900, back=True), tcp(b"HO", 102)])
    assert said(entries) == ["EC", "banner", "HO", "closed"]


@pytest.mark.parametrize("size", [1, 100])
def test_a_beginning_byte_by_byte_is_recognised(size: int) -> None:
    banner = [tcp(bytes([97 + at % 7]), 900 + at, back=True) for at in range(40)]
    word = [tcp(bytes([sign]), 100 + at) for at, sign in enumerate(b"ECHO all")]
    entries, _ = run([*HELLO, *banner, *word], size)
    assert "".join(said(entries)[40:]) == "ECHO allclosed"


@pytest.mark.parametrize("length", [1, 100, 1000])
def test_a_flow_that_nobody_recognises_is_not_asked_about_for_ever(length: int) -> None:
    packets = [tcp(b"x" * length, 100 + at * length) for at in range(2 * ENOUGH)]
    entries, watch = run([*HELLO, *packets], 1000)
    assert said(entries) == []
    assert watch.heads.selected <= 2000
    asked: list[bytes] = []
    head = Head(Flow(CLIENT, 1, SERVER, 2, "tcp"), "C", 0, (-1, -1))
    while not head.hopeless:
        head.waiting.append((Side.ORIG, b"x" * length))
        asked.append(b"x")
    assert len(asked) == max(TRIES, -(-ENOUGH // length))


def test_a_datagram_is_recognised_whatever_came_before_it() -> None:
    there = MAC / IP(src=CLIENT, dst=SERVER) / UDP(sport=40000, dport=5062)
    noise = [there / Raw(b"noise") for _ in range(DATAGRAMS - 1)]
    entries, _ = run([*noise, there / Raw(b"ECHO 1"), there / Raw(b"2")])
    assert said(entries) == ["ECHO 1", "2", "closed"]
    assert said(run([*noise, there / Raw(b"more"), there / Raw(b"ECHO 1")])[0]) == []


def test_the_port_decides_when_nobody_recognises() -> None:
    entries, _ = run([*HELLO, tcp(b"what", 100, to=7)])
    assert (said(entries), services(entries)[-1]) == (["what", "closed"], "echo")


def test_what_nobody_knows_is_soon_read_no_more() -> None:
    watch_entries, watch = run([*HELLO, *(tcp(b"unknown" * 20, 100 + 140 * i) for i in range(50))], 10)
    assert (said(watch_entries), services(watch_entries)) == ([], [""])
    assert watch.heads.selected <= 10


def test_a_hole_is_told_at_the_end_at_the_latest() -> None:
    entries, _ = run([*HELLO, tcp(b"ECHO", 100), tcp(b"after", 110)])
    assert said(entries) == ["ECHO", "lost", "after", "closed"]


def test_a_packet_cut_by_the_capture_is_followed_by_a_hole() -> None:
    made = batch([*HELLO, tcp(b"ECHO and more", 100), tcp(b"next", 113)])
    made.caplen[2] -= 9
    watch = Watch((ECHO,))
    entries = [*watch.take(made), *watch.finish()]
    assert said(entries) == ["ECHO", "lost", "next", "closed"]


def test_datagrams_are_given_one_by_one() -> None:
    ends = IP(src=CLIENT, dst=SERVER) / UDP(sport=4000, dport=4001)
    back = IP(src=SERVER, dst=CLIENT) / UDP(sport=4001, dport=4000)
    entries, _ = run([MAC / ends / Raw(b"ECHO"), MAC / back / Raw(b"yes"), MAC / ends / Raw(b"ECHO")])
    assert said(entries) == ["ECHO", "yes", "ECHO", "closed"]


def test_a_parser_that_is_done_is_asked_no_more() -> None:
    entries, watch = run(
        [*HELLO, tcp(b"ECHO", 100), tcp(b"!done", 104), *(tcp(b"rest", 109 + 4 * i) for i in range(9))], 1
    )
    assert said(entries) == ["ECHO", "!done", "closed"]
    assert watch.heads.selected == 2


@pytest.mark.parametrize(
    ("mark", "name"), [(b"!weird", "echo_bad_mark"), (b"!index", "echo_malformed"), (b"!fault", None)]
)
def test_bytes_that_break_the_rules_end_the_reading_of_their_flow_alone(mark: bytes, name: str | None) -> None:
    broken = [*HELLO, tcp(b"ECHO", 100), tcp(mark, 104), tcp(b"more", 110)]
    other = [tcp(b"", 99, flags="S", port=5), tcp(b"ECHO", 100, port=5), tcp(b"fine", 104, port=5)]
    entries, watch = run([*broken, *other])
    assert said(entries) == ["ECHO", *(["closed"] if name else []), "ECHO", "fine", "closed"]
    assert said(entries, "weird") == ([{"name": name, "source": "echo", "unread": "flow"}] if name else [])
    assert (dict(watch.heads.weird), watch.heads.faults) == (({name: 1}, 0) if name else ({}, 1))


def echoed(*payloads: bytes, size: int = 100) -> tuple[list[Entry], Watch]:
    there = MAC / IP(src=CLIENT, dst=SERVER) / UDP(sport=40000, dport=7)
    return run([there / Raw(payload) for payload in payloads], size)


def test_what_was_read_of_a_stream_is_told_though_the_rest_is_broken() -> None:
    ask = b"GET /x HTTP/1.1\r\nHost: zly.example\r\n\r\n"
    answer = b"HTTP/1.1 OK 200\r\n\r\n"
    watch = Watch(PROTOCOLS)
    entries = [*watch.take(batch([tcp(ask, 100, to=80), tcp(answer, 500, back=True, to=80)])), *watch.finish()]
    assert [log["host"] for log in said(entries, "http")] == ["zly.example"]
    assert [log["unread"] for log in said(entries, "weird")] == ["flow"]


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("mark", [b"!weird", b"!index"])
def test_a_datagram_that_breaks_the_rules_costs_itself_alone(mark: bytes, size: int) -> None:
    entries, watch = echoed(mark, b"ECHO", mark, b"more", size=size)
    assert (said(entries), services(entries)) == (["ECHO", "more", "closed"], ["echo"])
    assert (len(said(entries, "weird")), watch.heads.weird.total(), watch.heads.faults) == (1, 2, 0)


@pytest.mark.parametrize(
    ("bad", "told", "service"), [(1, 1, ""), (MOST_BAD - 1, 2, "echo"), (MOST_BAD, 3, ""), (2 * MOST_BAD, 3, "")]
)
def test_a_flow_of_nothing_but_broken_datagrams_is_given_up(bad: int, told: int, service: str) -> None:
    entries, _ = echoed(*[b"!weird"] * bad, *[b"fine"] * (bad > 1))
    assert (len(said(entries, "weird")), services(entries)[-1]) == (told, service)
    assert said(entries, "weird")[-1]["unread"] == ("flow" if bad >= MOST_BAD else "message")
    assert said(entries) == (["fine", "closed"] if service else ["closed"] if bad == 1 else [])


def test_a_flow_that_was_understood_is_never_given_up_nor_fills_the_log() -> None:
    entries, watch = echoed(b"fine", *[b"!weird"] * 2000, b"again")
    assert said(entries) == ["fine", "again", "closed"]
    assert (len(said(entries, "weird")), watch.heads.weird.total()) == (4, 2000)


def test_a_fault_of_a_parser_ends_its_flow_of_datagrams_too() -> None:
    entries, watch = echoed(b"fine", b"!fault", b"again")
    assert (said(entries), watch.heads.faults) == (["fine"], 1)


def test_what_only_looked_like_a_protocol_is_not_called_so() -> None:
    entries, _ = run([*HELLO, tcp(b"!weird", 100, to=7)])
    assert services(entries)[-1] == ""


def test_after_its_head_a_flow_is_read_only_where_the_protocol_resumes() -> None:
    packets, seq = [*HELLO, tcp(b"LONG", 100)], 104
    for i in range(SHORT_HEAD // 1000 + 20):
        packets.append(tcp(bytes([97 + i % 7]) * 1000, seq))
        seq += 1000
    packets += [tcp(b"again here", seq + 5000), tcp(b" and on", seq + 5010)]
    entries, _ = run(packets)
    found = said(entries)
    assert sum(len(text) for text in found if len(text) == 1000) <= SHORT_HEAD + 1000
    assert found[-4:] == ["lost", "again here", " and on", "closed"]


def test_a_port_used_again_begins_with_a_parser_of_its_own() -> None:
    flow = [*HELLO, tcp(b"ECHO", 100), tcp(b"one", 104), tcp(b"", 900, back=True, flags="R")]
    for size in (1, 4, 100):
        entries, _ = run(flow * 3, size)
        assert said(entries) == ["ECHO", "one", "closed"] * 3
        told = [entry.uid for entry in entries if entry.log.path == "echo"]
        assert [told.count(uid) for uid in dict.fromkeys(told)] == [3, 3, 3]


def test_bulk_of_a_protocol_with_a_landmark_is_not_even_looked_at() -> None:
    marked = replace(LONG, landmark=Landmark(0, (int.from_bytes(b"agai", "big"),)))
    start = 100 + SHORT_HEAD
    head = [*HELLO, *(tcp(bytes([76, 79, 78, 71]) * 256, 100 + at) for at in range(0, SHORT_HEAD, 1024))]
    bulk = [tcp(b"bulk" * 250, start + 1000 * at) for at in range(20)]
    again = [tcp(b"again, ", start + 20_000), tcp(b"and on", start + 20_007)]
    watch = Watch((marked,))
    entries: list[Entry] = []
    for number, part in enumerate((head, bulk, [*bulk, *again])):
        entries += watch.take(batch(part, [NOON + (100 * number + i) * 1000 for i in range(len(part))]))
    assert watch.heads.selected == len(head) - len(HELLO) + len(again)
    assert said(entries)[-3:] == ["lost", "again, ", "and on"]


def datagram(payload: bytes, port: int, *, back: bool = False) -> Packet:
    there = IP(src=CLIENT, dst=SERVER) / UDP(sport=port, dport=4001)
    answer = IP(src=SERVER, dst=CLIENT) / UDP(sport=4001, dport=port)
    return MAC / (answer if back else there) / Raw(payload)


@pytest.mark.parametrize("last", [b"!done", b"!index", b"!fault", b"more"])
def test_what_waits_in_a_flow_is_not_counted_after_its_end(last: bytes) -> None:
    waits = [*HELLO, tcp(b"ECHO", 100), tcp(b"early", 120), tcp(b"reply too early", 930, back=True)]
    run([*waits, tcp(last, 104)], 1)
    run([*waits, tcp(last, 104), tcp(b"", 900, back=True, flags="R"), *waits], 1)


def test_what_waits_in_a_flow_that_is_given_up_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_HEADS", 8)
    _, watch = run(
        [packet for port in range(50) for packet in (tcp(b"ECHO", 100, port=port), tcp(b"o", 110, port=port))]
    )
    assert watch.heads.given_up == 42


def test_a_flood_of_datagrams_gives_up_itself_and_not_who_talks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_HEADS", 32)
    talk = [*HELLO, tcp(b"ECHO", 100), tcp(b"reply", 900, back=True)]
    asked = [datagram(b"ECHO asked", 7), datagram(b"answered", 7, back=True)]
    told = [datagram(b"ECHO told", 8), datagram(b"told on", 8)]
    flood = [datagram(b"ECHO flood", 1000 + port) for port in range(500)]
    late = [tcp(b"two", 104), datagram(b"asked again", 7), datagram(b"told again", 8)]
    entries, watch = run([*talk, *asked, *told, *flood, *late])
    assert watch.heads.given_up > 400
    assert [word for word in said(entries) if word in {"two", "asked again", "told again"}] == [
        "two", "asked again", "told again",
    ]  # fmt: skip


def test_what_was_given_up_begins_anew_with_a_datagram_and_not_within_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_HEADS", 8)
    opened = [*HELLO, tcp(b"ECHO", 100)]
    flood = [part for port in range(16) for part in (datagram(b"ECHO flood", port), datagram(b"a", port, back=True))]
    entries, _ = run([*opened, *flood, datagram(b"ECHO late", 0), tcp(b"lost", 104)], 1)
    assert [word for word in said(entries) if word in {"lost", "ECHO late"}] == ["ECHO late"]


def udp(payload: bytes) -> Packet:
    return MAC / IP(src=CLIENT, dst=SERVER) / UDP(sport=40000, dport=3478) / Raw(payload)


def test_what_comes_after_stun_in_a_flow_is_recognised() -> None:
    stun = b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(20)
    entries, _ = run([udp(stun)] * 20 + [udp(b"ECHO 1"), udp(stun), udp(b"ECHO 2")])
    assert [one for one in said(entries) if one != stun.decode("latin-1")] == ["ECHO 1", "ECHO 2", "closed"]
    # What is no STUN uses the tries up.
    assert said(run([udp(stun[:4] + bytes(24))] * 20 + [udp(b"ECHO 1")])[0]) == []
    assert said(run([udp(stun)] * 20)[0]) == []


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("first", [False, True])
def test_a_second_answer_with_another_number_hides_nothing(size: int, *, first: bool) -> None:
    at = 501 if first else 77_001
    hands = [tcp(b"", 99, flags="S"), tcp(b"", 500, back=True, flags="SA"), tcp(b"", 77_000, back=True, flags="SA")]
    entries, _ = run(
        [*hands, tcp(b"ECHO 1", 100), tcp(b"answer", at, back=True), tcp(b"more", at + 6, back=True)], size
    )
    assert said(entries) == ["ECHO 1", "answer", "more", "closed"]


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("forged", [b"ECHO harmless", b"nothing known"])
def test_bytes_that_come_twice_and_not_the_same_are_told_once(forged: bytes, size: int) -> None:
    again = [tcp(b"ECHO at a bank", 100), tcp(b"ECHO at a bank", 100)]
    entries, watch = run([*HELLO, tcp(forged, 100), *again, tcp(b"reply", 900, back=True)], size)
    assert said(entries, "weird") == [{"name": "rexmit_inconsistency", "source": "tcp"}]
    assert watch.heads.weird == {"rexmit_inconsistency": 1}
    same = [tcp(b"ECHO at a bank", 100), *again, tcp(b" and on", 114), tcp(b"bank and", 110)]
    assert said(run([*HELLO, *same], size)[0], "weird") == []


@pytest.mark.parametrize("size", [1, 100])
def test_data_that_come_with_the_first_packet_are_read_from_their_beginning(size: int) -> None:
    first = tcp(b"ECHO early", 99, flags="S")
    entries, _ = run([first, HELLO[1], tcp(b"ECHO early", 100), tcp(b" more", 110)], size)
    assert (said(entries), said(entries, "weird")) == (["ECHO early", " more", "closed"], [])
