"""The ring of packets: what is kept, what is cut out of it, and what damage and full disks do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from appliance.home import CHECKOUT
from collector.capture.batch import Link
from collector.flows.columns import Columns
from collector.flows.record import digests_of
from collector.protocols.registry import PROTOCOLS
from collector.slices.cut import Cut, _matching, cut
from collector.slices.files import DATA, INDEX, Limits, segments
from collector.slices.form import HEADER, RUN, uid_from
from collector.slices.ring import FLAGS, Slices
from collector.watch import Watch
from tests.collector.packets import NOON, SECOND, batch, frames_of, pcap

MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
KAM = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
MOST = 64 << 20
ROOMY = Limits(keep_free=0)


def there(port: int, size: int = 10, seq: int = 1) -> bytes:
    return bytes(MAC / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=port, dport=80, flags="A", seq=seq) / bytes(size))


def back(port: int, size: int = 10) -> bytes:
    return bytes(KAM / IP(src="10.0.0.2", dst="10.0.0.1") / TCP(sport=80, dport=port, flags="A") / bytes(size))


def watched(slices: Slices, batches: Sequence[Any], protocols: Sequence[Any] = ()) -> dict[int, str]:
    """Let a watch see batches; return the uids of the flows by the originator's port."""
    watch = Watch(protocols, slices=slices)
    entries = [entry for one in batches for entry in watch.take(one)]
    entries += watch.finish()
    slices.close()
    return {entry.flow.orig_p: entry.uid for entry in entries if entry.flow and entry.log.path == "conn"}


def told(found: Cut | None) -> list[bytes]:
    assert found is not None
    frames, broken = frames_of(found.content)
    assert broken == ""
    assert [at for at, *_ in frames] == sorted(at for at, *_ in frames)
    assert found.packets == len(frames)
    return [frame for _, frame, _, _ in frames]


def test_a_flow_is_cut_out_both_ways_in_the_order_of_time(tmp_path: Path) -> None:
    frames = [there(1), there(2), back(1), there(1, 33), back(2), back(1, 0)]
    uids = watched(
        Slices(tmp_path, ROOMY), [batch(frames[:3]), batch(frames[3:], [NOON + SECOND * i for i in (1, 2, 3)])]
    )
    assert told(cut(tmp_path, uids[1], MOST)) == [frames[i] for i in (0, 2, 3, 5)]
    assert told(cut(tmp_path, uids[2], MOST)) == [frames[i] for i in (1, 4)]
    assert cut(tmp_path, "CnobodyKnowsIt123", MOST) is None
    assert cut(tmp_path / "none", uids[1], MOST) is None


def test_times_lengths_and_link_types_stay(tmp_path: Path) -> None:
    raw = bytes(IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=7, dport=9) / Raw(b"abc"))
    watch = Watch((), slices=Slices(tmp_path, ROOMY))
    made = batch([raw], [NOON + 123_456_789], link=Link.RAW)
    made = replace(made, wire=made.wire + 1000)
    entries = [*watch.take(made), *watch.take(batch([there(5)])), *watch.finish()]
    found = cut(tmp_path, next(e.uid for e in entries if e.flow and e.flow.orig_p == 7), MOST)
    assert found is not None
    assert frames_of(found.content)[0] == [(NOON + 123_456_789, raw, len(raw) + 1000, Link.RAW)]


