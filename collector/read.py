"""`czujka-collector read`: the events of capture files, one JSON object a line, on standard output."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

import numpy as np

from agent.wire.sending.memory import settle
from collector.acquaintance import Acquaintance
from collector.analysers.registry import analysers
from collector.capture.batch import Batch, Link
from collector.capture.files import CaptureFile
from collector.capture.form import Unknown
from collector.capture.leaveout import LeaveOut
from collector.heads.head import Entry
from collector.increments import Increments
from collector.logs import line
from collector.protocols.registry import PROTOCOLS
from collector.protocols.x509 import trust
from collector.rare.dissector import Dissector
from collector.settings import Settings
from collector.slices.ring import Slices
from collector.summary import summary as left_out
from collector.watch import Watch

_LINKS = list(Link)
_MOST = 5
"""Link types that are named."""


def read(
    files: Sequence[str],
    logs: Collection[str] | None,
    settings: Settings,
    slices: Slices | None = None,
    *,
    summary: bool = False,
) -> int:
    """Print the logs of files (`-` is standard input), of some kinds only where `logs` names them.

    Each file is a world of its own: flows do not go from one to the next; `slices` keeps their heads. The exit code
    is 0, 1 when a file could not be read at all or has only link types that are not read; of a file that breaks off,
    all before the break is told. With `summary` standard error also says of each file what in it was not read.
    """
    settle()
    trust.use(settings.trust)
    code = 0
    try:
        for name in files:
            code = max(code, _file(name, logs, settings, slices, summary=summary))
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough; what Python still holds must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _file(name: str, logs: Collection[str] | None, settings: Settings, slices: Slices | None, *, summary: bool) -> int:
    rare = Dissector(patient=True)
    unread = _Unread()
    watch = Watch(PROTOCOLS, settings.office, analysers=analysers(), slices=slices, rare=rare)
    sides, increments, acquaintance = settings.sides, Increments(), Acquaintance()
    try:
        with _opened(name) as stream:
            file, leave_out = CaptureFile(stream), LeaveOut(settings.rules)
            for entry in entries(map(leave_out.kept, unread.seen(file)), watch):
                told = acquaintance.say(entry)
                if logs is None or entry.log.path in logs:
                    sys.stdout.write(line(sides.say(increments.say(told))) + "\n")
    except Unknown:
        sys.stderr.write(f"{name}: to nie jest plik pcap ani pcapng.\n")
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        sys.stderr.write(f"{name}: nie można czytać ({error.strerror or error}).\n")
        return 1
    finally:
        rare.close()
    if file.broken:
        sys.stderr.write(f"{name}: plik jest ucięty lub uszkodzony, odczytano część do tego miejsca ({file.broken}).\n")
    if unread.links:
        sys.stderr.write(f"{name}: pominięto pakiety o nieobsługiwanym typie łącza: {unread}.\n")
    if summary and (left := left_out(watch, rare)):
        sys.stderr.write(f"{name}: nie wszystko odczytano ({left}).\n")
    return int(unread.all)


class _Unread:
    """Counts the frames of a file whose link type is not read, by its number."""

    def __init__(self) -> None:
        self._frames = 0
        self.links: Counter[int] = Counter()

    def seen(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Count the frames of batches that pass."""
        for batch in batches:
            self._frames += len(batch)
            self.links.update(batch.link[~np.isin(batch.link, _LINKS)].tolist())
            yield batch

    @property
    def all(self) -> bool:
        """Whether there was nothing but such frames."""
        return 0 < self._frames == self.links.total()

    def __str__(self) -> str:
        return ", ".join(f"{number} (pakietów: {count})" for number, count in self.links.most_common(_MOST))


def entries(batches: Iterable[Batch], watch: Watch) -> Iterator[Entry]:
    """Yield all logs of a file's batches."""
    for batch in batches:
        yield from watch.take(batch)
    yield from watch.finish()


@contextmanager
def _opened(name: str) -> Iterator[BufferedIOBase]:
    if name == "-":
        yield cast("BufferedIOBase", sys.stdin.buffer)
        return
    with Path(name).open("rb") as stream:
        yield stream
