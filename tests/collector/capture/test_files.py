"""Capture files: what was written is read, and what breaks off is read up to there."""

from __future__ import annotations

import io
import os
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.capture.batch import MAX_FRAME
from collector.capture.files import PIECE, CaptureFile
from collector.capture.form import Unknown
from tests.collector.packets import block, enhanced, frames_of, interface, pcap, section

BEGIN = 1_790_000_000 * 1_000_000_000
FRAMES = [b"first frame", b"x" * 150, b"", b"last"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("nanos", "unit"), [(False, 1000), (True, 1)])
def test_a_classic_file_gives_its_frames_and_times(order: str, nanos: bool, unit: int) -> None:
    found, broken = frames_of(pcap(FRAMES, order=order, nanos=nanos, link=113))
    assert broken == ""
    assert [frame for _, frame, _, _ in found] == FRAMES
    assert [at for at, _, _, _ in found] == [BEGIN + i * 1_000_000_000 + 7 * i * unit for i in range(4)]
    assert {link for _, _, _, link in found} == {113}


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_of_kuznetsovs_kind_gives_its_frames(order: str) -> None:
    plain, place, out = pcap(FRAMES, order=order), 24, [struct.pack(f"{order}I", 0xA1B2CD34)]
    out.append(plain[4:24])
    for frame in FRAMES:
        out += [plain[place : place + 16], b"\0\0\0\2\x08\0\0\0", frame]
        place += 16 + len(frame)
    assert frames_of(b"".join(out)) == frames_of(plain)
    assert frames_of(b"".join(out)[:-1])[1] != ""


def test_what_the_capture_cut_keeps_its_length_on_the_wire() -> None:
    found, _ = frames_of(pcap(FRAMES, cut=5))
    assert [(frame, wire) for _, frame, wire, _ in found] == [(frame[:5], len(frame)) for frame in FRAMES]


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pcapng_file_gives_its_frames_by_interface_and_resolution(order: str) -> None:
    nano = struct.pack(f"{order}HHB3x", 9, 1, 9) + struct.pack(f"{order}HH", 0, 0)
    binary = struct.pack(f"{order}HHB3x", 9, 1, 0x80 | 10) + struct.pack(f"{order}HHq", 14, 8, 100)
    data = (
        section(order)
        + interface(order, 1)
        + interface(order, 101, nano)
        + enhanced(order, 0, 5_000_001, b"micro")
        + enhanced(order, 1, 5_000_000_001, b"nano", 60)
        + interface(order, 276, binary)
        + enhanced(order, 2, 3 * 1024 + 512, b"binary")
        + block(order, 3, struct.pack(f"{order}I", 6) + b"simple")
        + block(order, 2, struct.pack(f"{order}HHIIII", 1, 0, 1, 0, 3, 3) + b"old")
        + block(order, 5, b"statistics, not frames")
    )
    found, broken = frames_of(data)
    assert broken == ""
    assert found == [
        (5_000_001_000, b"micro", 5, 1),
        (5_000_000_001, b"nano", 60, 101),
        (103_500_000_000, b"binary", 6, 276),
        (103_500_000_000, b"simple", 6, 1),
        (1 << 32, b"old", 3, 101),
    ]


def test_a_second_section_may_have_the_other_byte_order() -> None:
    one, other = (section(o) + interface(o, 1) + enhanced(o, 0, 9, o.encode()) for o in "<>")
    found, broken = frames_of(one + other)
    assert (broken, [frame for _, frame, _, _ in found]) == ("", [b"<", b">"])


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(40), b"\xd4\xc3\xb2\xa1"])
def test_what_is_no_capture_is_refused(data: bytes) -> None:
    with pytest.raises(Unknown):
        frames_of(data)


NG = section("<") + interface("<", 1) + b"".join(enhanced("<", 0, i, frame) for i, frame in enumerate(FRAMES))


@pytest.mark.parametrize("whole", [pcap(FRAMES), NG], ids=["pcap", "pcapng"])
def test_a_file_is_read_up_to_where_it_breaks_off(whole: bytes) -> None:
    all_frames, _ = frames_of(whole)
    whole_records = _beginnings(whole)
    for end in range(24, len(whole)):
        found, broken = frames_of(whole[:end])
        assert found == all_frames[: len(found)]
        assert len(found) < len(all_frames)
        ends_between = not broken
        assert ends_between == (end in whole_records), end


def _beginnings(whole: bytes) -> list[int]:
    """Where the records of a file end."""
    if whole is NG:
        ends, at = [], 0
        while at < len(whole):
            at += struct.unpack_from("<I", whole, at + 4)[0]
            ends.append(at)
    else:
        ends, at = [24], 24
        for frame in FRAMES:
            at += 16 + len(frame)
            ends.append(at)
    return ends


def test_a_frame_that_claims_too_much_ends_the_file() -> None:
    lying = pcap([b"good"]) + struct.pack("<IIII", 1, 1, MAX_FRAME + 1, MAX_FRAME + 1) + bytes(64)
    found, broken = frames_of(lying)
    assert [frame for _, frame, _, _ in found] == [b"good"]
    assert str(MAX_FRAME + 1) in broken


@pytest.mark.parametrize("length", [0, 11, 13, 1 << 31])
def test_a_block_that_lies_about_its_length_ends_the_file(length: int) -> None:
    found, broken = frames_of(NG + struct.pack("<II", 6, length) + bytes(64))
    assert len(found) == 4
    assert str(length) in broken


@given(st.binary(max_size=400), st.sampled_from([pcap(FRAMES), NG]), st.integers(0, 300))
@settings(max_examples=50)
def test_no_damage_does_harm(noise: bytes, whole: bytes, at: int) -> None:
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    try:
        found, _ = frames_of(damaged)
    except Unknown:
        return
    assert sum(len(frame) for _, frame, _, _ in found) <= len(damaged)


def test_a_file_longer_than_a_piece_loses_nothing_at_the_seams(tmp_path: Path) -> None:
    frames = [bytes([i % 251]) * 1493 for i in range(PIECE // 1400)]
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap(frames))
    with path.open("rb") as stream:
        parts = [
            [part.data[s : s + n].tobytes() for s, n in zip(part.start, part.caplen, strict=True)]
            for part in CaptureFile(stream)
        ]
    assert len(parts) > 1
    got = [frame for part in parts for frame in part]
    assert got == frames


def test_a_pipe_is_read_as_it_comes() -> None:
    reading, writing = os.pipe()
    data = pcap(FRAMES)
    seen = threading.Event()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as out:
            out.write(data[:10])
            out.write(data[10:60])
            assert seen.wait(10)
            out.write(data[60:])

    thread = threading.Thread(target=write)
    thread.start()
    count = 0
    with os.fdopen(reading, "rb") as stream:
        file = CaptureFile(stream)
        for part in file:
            count += len(part)
            seen.set()
    thread.join()
    assert (count, file.broken) == (4, "")
    assert isinstance(stream, io.BufferedReader)
