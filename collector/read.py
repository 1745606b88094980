"""`czujka-collector read`: the events of capture files, one JSON object a line, on standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import TextIO, cast

from collector.analysers.registry import analysers
from collector.capture.files import CaptureFile
from collector.capture.form import Unknown
from collector.flows.record import OFFICE, Office
from collector.heads.head import Entry
from collector.logs import line
from collector.protocols.registry import PROTOCOLS
from collector.slices.ring import Slices
from collector.watch import Watch


def read(
    files: Sequence[str], logs: Collection[str] | None, networks: tuple[str, ...], slices: Slices | None = None
) -> int:
    """Print the logs of files (`-` is standard input), of some kinds only where `logs` names them.

    Each file is a world of its own: flows do not go from one to the next; `slices` keeps their heads. The exit code
    is 0, 1 when a file could not be read at all, 2 for networks that are none; of a file that breaks off, all before
    the break is told.
    """
    try:
        office = Office(networks or OFFICE)
    except ValueError as error:
        sys.stderr.write(f"To nie jest sieć: {error}\n")
        return 2
    code = 0
    try:
        for name in files:
            code = max(code, _file(name, logs, sys.stdout, partial(_watch, office, slices)))
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough; what Python still holds must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _watch(office: Office, slices: Slices | None) -> Watch:
    return Watch(PROTOCOLS, office, analysers=analysers(), slices=slices)


def _file(name: str, logs: Collection[str] | None, out: TextIO, watch: Callable[[], Watch]) -> int:
    try:
        with _opened(name) as stream:
            file = CaptureFile(stream)
            for entry in entries(file, watch()):
                if logs is None or entry.log.path in logs:
                    out.write(line(entry) + "\n")
    except Unknown:
        sys.stderr.write(f"{name}: to nie jest plik pcap ani pcapng.\n")
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        sys.stderr.write(f"{name}: nie można czytać ({error.strerror or error}).\n")
        return 1
    if file.broken:
        sys.stderr.write(f"{name}: plik jest ucięty lub uszkodzony, odczytano część do tego miejsca ({file.broken}).\n")
    return 0


def entries(file: CaptureFile, watch: Watch) -> Iterator[Entry]:
    """Yield all logs of a file."""
    for batch in file:
        yield from watch.take(batch)
    yield from watch.finish()


@contextmanager
def _opened(name: str) -> Iterator[BufferedIOBase]:
    if name == "-":
        yield cast("BufferedIOBase", sys.stdin.buffer)
        return
    with Path(name).open("rb") as stream:
        yield stream
