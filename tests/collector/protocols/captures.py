"""What the sensor tells of a capture file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from collector.capture.files import CaptureFile
from collector.heads.head import Entry
from collector.protocols.model import Protocol
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch


def entries(path: Path, protocols: Sequence[Protocol] = PROTOCOLS) -> list[Entry]:
    """Return all that is told of the file."""
    watch = Watch(protocols)
    with path.open("rb") as stream:
        found = [entry for batch in CaptureFile(stream) for entry in watch.take(batch)]
    found += watch.finish()
    assert watch.heads.faults == 0
    return found
