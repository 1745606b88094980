"""What the sensor takes on one core: `./czujka bench sensor [--packets N] [--file FILE.pcap] [--live SECONDS]`.

A made mix (or a file) is read as `czujka-collector read` reads it, with all parsers and analysers, and each log becomes
a line. `--soak SECONDS` reads the mix without an end and prints how memory grows; `--crowd` prints what very many flows
cost; `--suricata PROGRAM` runs Suricata beside, over the same file or (with `--live`) at the same card. CPU time of
this process by part; figures come from one run on one machine and are printed; nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from agent.wire.sending.memory import settle
from collector.analysers.registry import analysers
from collector.capture.files import CaptureFile
from collector.headers.parse import parse
from collector.logs import line
from collector.protocols.registry import PROTOCOLS
from collector.slices.files import Limits
from collector.slices.ring import Slices
from collector.watch import LONGEST_BATCH, Watch
from tests.benchmarks import _crowd, _live, _soak, _suricata
from tests.benchmarks._traffic import frames, write

RATE = 160_000
"""Packets a second by the clock of the made file: about 1 Gbit/s."""


def main(argv: list[str]) -> int:
    """Make the mix, read it twice, print the figures."""
    parser = argparse.ArgumentParser(prog="bench sensor")
    parser.add_argument("--packets", type=int, default=400_000)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--live", type=float, metavar="SECONDS", help="send over a pair of virtual cards; needs root")
    parser.add_argument("--soak", type=float, metavar="SECONDS", help="read the mix for so long and watch the memory")
    parser.add_argument("--crowd", action="store_true", help="memory with very many flows, and a flood of attempts")
    parser.add_argument("--suricata", type=Path, metavar="PROGRAM", help="Suricata 7 beside: the same file or card")
    wanted = parser.parse_args(argv)
    if wanted.crowd:
        settle()
        _crowd.run()
        return 0
    if wanted.soak:
        _soak.run(wanted.soak)
        return 0
    if wanted.live:
        _live.run(wanted.packets, wanted.live)
    with tempfile.TemporaryDirectory() as folder:
        if wanted.live:
            if wanted.suricata:
                _suricata.live(wanted.suricata, wanted.packets, wanted.live, Path(folder))
            return 0
        path = wanted.file or Path(folder) / "mix.pcap"
        if wanted.file is None:
            with path.open("wb") as out:
                write(out, frames(wanted.packets), RATE)
        if wanted.suricata:
            _suricata.offline(wanted.suricata, path, Path(folder))
            return 0
        settle()
        _whole(path)
        _parts(path, Path(folder))
    return 0


def _whole(path: Path) -> None:
    """Print packets a second and what was told."""
    watch, told, size = Watch(PROTOCOLS, analysers=analysers()), Counter[str](), 0
    began = time.process_time()
    with path.open("rb") as stream:
        for batch in CaptureFile(stream):
            for entry in watch.take(batch):
                size += len(line(entry))
                told[entry.log.path] += 1
        for entry in watch.finish():
            size += len(line(entry))
            told[entry.log.path] += 1
    spent = time.process_time() - began
    rate, bits = watch.frames / spent, 8 * watch.bytes / spent
    print(f"packets: {watch.frames}, {watch.bytes / max(watch.frames, 1):.0f} bytes each, flows: {watch.table.begun}")
    print(
        f"read, parsers, analysers, logs as lines: {rate:,.0f} packets/s, {bits / 1e6:,.0f} Mbit/s, {spent:.2f} s CPU"
    )
    print(f"packets given to parsers: {watch.heads.selected / max(watch.frames, 1):.1%}; faults: {watch.heads.faults}")
    print("logs: " + ", ".join(f"{name} {count}" for name, count in told.most_common()))
    print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


def _parts(path: Path, folder: Path) -> None:
    """Print the CPU time of each part, in microseconds a packet."""
    watch, spent = Watch(PROTOCOLS), defaultdict[str, float](float)
    slices = Slices(folder / "slices", Limits(keep_free=0))
    clock = time.process_time
    with path.open("rb") as stream:
        mark = clock()
        for batch in CaptureFile(stream):
            for part in batch.split(LONGEST_BATCH):
                spent["file"] += (now := clock()) - mark
                headers = parse(part)
                spent["headers"] += (mark := clock()) - now
                rounds = list(watch.table.rounds(headers))
                spent["flows"] += (now := clock()) - mark
                for assigned in rounds:
                    slices.keep(watch.table.columns, headers, assigned)
                spent["heads on disk"] += (mark := clock()) - now
                now = mark
                entries = [entry for assigned in rounds for entry in watch.heads.read(headers, assigned)]
                spent["heads and parsers"] += (mark := clock()) - now
                entries += [entry for assigned in rounds for entry in watch.ended(assigned.ended)]
                spent["records of flows"] += (now := clock()) - mark
                for entry in entries:
                    line(entry)
                spent["lines"] += (mark := clock()) - now
                watch.frames += len(part)
    total = sum(spent.values())
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {name}: {seconds / max(watch.frames, 1) * 1e6:.2f} µs a packet, {seconds / total:.0%}")
