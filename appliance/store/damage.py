"""Damaged segments: a file that cannot be read is held against its digest, and set aside where it is no longer itself.

What cannot be read for another reason (no rights, too many open files) is not damaged: the question waits instead.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from appliance.store import bounds
from appliance.store.manifest import Manifest, Segment
from appliance.store.missing import Damaged, Harm, SegmentDamaged
from appliance.store.model import StoreUnavailable

log = structlog.get_logger()
FOLDER = "damaged"
"""Where files go that are set aside, below the store's folder."""
FAULTS: Final = (OSError, pa.ArrowException, ValueError, LookupError, AttributeError)
"""What reading a damaged file raises, among other reasons for it."""
_BAD_DISK = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN})
_DETAIL = 300


class Kept(Protocol):
    """What the manifest says of a segment's file."""

    @property
    def file(self) -> str:
        """Its name."""

    @property
    def sha256(self) -> str | None:
        """The digest of what was written, None from an older writer."""


@contextmanager
def reading(folder: Path, segment: Segment) -> Iterator[Path]:
    """Give the path of a segment's file for reading.

    Raises SegmentDamaged when reading fails and the file is not what was written, StoreUnavailable when it is.
    """
    try:
        yield folder / segment.file
    except FAULTS as error:
        found = harm(folder, segment)
        if found is not None:
            raise found from error
        if isinstance(error, OSError | pa.ArrowException):
            raise StoreUnavailable(f"segment {segment.file}: {error}") from error
        raise


def harm(folder: Path, segment: Kept) -> SegmentDamaged | None:
    """Return what is wrong with a segment's file, None when it is as it was written and can be read."""
    found = altered(folder, segment)
    return found if found is not None else _unreadable(folder, segment)


def altered(folder: Path, segment: Kept) -> SegmentDamaged | None:
    """Return what is wrong with the bytes of a segment's file, None when they are those that were written."""
    try:
        with (folder / segment.file).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return SegmentDamaged(segment.file, Harm.MISSING)
    except OSError as error:
        return SegmentDamaged(segment.file, Harm.DISK, str(error.strerror)) if error.errno in _BAD_DISK else None
    return SegmentDamaged(segment.file, Harm.CHANGED) if segment.sha256 not in (None, digest) else None


def _unreadable(folder: Path, segment: Kept) -> SegmentDamaged | None:
    """Read a file to its end, a part at a time: older writers kept no digest, and a newer one may write otherwise."""
    try:
        with pq.ParquetFile(folder / segment.file) as file:
            for number in range(file.num_row_groups):
                file.read_row_group(number, use_threads=False)
    except MemoryError:
        return None
    except FAULTS as error:
        other = isinstance(error, OSError) and error.errno is not None
        return None if other else SegmentDamaged(segment.file, Harm.UNREADABLE, str(error)[:_DETAIL])
    return None


def first(folder: Path, segments: Sequence[Segment]) -> SegmentDamaged | None:
    """Return what is wrong with one of some segments, None when nothing is; those of another size are looked at first.

    Raises QueryTimeout when the time of the one who asks is up.
    """
    for segment in sorted(segments, key=lambda one: _size(folder / one.file) == one.bytes):
        bounds.current().check()
        found = harm(folder, segment)
        if found is not None:
            return found
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


class Aside:
    """Sets damaged segments of one folder aside, over a connection to its manifest that others must not use meanwhile.

    `now` gives microseconds since the epoch.
    """

    def __init__(self, folder: Path, manifest: Manifest, now: Callable[[], int]) -> None:
        self._folder, self._manifest, self._now = folder, manifest, now
        self.unwritten: dict[str, Damaged] = {}
        """By file, what the manifest does not say, since it cannot be written: only who found it knows."""

    def put(self, error: SegmentDamaged) -> bool:
        """Take a segment out of every later question; False when it was out before: replaced, deleted or set aside."""
        found = [one for one in self._manifest.segments() if one.file == error.file]
        if not found or error.file in self.unwritten:
            return False
        told = Damaged(error.file, found[0].rows, *found[0].span, self._now(), error.harm, error.detail)
        try:
            with self._manifest.transaction():
                if not self._manifest.damage(told):
                    return False
        except StoreUnavailable as fault:
            self.unwritten[error.file] = told
            log.warning("damage_not_written", file=error.file, reason=str(fault))
        else:
            self._move(error.file)
        log.error("segment_damaged", file=told.file, harm=told.harm.value, detail=told.detail, rows=told.rows)
        return True

    def _move(self, file: str) -> None:
        # Where it stays, it is named as damaged all the same.
        with suppress(OSError):
            (self._folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
            (self._folder / file).rename(self._folder / FOLDER / file)

    def left(self, segments: Sequence[Segment]) -> list[Segment]:
        """Return those that may be read."""
        return [one for one in segments if one.file not in self.unwritten]

    def told(self, start: int | None, end: int | None) -> list[Damaged]:
        """Return what is set aside and may have events from `start` to before `end`, oldest events first."""
        found = {one.file: one for one in [*self.unwritten.values(), *self._manifest.damaged()]}
        return sorted((one for one in found.values() if one.within(start, end)), key=lambda one: (one.start, one.file))


def remove(folder: Path, file: str) -> None:
    """Delete a segment's file, wherever it lies."""
    for path in (folder / file, folder / FOLDER / file):
        path.unlink(missing_ok=True)
