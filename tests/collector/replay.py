"""Frames sent over a card, also from a process in another network namespace: so this loads no scapy."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from collector.capture.files import CaptureFile


def send(interface: str, packets: Iterable[Any]) -> None:
    """Send packets over a card."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        for packet in packets:
            out.send(bytes(packet))


def replay(interface: str, file: str) -> None:
    """Send the frames of a capture file over a card."""
    send(interface, _frames(Path(file)))


def _frames(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for batch in CaptureFile(stream):
            for start, length in zip(batch.start.tolist(), batch.caplen.tolist(), strict=True):
                yield batch.data[start : start + length].tobytes()
