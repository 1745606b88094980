"""Frames sent over a card, also from a process in another network namespace: so this loads no scapy."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from collector.capture.files import CaptureFile


def send(interface: str, packets: Iterable[Any]) -> None:
    """Send packets over a card."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        for packet in packets:
            out.send(bytes(packet))


#: Where the number of a segment stands: behind the headers of Ethernet and IPv4, which have no options, and the ports.
_NUMBER = 14 + 20 + 4
_HEADERS = 14 + 20 + 20


def stretched(frames: Sequence[bytes], place: int, times: int) -> Iterator[bytes]:
    """Yield the frames of a connection with a segment of the originator's so many times, its numbers growing."""
    size = len(frames[place]) - _HEADERS
    for number, frame in enumerate(frames):
        if number < place or frame[26:30] != frames[place][26:30]:
            yield frame
        elif number > place:
            yield _later(frame, (times - 1) * size)
        else:
            yield from (_later(frame, n * size) for n in range(times))


def _later(frame: bytes, by: int) -> bytes:
    (number,) = struct.unpack_from(">I", frame, _NUMBER)
    return frame[:_NUMBER] + struct.pack(">I", (number + by) & 0xFFFFFFFF) + frame[_NUMBER + 4 :]


def pour(interface: str, file: str, place: int, times: int, seconds: float) -> None:
    """Send the connection of a capture file stretched, evenly over so many seconds."""
    send(interface, _paced(stretched(list(_frames(Path(file))), place, times), seconds / times))


def _paced(frames: Iterable[bytes], apart: float) -> Iterator[bytes]:
    due = time.monotonic()
    for frame in frames:
        due += apart
        if (early := due - time.monotonic()) > 0.002:
            time.sleep(early)
        yield frame


def replay(interface: str, file: str) -> None:
    """Send the frames of a capture file over a card."""
    send(interface, _frames(Path(file)))


def _frames(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for batch in CaptureFile(stream):
            for start, length in zip(batch.start.tolist(), batch.caplen.tolist(), strict=True):
                yield batch.data[start : start + length].tobytes()