@settings(max_examples=20)
@given(
    st.lists(st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.integers(0, 900)), max_size=12), max_size=6),
    st.integers(1, 2000),
)
def test_the_head_of_each_side_is_kept_and_no_more(
    tmp_path_factory: pytest.TempPathFactory, plan: list[list[tuple[int, bool, int]]], head: int
) -> None:
    folder = tmp_path_factory.mktemp("ring")
    wanted: dict[int, list[bytes]] = {}
    had: dict[tuple[int, bool], int] = {}
    batches, number = [], 0
    for part in plan:
        frames = [(there if forth else back)(port, size) for port, forth, size in part]
        for (port, forth, _), frame in zip(part, frames, strict=True):
            if had.get((port, forth), 0) < head:
                wanted.setdefault(port, []).append(frame)
                had[port, forth] = had.get((port, forth), 0) + len(frame)
        if frames:
            batches.append(batch(frames, [NOON + (number + i) * 1000 for i in range(len(frames))]))
        number += len(frames)
    watch = Watch((), slices=Slices(folder, ROOMY._replace(head=head)))
    watch.table._servers[80] = True  # the office's side of the flow is known whoever speaks first
    entries = [*(entry for one in batches for entry in watch.take(one)), *watch.finish()]
    uids = {entry.flow.orig_p: entry.uid for entry in entries if entry.flow}
    assert uids.keys() == wanted.keys()
    assert {port: told(cut(folder, uid, MOST)) for port, uid in uids.items()} == wanted


def test_a_flagged_flow_is_kept_beyond_its_head(tmp_path: Path) -> None:
    slices = Slices(tmp_path, ROOMY._replace(head=100))
    watch = Watch((), slices=slices)
    entries = list(watch.take(batch([there(1, 200), there(2, 200)])))
    conns = [entry for entry in watch.ended(watch.table.finish()) if entry.flow]
    assert entries == []
    # The same two flows live in a second watch, whose one is flagged.
    watch = Watch((), slices=slices)
    list(watch.take(batch([there(1, 200), there(2, 200)])))
    one = next(entry for entry in conns if entry.flow and entry.flow.orig_p == 1)
    assert one.flow is not None
    slices.flag(watch.table.columns, one.uid, one.flow)
    slices.flag(watch.table.columns, one.uid, one.flow)
    assert slices.flagged == 1
    later = [there(1, 300), there(2, 300), back(1, 300)]
    list(watch.take(batch(later, [NOON + SECOND] * 3)))
    kept = told(cut(tmp_path, one.uid, MOST))
    assert [frame for frame in kept if len(frame) > 300] == [later[0], later[2]]
    for _ in range(2 * FLAGS):
        slices.flag(Columns(), one.uid, one.flow)
    assert slices.flagged == 1


def test_what_breaks_a_protocol_is_flagged_by_the_watch(tmp_path: Path) -> None:
    bad = bytes(
        MAC / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5000, dport=53) / Raw(b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0")
    )
    slices = Slices(tmp_path, ROOMY)
    watched(slices, [batch([bad])], PROTOCOLS)
    assert slices.flagged == 1


def test_the_bound_of_a_cut_is_kept_and_said(tmp_path: Path) -> None:
    frames = [there(1, 100) for _ in range(20)]
    uids = watched(Slices(tmp_path, ROOMY), [batch(frames)])
    found = cut(tmp_path, uids[1], 1000)
    assert found is not None
    assert not found.whole
    assert told(found) == frames[: found.packets]
    assert 0 < found.packets * len(frames[0]) < 1000


def test_a_torn_end_costs_what_was_torn(tmp_path: Path) -> None:
    frames = [there(1), back(1), there(1, 50)]
    uids = watched(Slices(tmp_path, ROOMY), [batch([frame], [NOON + i]) for i, frame in enumerate(frames)])
    (data,) = segments(tmp_path)
    index = data.with_suffix(INDEX)
    whole, rows = data.read_bytes(), index.read_bytes()
    index.write_bytes(rows[:-1])
    assert told(cut(tmp_path, uids[1], MOST)) == frames[:2]
    index.write_bytes(rows)
    data.write_bytes(whole[:-1])
    assert told(cut(tmp_path, uids[1], MOST)) == frames[:2]
    data.write_bytes(whole[: len(HEADER)] + bytes(len(whole) - len(HEADER)))
    assert cut(tmp_path, uids[1], MOST) is None
    data.unlink()
    assert cut(tmp_path, uids[1], MOST) is None


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 255), st.booleans())
def test_damage_on_the_disk_is_survived(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, in_index: bool
) -> None:
    folder = tmp_path_factory.mktemp("ring")
    uids = watched(Slices(folder, ROOMY), [batch([there(1), back(1), there(2)])])
    (data,) = segments(folder)
    hurt = data.with_suffix(INDEX) if in_index else data
    content = bytearray(hurt.read_bytes())
    content[place % len(content)] = value
    hurt.write_bytes(content)
    for uid in uids.values():
        found = cut(folder, uid, MOST)
        assert found is None or found.packets <= 3


