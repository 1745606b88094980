"""The flow table against a plain reference, and what each kind of flow is told as."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q
from scapy.packet import Packet, Raw

from collector.flows.ending import Patience
from collector.flows.record import Conn, address
from collector.flows.table import NO_FLOW, SAMPLE, FlowTable
from tests.collector.flows.packets import BACK, CLIENT, FINE, HELLO, HI, MAC, SERVER, conns, state, take, tcp, told
from tests.collector.flows.reference import Sent, count
from tests.collector.packets import NOON, SECOND

HOSTS = ["10.0.0.1", "10.0.0.2", "192.0.2.1", "2001:db8::1", "2001:db8::2"]


@cache
def _packet(source: str, target: str, layer: Any, ports: tuple[int, int], size: int) -> bytes:
    head = (IPv6 if ":" in source else IP)(src=source, dst=target)
    return bytes(head / layer(sport=ports[0], dport=ports[1]) / Raw(bytes(size)))


def _random(chance: random.Random, count_: int) -> tuple[list[bytes], list[Sent]]:
    frames, sent = [], []
    for i in range(count_):
        source = chance.choice(HOSTS)
        target = chance.choice([host for host in HOSTS if (":" in host) == (":" in source)])
        layer = chance.choice([TCP, UDP])
        ports = chance.randrange(1, 4), chance.randrange(1, 4)
        size = chance.choice([0, 1, 30])
        packet = _packet(source, target, layer, ports, size)
        frames.append(bytes(MAC) + packet)
        number = 6 if layer is TCP else 17
        ends = (source, ports[0]), (target, ports[1])
        sent.append(Sent(NOON + i * 1_000_000, number, *ends, len(packet), size))
    return frames, sent


def _as_reference(conn: Conn) -> dict[tuple[str, int], tuple[int, int, int]]:
    ends = (address(conn.orig), conn.orig_p), (address(conn.resp), conn.resp_p)
    rows = zip(conn.packets, conn.ip_bytes, conn.payload, strict=True)
    found: dict[tuple[str, int], tuple[int, int, int]] = {}
    for end, row in zip(ends, rows, strict=True):
        before = found.get(end, (0, 0, 0))
        found[end] = (before[0] + row[0], before[1] + row[1], before[2] + row[2])
    return {end: row for end, row in found.items() if row[0]}


@given(st.integers(0, 2**32), st.integers(1, 60))
@settings(max_examples=10)
def test_the_table_counts_what_a_plain_reference_counts(seed: int, size: int) -> None:
    frames, sent = _random(random.Random(seed), 150)
    table, ended = FlowTable(), []
    ethertypes = {4: b"\x08\x00", 6: b"\x86\xdd"}
    frames = [frame[:12] + ethertypes[frame[14] >> 4] + frame[14:] for frame in frames]
    for start in range(0, len(frames), size):
        times = [one.at for one in sent[start : start + size]]
        ended += take(table, frames[start : start + size], times).ended
    ended += table.finish()
    expected = count(sent)
    assert len(ended) == len(expected)
    for conn in ended:
        ends = frozenset(((address(conn.orig), conn.orig_p), (address(conn.resp), conn.resp_p)))
        flow = expected[conn.proto, ends]
        assert (conn.first, conn.last) == (flow.first, flow.last)
        assert _as_reference(conn) == {
            end: (flow.packets[end], flow.ip_bytes[end], flow.payload[end]) for end in flow.packets
        }


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        ([HELLO], ("S0", "S")),
        ([HELLO, tcp("<RA", seq=0)], ("REJ", "Sr")),
        ([HELLO, HI, FINE], ("S1", "ShA")),
        ([HELLO, HI, FINE, tcp("PA", b"hi", 101), tcp("<PA", b"yo", 901), tcp("FA", seq=103), tcp("<FA", seq=903)],
         ("SF", "ShADdFf")),
        ([HELLO, HI, FINE, tcp("FA", seq=101)], ("S2", "ShAF")),
        ([HELLO, HI, FINE, tcp("<FA", seq=901)], ("S3", "ShAf")),
        ([HELLO, HI, FINE, tcp("RA", seq=101)], ("RSTO", "ShAR")),
        ([HELLO, HI, FINE, tcp("<R", seq=901)], ("RSTR", "ShAr")),
        ([HELLO, tcp("R", seq=101)], ("RSTOS0", "SR")),
        ([HI, tcp("<R", seq=901)], ("RSTRH", "^hr")),
        ([HELLO, tcp("F", seq=101)], ("SH", "SF")),
        ([HI, tcp("<F", seq=901)], ("SHR", "^hf")),
        ([tcp("PA", b"mid", 500)], ("OTH", "D")),
        ([HELLO, HI, FINE, tcp("FA", seq=101), tcp("<FA", seq=901), tcp("R", seq=102)], ("SF", "ShAFfR")),
    ],
)  # fmt: skip
def test_how_a_connection_went_is_told_as_zeek_tells_it(packets: list[Packet], expected: tuple[str, str]) -> None:
    assert state(*packets) == expected


def test_the_state_is_the_same_when_each_packet_comes_alone() -> None:
    packets = [HELLO, HI, FINE, tcp("PA", b"hi", 101), tcp("<PA", b"yo", 901), tcp("FA", seq=103), tcp("<FA", seq=903)]
    table, ended = FlowTable(), []
    for i, packet in enumerate(packets):
        ended += take(table, [packet], [NOON + i]).ended
    (conn,) = ended + table.finish()
    (together,) = conns(packets, [NOON + i for i in range(len(packets))])
    assert conn == together


def test_udp_and_icmp_have_their_states() -> None:
    ask = MAC / IP(src=CLIENT, dst=SERVER) / UDP(sport=4000, dport=53) / Raw(b"q")
    reply = BACK / IP(src=SERVER, dst=CLIENT) / UDP(sport=53, dport=4000) / Raw(b"ok")
    assert state(ask) == ("S0", "D")
    assert state(ask, reply) == ("SF", "Dd")
    (ping,) = conns([MAC / IP(src=CLIENT, dst=SERVER) / ICMP(type=8), BACK / IP(src=SERVER, dst=CLIENT) / ICMP(type=0)])
    assert (ping.orig_p, ping.resp_p, told(ping)["conn_state"], ping.packets) == (8, 0, "OTH", (1, 1))


def test_bytes_are_those_of_the_sequence_numbers_and_what_was_missed_is_told() -> None:
    packets = [
        tcp("S", seq=2**32 - 3),
        tcp("<SA", seq=900),
        tcp("PA", b"abcd", 2**32 - 2),
        tcp("PA", b"abcd", 2**32 - 2),  # sent twice
        tcp("PA", b"wxyz", 12),  # ten bytes between were not seen
        tcp("<A", seq=901),
        tcp("<R", seq=123456789),  # a reset may carry any number
    ]
    (conn,) = conns(packets)
    assert conn.bytes == (18, 0)
    assert conn.payload == (12, 0)
    assert told(conn)["missed_bytes"] == 6


CLOSED = {
    "each side acknowledges the other's end": [tcp("FA", seq=103), tcp("<FA", seq=903), tcp("A", seq=104)],
    "both end at once": [tcp("FA", seq=103), tcp("<FA", seq=903), tcp("A", seq=104), tcp("<A", seq=904)],
    "the server ends first": [tcp("<FA", seq=903), tcp("A", seq=103), tcp("FA", seq=103), tcp("<A", seq=904)],
    "ends are sent again": [tcp("FA", seq=103), tcp("<A", seq=903), tcp("FA", seq=103), tcp("<FA", seq=903),
                            tcp("A", seq=104), tcp("<FA", seq=903), tcp("A", seq=104)],
    "the acknowledgement overtakes the end": [tcp("A", seq=104), tcp("FA", seq=103), tcp("<FA", seq=903)],
    "the end brings data": [tcp("FA", b"!", seq=103), tcp("<FA", seq=903), tcp("A", seq=105), tcp("<A", seq=904)],
}  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("how", CLOSED)
def test_the_number_that_an_end_takes_is_no_byte(how: str, size: int) -> None:
    packets = [HELLO, HI, FINE, tcp("PA", b"hi", 101), tcp("<PA", b"yo", 901), *CLOSED[how]]
    (conn,) = _in_parts(packets, size)
    sent = 2 + (how == "the end brings data")
    assert (conn.bytes, conn.payload, told(conn)["missed_bytes"]) == ((sent, 2), (sent, 2), 0)
    assert set(conn.history).isdisjoint("Gg")


@pytest.mark.parametrize("size", [1, 100])
def test_a_connection_without_data_has_no_bytes(size: int) -> None:
    (conn,) = _in_parts([HELLO, HI, FINE, tcp("FA", seq=101), tcp("<FA", seq=901), tcp("A", seq=102),
                         tcp("<A", seq=902)], size)  # fmt: skip
    assert (conn.bytes, conn.history, told(conn)["conn_state"]) == ((0, 0), "ShAFfa", "SF")


@pytest.mark.parametrize("size", [1, 100])
def test_an_end_that_a_stranger_sends_hides_no_bytes(size: int) -> None:
    forged = [HELLO, HI, FINE, tcp("FA", seq=101), tcp("PA", b"ab", 101), tcp("PA", b"cdef", 103), tcp("A", seq=107)]
    (conn,) = _in_parts(forged, size)
    assert (conn.bytes, conn.payload) == ((6, 0), (6, 0))


def _in_parts(packets: Sequence[Packet], size: int) -> list[Conn]:
    table, ended = FlowTable(), []
    for start in range(0, len(packets), size):
        part = packets[start : start + size]
        ended += take(table, part, [NOON + start + i for i in range(len(part))]).ended
    return ended + table.finish()


def test_the_record_has_everything_that_zeek_says() -> None:
    (conn,) = conns([
        MAC / Dot1Q(vlan=12) / IP(src=CLIENT, dst=SERVER) / TCP(sport=40000, dport=443, flags="S"),
        BACK / Dot1Q(vlan=12) / IP(src=SERVER, dst=CLIENT) / TCP(sport=443, dport=40000, flags="RA"),
    ])  # fmt: skip
    assert told(conn) == {
        "proto": "tcp", "duration": 0.001, "orig_bytes": 0, "resp_bytes": 0, "conn_state": "REJ",
        "local_orig": True, "local_resp": False, "missed_bytes": 0, "orig_pkts": 1, "orig_ip_bytes": 40,
        "resp_pkts": 1, "resp_ip_bytes": 40, "history": "Sr", "vlan": 12, "orig_l2_addr": "02:00:00:00:00:01",
        "resp_l2_addr": "02:00:00:00:00:02", "community_id": told(conn)["community_id"],
    }  # fmt: skip


def test_a_flow_seen_from_the_answer_on_is_turned_round() -> None:
    reply = BACK / IP(src=SERVER, dst=CLIENT) / UDP(sport=53, dport=40000) / Raw(b"x")
    (plain,) = conns([reply])
    (turned,) = conns([reply], table=FlowTable(server_ports=[53]))
    assert (plain.orig_p, plain.history) == (53, "D")
    assert (turned.orig_p, turned.resp_p, turned.history) == (40000, 53, "^d")
    assert (turned.packets, turned.macs) == ((0, 1), (bytes.fromhex("020000000001"), bytes.fromhex("020000000002")))
    (both,) = conns([MAC / IP(src=CLIENT, dst=SERVER) / UDP(sport=53, dport=53)], table=FlowTable(server_ports=[53]))
    assert both.history == ""


def test_a_port_that_is_used_again_is_another_flow_within_a_batch_and_after() -> None:
    once = [HELLO, tcp("<RA", seq=0)]
    found = conns(once * 3)
    assert [told(conn)["history"] for conn in found] == ["Sr"] * 3
    assert len({conn.number for conn in found}) == len({conn.uid for conn in found}) == 3
    table = FlowTable()
    first = take(table, once)
    second = take(table, once, [NOON + SECOND, NOON + SECOND + 1])
    assert [conn.number for conn in second.ended] == first.number.tolist()[:1]
    assert set(second.number.tolist()).isdisjoint(first.number.tolist())


def test_a_repeated_syn_is_the_same_attempt() -> None:
    (conn,) = conns([HELLO] * 3)
    assert (conn.packets, conn.history) == ((3, 0), "S")


def test_a_port_used_again_without_end_costs_no_flow_without_end() -> None:
    found = conns([HELLO, tcp("<RA", seq=0)] * 300)
    assert sum(conn.packets[0] for conn in found) == 300
    assert len(found) < 20


@pytest.mark.parametrize(
    ("packets", "seconds"),
    [([HELLO], 5), ([HELLO, tcp("<RA")], 1), ([HELLO, HI, tcp("FA"), tcp("<FA", seq=901)], 5), ([HELLO, HI, FINE], 300),
     ([MAC / IP(src=CLIENT, dst=SERVER) / UDP()], 60)],
)  # fmt: skip
def test_a_flow_ends_when_it_has_been_silent_long_enough(packets: list[Packet], seconds: int) -> None:
    table = FlowTable()
    take(table, packets, [NOON] * len(packets))
    assert table.tick(NOON + seconds * SECOND) == []
    assert len(table.tick(NOON + (seconds + 2) * SECOND)) == 1
    assert len(table) == 0


def test_a_long_flow_is_told_again_and_again() -> None:
    table = FlowTable(patience=Patience(update=10 * SECOND))
    updates = []
    for second in range(0, 45, 3):
        packet = tcp("PA", b"x" * 10, 91 + 10 * second // 3) if second else HELLO
        updates += take(table, [packet], [NOON + second * SECOND]).ended
    assert [conn.final for conn in updates] == [False] * 3
    sent = [conn.bytes[0] for conn in updates]
    assert sent == sorted(sent)
    (last,) = table.finish()
    assert (last.final, last.uid, last.packets[0]) == (True, updates[0].uid, 15)


def _flood(count_: int, host: str = "203.0.113.9") -> list[bytes]:
    whole = bytearray(bytes(MAC / IP(src=host, dst=SERVER) / TCP(sport=1, dport=80, flags="S")))
    frames = []
    for i in range(count_):
        whole[14 + 12 : 14 + 16] = (0x0A000000 + i).to_bytes(4, "big")
        frames.append(bytes(whole))
    return frames


def test_a_flood_of_attempts_is_sampled_and_loses_no_established_flow() -> None:
    table = FlowTable(attempts=100, most=1000)
    take(table, [HELLO, HI, FINE])
    assigned = take(table, _flood(5000), [NOON + SECOND] * 5000)
    left_out = int((assigned.number == NO_FLOW).sum())
    assert table.flooded == left_out
    assert 100 <= 5000 - left_out <= 100 + 5000 / SAMPLE + 1
    take(table, [tcp("PA", b"still here", 101)], [NOON + 2 * SECOND])
    (kept,) = [conn for conn in table.finish() if conn.packets[1]]
    assert kept.packets == (3, 1)


def test_a_full_table_gives_up_the_unanswered_first() -> None:
    table = FlowTable(most=20_000, attempts=10**9)
    take(table, [HELLO, HI, FINE], [NOON - 2, NOON - 2, NOON - 2])
    flood, ended = _flood(30_000), []
    for part in range(5):
        frames = flood[6000 * part : 6000 * (part + 1)]
        ended += take(table, frames, [NOON + part] * len(frames)).ended
    assert len(table) <= 20_000
    assert table.columns.room == 20_000
    assert table.evicted == len(ended) > 0
    assert not any(conn.packets[1] for conn in ended)
    assert sum(conn.packets[1] for conn in table.finish()) == 1


def test_slots_are_used_again() -> None:
    table, frames = FlowTable(patience=Patience(attempt=SECOND)), _flood(1000)
    for second in range(0, 400, 10):
        take(table, frames, [NOON + second * SECOND] * 1000)
    assert table.columns.room == 1 << 14
    assert table.begun == 40_000


def test_the_same_packets_have_the_same_names_in_every_process() -> None:
    one, other = (conns([HELLO, HI]) for _ in range(2))
    assert [conn.uid for conn in one] == [conn.uid for conn in other] == ["CDFKnzXZ0W2HvF9qb"]


def ports(ended: Sequence[Conn]) -> list[int]:
    return [conn.orig_p for conn in ended]


@pytest.mark.parametrize("step", [-2 * 3600, -366 * 86_400, 2 * 3600, 366 * 86_400])
def test_flows_end_by_their_own_silence_when_the_clock_is_set(step: int) -> None:
    table = FlowTable()
    take(table, [tcp("S", port=1)], [NOON])
    take(table, [tcp("S", port=2)], [NOON + SECOND])
    later = NOON + step * SECOND
    ended = take(table, [tcp("S", port=3)], [later + 2 * SECOND]).ended
    ended += [conn for second in range(3, 12) for conn in table.tick(later + second * SECOND)]
    assert sorted(ports(ended)) == [1, 2, 3]
    assert len(table) == 0


def test_a_clock_set_back_ends_no_flow_early() -> None:
    table = FlowTable()
    flow = [tcp("S"), tcp("<SA", seq=900), tcp("A", b"x", seq=101)]
    take(table, flow, [NOON, NOON + 1000, NOON + 2000])
    back = NOON - 3600 * SECOND
    assert not [conn for second in range(200) for conn in table.tick(back + second * SECOND)]
    take(table, [tcp("A", b"y", seq=102)], [back + 200 * SECOND])
    assert not [conn for second in range(201, 500) for conn in table.tick(back + second * SECOND)]
    (conn,) = [conn for second in range(500, 503) for conn in table.tick(back + second * SECOND)]
    assert conn.packets == (3, 1)


def test_a_single_packet_of_the_far_future_ends_no_flow_and_holds_none() -> None:
    table = FlowTable()
    take(table, [tcp("S", port=1), tcp("<SA", seq=900, port=1)], [NOON, NOON + 1000])
    assert take(table, [tcp("S", port=9)], [NOON + 3_650 * 86_400 * SECOND]).ended == []
    assert take(table, [tcp("S", port=2)], [NOON + SECOND]).ended == []
    ended = [conn for second in range(2, 305) for conn in table.tick(NOON + second * SECOND)]
    assert ports(ended) == [2, 9, 1]


def test_two_clocks_that_take_turns_end_no_flow_early() -> None:
    table = FlowTable()
    take(table, [tcp("S", port=2)], [NOON + 3600 * SECOND])
    for second in range(100):
        for late, port in ((0, 1), (3600, 2)):
            at = NOON + (second + late) * SECOND
            assert take(table, [tcp("S", port=port)], [at]).ended == []


def test_attempts_are_allowed_again_after_the_clock_was_set_back() -> None:
    table = FlowTable(attempts=10)
    for second in range(5):
        at = NOON + (second - 3600 * (second > 1)) * SECOND
        flooded = table.flooded
        take(table, [tcp("S", port=100 * second + port) for port in range(9)], [at] * 9)
    assert flooded == table.flooded
