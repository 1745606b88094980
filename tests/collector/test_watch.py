"""The whole way from frames to logs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scapy.layers import inet
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from collector.heads.head import Entry
from collector.logs import record
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.packets import NOON, SECOND, batch, tunnel

pieces: Any = inet.fragment
MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ENDS: dict[str, Any] = {"src": "10.0.0.1", "dst": "10.0.0.2"}


def test_a_packet_in_fragments_counts_to_its_flow() -> None:
    whole = IP(**ENDS, id=4) / UDP(sport=1, dport=2) / Raw(bytes(3000))
    watch = Watch(())
    entries = [*watch.take(batch([MAC / piece for piece in pieces(whole, 1000)])), *watch.finish()]
    (fields,) = [record(entry) for entry in entries]
    assert (fields["_path"], fields["orig_bytes"], fields["orig_pkts"]) == ("conn", 3000, 1)
    assert fields["orig_ip_bytes"] == 3028
    assert (watch.fragments.taken, watch.unread.broken) == (4, 0)


def test_a_packet_in_fragments_stands_where_its_last_piece_came() -> None:
    there: dict[str, Any] = {"src": "10.0.0.1", "dst": "10.0.0.2"}
    back: dict[str, Any] = {"src": "10.0.0.2", "dst": "10.0.0.1"}
    ask = b"GET /a?" + b"x" * 1500 + b" HTTP/1.1\r\nHost: urzad.example\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    asking = IP(**there, id=9) / TCP(sport=4000, dport=80, flags="PA", seq=100) / Raw(ask)
    frames = [
        MAC / IP(**there) / TCP(sport=4000, dport=80, flags="S", seq=99),
        MAC / IP(**back) / TCP(sport=80, dport=4000, flags="SA", seq=499, ack=100),
        *[MAC / one for one in pieces(asking, 800)],
        MAC / IP(**back) / TCP(sport=80, dport=4000, flags="PA", seq=500, ack=100 + len(ask)) / Raw(answer),
        MAC / IP(**there) / TCP(sport=4000, dport=80, flags="FA", seq=100 + len(ask)),
        MAC / IP(**back) / TCP(sport=80, dport=4000, flags="FA", seq=500 + len(answer)),
    ]
    logs = [record(entry) for size in (1, 100) for entry in _watched(frames, size)]
    found = [(log["_path"], log.get("status_code", log.get("history"))) for log in logs]
    assert found == [("http", 200), ("conn", "ShDdFf")] * 2


def test_pieces_that_overlap_are_told_with_their_ends_and_a_flood_of_them_is_counted() -> None:
    first, second = (IP(**ENDS, id=4, flags="MF", proto=17) / Raw(sign * 16) for sign in (b"A", b"B"))
    (entry,) = _watched([MAC / first, MAC / second], 1)
    assert record(entry) == {
        "_path": "weird", "ts": (NOON + 1000) / 1e9, "id.orig_h": "10.0.0.1", "id.orig_p": 0, "id.resp_h": "10.0.0.2",
        "id.resp_p": 0, "name": "fragment_inconsistency", "source": "ip",
    }  # fmt: skip
    frames = []
    for number in range(100):
        for piece in (first, second):
            piece.id = number
            frames.append(bytes(MAC / piece))
    watch = Watch(())
    assert len(list(watch.take(batch(frames, [NOON] * 200)))) == 50
    assert watch.links.weird == {"fragment_inconsistency": 100}


def test_a_call_in_fragments_keeps_its_caller() -> None:
    call = b"INVITE sip:0048900@10.0.0.2 SIP/2.0\r\nCall-ID: 7\r\nCSeq: 1 INVITE\r\n" + b"X: y\r\n" * 300 + b"\r\n"
    there = IP(**ENDS, id=3) / UDP(sport=5062, dport=5062) / Raw(call)
    back = IP(src=ENDS["dst"], dst=ENDS["src"]) / UDP(sport=5062, dport=5062) / Raw(b"SIP/2.0 100 Trying\r\n\r\n")
    entries = _watched([*[MAC / one for one in pieces(there, 1400)], MAC / back], 100)
    assert {entry.flow.orig_h for entry in entries if entry.flow} == {"10.0.0.1"}
    assert [entry.log.path for entry in entries] == ["sip", "conn"]


@pytest.mark.parametrize("size", [1, 1000])
def test_broken_datagrams_hide_no_tunnel(size: int) -> None:
    frames = tunnel("10.0.0.1", "10.0.0.2", 120)
    broken = bytes(MAC / IP(**ENDS) / UDP(sport=41000, dport=53) / Raw(b"\x00\x07\x01\x00\x00\x01" + b"\xc0\x06" * 9))
    logs = [entry.log for entry in _watched([broken, *frames[:101], broken, *frames[101:], broken], size)]
    assert Counter(log.path for log in logs) == {"dns": 120, "weird": 1, "conn": 1}
    assert all(log.fields["rcode_name"] == "NXDOMAIN" for log in logs if log.path == "dns")


def _watched(frames: list[Any], size: int) -> list[Entry]:
    watch, found = Watch(PROTOCOLS), list[Entry]()
    for start in range(0, len(frames), size):
        part = frames[start : start + size]
        found += watch.take(batch(part, [NOON + (start + i) * 1000 for i in range(len(part))]))
    return [*found, *watch.finish()]


def test_arp_is_told_without_a_flow_and_a_storm_is_counted() -> None:
    one = bytes(MAC / ARP(op=2, psrc="10.0.0.1", hwsrc="02:00:00:00:00:01", pdst="10.0.0.2", hwdst="02:00:00:00:00:02"))
    watch = Watch(())
    entries = list(watch.take(batch([one], [NOON])))
    assert [record(entry) for entry in entries] == [
        {"_path": "arp", "ts": NOON / 1e9, "op": "reply", "src_ip": "10.0.0.1", "src_mac": "02:00:00:00:00:01",
         "dst_ip": "10.0.0.2", "dst_mac": "02:00:00:00:00:02"}
    ]  # fmt: skip
    storm = list(watch.take(batch([one] * 5000, [NOON + SECOND] * 5000)))
    assert len(storm) + watch.links.left_out == 5000
    assert 0 < len(storm) < 5000


def test_long_silence_within_one_batch_ends_a_flow() -> None:
    packet = MAC / IP(**ENDS) / UDP(sport=1, dport=2) / Raw(b"x")
    watch = Watch(())
    entries = [*watch.take(batch([packet] * 3, [NOON, NOON + 100 * SECOND, NOON + 110 * SECOND])), *watch.finish()]
    assert [entry.log.fields["orig_pkts"] for entry in entries] == [1, 2]


def test_frames_that_the_card_merged_are_counted_though_they_are_whole() -> None:
    watch = Watch(())
    sizes = (1400, 9000, 20_000)
    list(watch.take(batch([MAC / IP(**ENDS) / UDP(sport=1, dport=2) / Raw(bytes(size)) for size in sizes])))
    assert (watch.frames, watch.cut) == (3, 1)


def test_frames_that_were_cut_are_counted() -> None:
    whole = batch([MAC / IP(**ENDS) / UDP(sport=1, dport=2) / Raw(bytes(100))] * 3)
    watch = Watch(())
    list(watch.take(replace(whole, caplen=whole.caplen - np.array([0, 60, 0]))))
    assert (watch.frames, watch.cut) == (3, 1)


def test_flows_whose_sides_come_in_two_vlans_are_counted() -> None:
    there, back = IP(**ENDS) / UDP(sport=1, dport=2), IP(src=ENDS["dst"], dst=ENDS["src"]) / UDP(sport=2, dport=1)
    watch = Watch(())
    list(watch.take(batch([MAC / Dot1Q(vlan=10) / there, MAC / Dot1Q(vlan=20) / back])))
    assert (watch.table.sides, watch.table.crossed) == (2, 1)
    list(watch.take(batch([MAC / Dot1Q(vlan=10) / there, MAC / Dot1Q(vlan=10) / back])))
    assert (watch.table.sides, watch.table.crossed) == (4, 1)
