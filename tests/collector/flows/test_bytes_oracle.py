"""Bytes of closed connections against tshark: those of the union of all segments, none of which is missing."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from collector.capture.files import CaptureFile
from collector.watch import Watch

SAMPLE = 3
"""tshark takes a second to start: each so many-th capture with a closed connection is compared."""
FIELDS = (
    "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", "tcp.seq_raw", "tcp.len", "tcp.flags",
)  # fmt: skip
SYN, RST = 2, 4
pytestmark = pytest.mark.corpora
Ends = tuple[str, str, str, str]
Segment = tuple[int, int]


def _closed(path: Path) -> dict[Ends, tuple[int, bool]]:
    """Return of each side of connections that both ended its bytes and whether some are said to be missing."""
    watch = Watch(())
    with path.open("rb") as stream:
        entries = [entry for batch in CaptureFile(stream) for entry in watch.take(batch)]
    found: dict[Ends, list[tuple[int, bool]]] = defaultdict(list)
    for entry in [*entries, *watch.finish()]:
        fields, flow = entry.log.fields, entry.flow
        if entry.log.path == "conn" and flow is not None and fields["conn_state"] == "SF" and fields["proto"] == "tcp":
            ends = flow.orig_h, str(flow.orig_p), flow.resp_h, str(flow.resp_p)
            found[ends].append((int(str(fields["orig_bytes"])), "G" in str(fields["history"])))
            found[ends[2:] + ends[:2]].append((int(str(fields["resp_bytes"])), "g" in str(fields["history"])))
    return {ends: sides[0] for ends, sides in found.items() if len(sides) == 1}


def _segments(path: Path) -> dict[Ends, list[Segment]]:
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=l", "-Y", "tcp and not icmp"]
    done = subprocess.run(
        [*command, *(part for field in FIELDS for part in ("-e", field))], capture_output=True, text=True, check=False
    )
    found: dict[Ends, list[Segment]] = defaultdict(list)
    for line in done.stdout.splitlines():
        source, source6, sport, target, target6, dport, *numbers = line.split("\t")
        if all(numbers) and int(numbers[1]) and not int(numbers[2], 16) & (SYN | RST):
            found[source6 or source, sport, target6 or target, dport].append((int(numbers[0]), int(numbers[1])))
    return found


def _union(segments: list[Segment]) -> tuple[int, int]:
    """Return the bytes that came at least once, and those between them that never did."""
    if not segments:
        return 0, 0
    base = segments[0][0]
    places = sorted((((seq - base + 2**31) % 2**32) - 2**31, size) for seq, size in segments)
    reached, came = places[0][0], 0
    for place, size in places:
        came += max(0, place + size - max(place, reached))
        reached = max(reached, place + size)
    return came, reached - places[0][0] - came


def test_bytes_of_closed_connections_are_those_that_tshark_sees(corpora: Path) -> None:
    captures = [path for path in sorted(corpora.glob("*/pcap/*")) if path.suffix in {".pcap", ".pcapng", ".cap"}]
    other, same = [], 0
    for path, closed in [(path, sides) for path in captures if (sides := _closed(path))][::SAMPLE]:
        segments = _segments(path)
        for ends, side in closed.items():
            came, missing = _union(segments.get(ends, []))
            if missing:
                continue
            same += side == (came, False)
            other += [f"{path.name} {ends}: {side} here, {came} there"] if side != (came, False) else []
    assert same > 40
    assert not other, "\n".join(other)
