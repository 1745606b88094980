"""DuckDB as the engine of questions: bounded in memory, disk, threads and time, and kept inside one folder."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from appliance.search.evaluate import address_of
from appliance.store import bounds, overflow
from appliance.store.bounds import Bounds
from appliance.store.model import QueryTooLarge
from appliance.store.sql import ADDRESS, Parameter, address_key

MEMORY, THREADS = "224MB", 2
DISK = 1 << 30
"""Bytes that the questions of an engine together may lay down on disk when memory does not suffice, about."""
_LOOK = 0.25
"""Seconds between two looks at these: the engine's own bound (DuckDB 2.0.0) does not hold."""
CONCURRENT = 2
"""Questions that run at once; others wait in line within their own time."""


class EngineFault(RuntimeError):
    """The engine could not answer: a fault of the question, or of a file."""


class FileGone(EngineFault):
    """A segment was replaced while it was being read; ask again with a fresh manifest."""


class Engine:
    """One in-memory DuckDB instance, started by the first question."""

    def __init__(self, folder: Path, timeout_seconds: float) -> None:
        self._folder, self._timeout = folder, timeout_seconds
        self._slots = threading.BoundedSemaphore(CONCURRENT)
        self._starting = threading.Lock()
        self._instance: Any = None
        self._overflow: Path | None = None

    def run(self, sql: str, parameters: Sequence[Parameter]) -> Any:
        """Return the answer as an Arrow table. Raises QueryTimeout, QueryStopped, EngineFault, QueryTooLarge."""
        limits = bounds.current().within(self._timeout)
        while not self._slots.acquire(timeout=limits.nap()):
            limits.check()
        try:
            limits.check()
            return self._bounded(sql, parameters, limits)
        finally:
            self._slots.release()

    def _bounded(self, sql: str, parameters: Sequence[Parameter], limits: Bounds) -> Any:
        import duckdb  # noqa: PLC0415  # a process that asks nothing does not pay for it

        cursor = self._started().cursor()
        done, past = threading.Event(), threading.Event()
        watch = threading.Thread(target=self._watch, args=(cursor, done, past, limits), daemon=True)
        watch.start()
        try:
            return cursor.sql(sql, params=list(parameters)).to_arrow_table()
        except duckdb.InterruptException as error:
            raise (_too_large() if past.is_set() else limits.fault()) from error
        except duckdb.IOException as error:
            if self._overflow is not None and str(self._overflow) in str(error):
                raise _too_large() from error
            raise FileGone(str(error)) from error
        except duckdb.OutOfMemoryException as error:
            raise _too_large() from error
        except duckdb.Error as error:
            # After one of its own faults the engine may answer nothing any more.
            if isinstance(error, duckdb.InternalException | duckdb.FatalException):
                self._instance = None
            raise EngineFault(str(error)) from error
        finally:
            done.set()
            watch.join()
            cursor.close()

    def _watch(self, cursor: Any, done: threading.Event, past: threading.Event, limits: Bounds) -> None:
        """Stop the question when it is over, again and again: between planning and running a stop is lost.

        `past` is set when it lays down more than it may.
        """
        while not done.wait(min(limits.nap(), _LOOK)):
            if self._overflow is not None and overflow.size(self._overflow) > DISK:
                past.set()
            if past.is_set() or limits.over():
                cursor.interrupt()

    def _started(self) -> Any:
        with self._starting:
            if self._instance is None:
                self._release()
                self._overflow = overflow.claimed(self._folder)
                self._instance = _start(self._folder, self._overflow)
            return self._instance

    def close(self) -> None:
        """Let go of the instance and its memory."""
        with self._starting:
            if self._instance is not None:
                self._instance.close()
                self._instance = None
            self._release()

    def _release(self) -> None:
        if self._overflow is not None:
            overflow.released(self._overflow)
            self._overflow = None


def _too_large() -> QueryTooLarge:
    return QueryTooLarge(f"question needs more than {MEMORY}, and {DISK >> 20} MB on disk")


def _start(folder: Path, laid_down: Path) -> Any:
    import duckdb  # noqa: PLC0415  # as above
    from duckdb.func import PythonUDFType  # noqa: PLC0415 - as above

    connection = duckdb.connect(
        config={
            "threads": THREADS,
            "memory_limit": MEMORY,
            "temp_directory": str(laid_down),
        }
    )
    allowed = str(folder.resolve()).replace("'", "''")
    connection.execute(f"SET allowed_directories = ['{allowed}/']")
    for setting in (
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_external_file_cache = false",
        "parquet_metadata_cache = true",
        "preserve_insertion_order = false",
        "enable_external_access = false",
    ):
        connection.execute(f"SET {setting}")
    connection.create_function(ADDRESS, _addresses, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW)
    connection.execute("SET lock_configuration = true")
    return connection


def _addresses(texts: Any) -> Any:
    encoded = texts.combine_chunks().dictionary_encode() if hasattr(texts, "chunks") else texts.dictionary_encode()
    keys = pa.array([_key(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return keys.take(encoded.indices)


def _key(text: str) -> str:
    # DuckDB does not take NULL from a function here; the empty text lies in no network.
    address = address_of(text)
    return "" if address is None else address_key(*address)