def test_a_ring_stays_within_its_bytes_and_loses_the_oldest(tmp_path: Path) -> None:
    limits = ROOMY._replace(bytes=1 << 20, head=1 << 20)
    uids = watched(Slices(tmp_path, limits), [batch([there(port, 1400)] * 20) for port in range(1, 101)])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1 << 20
    assert len(segments(tmp_path)) > 8
    assert cut(tmp_path, uids[1], MOST) is None
    assert len(told(cut(tmp_path, uids[100], MOST))) == 20


def test_old_packets_go_though_nothing_new_comes(tmp_path: Path) -> None:
    now = [2e9]
    slices = Slices(tmp_path, ROOMY, clock=lambda: now[0])
    watched(slices, [batch([there(1)])])
    slices.tick()
    (data,) = segments(tmp_path)
    os.utime(data, (now[0], now[0]))
    now[0] += 6.9 * 86_400
    slices.tick()
    assert segments(tmp_path) == [data]
    now[0] += 86_400
    slices.tick()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_counted_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [2e9]
    slices = Slices(tmp_path, Limits(keep_free=1 << 62), clock=lambda: now[0])
    assert len(watched(slices, [batch([there(1)] * 3)])) == 1
    assert (slices.kept, slices.lost, slices.full) == (0, 3, True)
    slices._limits = ROOMY
    watched(slices, [batch([there(1)])])
    assert (slices.kept, slices.lost) == (0, 4)
    now[0] += 60
    write = os.write
    monkeypatch.setattr(os, "write", lambda number, data: write(number, data[: max(1, len(data) - 100)]))
    watched(slices, [batch([there(1)])])
    assert (slices.kept, slices.lost) == (0, 5)
    monkeypatch.undo()
    now[0] += 60
    uids = watched(slices, [batch([there(1)])])
    assert (slices.kept, slices.lost, slices.full) == (1, 5, False)
    assert len(told(cut(tmp_path, uids[1], MOST))) == 1


def test_a_full_disk_within_a_file_leaves_no_half_packet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slices = Slices(tmp_path, ROOMY)
    watch = Watch((), slices=slices)
    list(watch.take(batch([there(1)])))
    write, calls = os.write, [0]

    def short(number: int, data: bytes) -> int:
        calls[0] += 1
        return write(number, data) if calls[0] == 1 else write(number, data[:-1])

    monkeypatch.setattr(os, "write", short)
    list(watch.take(batch([there(1, 77)], [NOON + 5])))
    monkeypatch.undo()
    (entry,) = watch.finish()
    assert told(cut(tmp_path, entry.uid, MOST)) == [there(1)]
    (data,) = segments(tmp_path)
    assert frames_of(data.read_bytes()) == ([(NOON, there(1), len(there(1)), 1)], "")


def test_a_folder_that_cannot_be_made_is_a_count(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    slices = Slices(tmp_path / "file" / "slices", ROOMY)
    watched(slices, [batch([there(1)])])
    assert slices.lost == 1


def collector(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "collector", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(command, capture_output=True, check=False, env=environment, timeout=60)


def test_the_command_cuts_what_reading_a_file_kept_and_tshark_reads_it(tmp_path: Path) -> None:
    frames = [there(1), back(1), there(2)]
    capture, home, made = tmp_path / "one.pcap", tmp_path / "home", tmp_path / "out.pcapng"
    capture.write_bytes(pcap(frames))
    # Twice, as when a file is imported again: its packets are told once.
    for _ in range(2):
        assert collector("read", str(capture), "--home", str(home), "--slices", "64M").returncode == 0
    assert len(segments(home / "slices")) == 2
    uids = watched(
        Slices(tmp_path / "other", ROOMY), [batch(frames, [(1_790_000_000 + i) * SECOND + 7000 * i for i in range(3)])]
    )
    done = collector("slice", uids[1], "-o", str(made), "--home", str(home))
    assert (done.returncode, done.stderr.decode()) == (0, "Pakiety: 2.\n")
    assert told(Cut(made.read_bytes(), 2, whole=True)) == frames[:2]
    shown = subprocess.run(
        ["tshark", "-n", "-r", str(made), "-T", "fields", "-e", "tcp.srcport"], capture_output=True, check=True
    )
    assert shown.stdout.split() == [b"1", b"80"]
    assert collector("slice", uids[1], "-o", "-", "--home", str(home)).stdout == made.read_bytes()
    assert collector("slice", "CnobodyKnowsIt123", "--home", str(home)).returncode == 1
    assert collector("slice", "../x", "--home", str(home)).returncode == 2
    assert collector("read", str(capture), "--home", str(tmp_path / "off"), "--slices", "0").returncode == 0
    assert not (tmp_path / "off").exists()
    assert {path.suffix for path in (home / "slices").iterdir()} == {DATA, INDEX}
    assert {path.stat().st_mode & 0o777 for path in (home / "slices").iterdir()} == {0o600}


def _scanned(count: int) -> NDArray[np.void]:
    """Return the index of a scan: a run for each flow."""
    rows = np.zeros(count, RUN)
    rows["first"] = NOON + np.arange(count) * 1000
    rows["addresses"][:, :4], rows["addresses"][:, 16:20] = (10, 0, 0, 1), (192, 0, 2, 7)
    rows["ports"][:, 0], rows["ports"][:, 1] = np.arange(count) % 65_536, 80
    rows["proto"], rows["version"] = 6, 4
    rows["version"][::7] = 6
    rows["length"] = len(HEADER)
    return rows


def test_a_flow_is_found_soon_after_a_scan(tmp_path: Path) -> None:
    count = 400_000
    rows = _scanned(count)
    wanted = rows[[count // 2, count - 1]]
    runs = np.concatenate([rows, wanted])
    uids = [
        uid_from(int(one["first"]), 6, int(one["version"]), one["addresses"].tobytes(), one["ports"]) for one in wanted
    ]
    began = time.process_time()
    found = [np.flatnonzero(_matching(runs, digests_of(uid))).tolist() for uid in uids]
    spent = time.process_time() - began
    assert found == [[count // 2, count], [count - 1, count + 1]]
    assert spent / (2 * count) < 4e-6  # 52 s of a ring of 13 million runs; it takes a quarter of that


@given(st.integers(0, 2**62), st.sampled_from((4, 6)), st.binary(min_size=32, max_size=32), st.integers(0, 255))
def test_names_of_an_index_are_those_of_its_flows(first: int, version: int, ends: bytes, proto: int) -> None:
    rows = np.zeros(2, RUN)
    size = 16 if version == 6 else 4
    addresses = ends[:size].ljust(16, b"\0") + ends[16 : 16 + size].ljust(16, b"\0")
    rows[1] = (first, list(addresses), (7, 65_535), proto, version, 0, 0, 0, 0)
    uid = uid_from(first, proto, version, addresses, (7, 65_535))
    assert _matching(rows, digests_of(uid)).tolist() == [False, True]
    assert digests_of(uid[:-1]) == digests_of("S" + uid[1:]) == frozenset()
