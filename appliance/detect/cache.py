"""Compiled rules by the hash of their text, and plans: checked files, replaced atomically, ignored when damaged.

The rules' file is a line of JSON for each rule file. Each is read by itself when it is asked for: decoding all at once
holds the interpreter for as long as it takes, and while rules change the stream's thread would wait for it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from pathlib import Path

import orjson
import structlog

from appliance.normalise import fields
from rules import ROOT

from .correlation.encode import decode_correlation, encode_correlation
from .encode import decode_filter, decode_rule, encode_filter, encode_rule
from .model import Fault, ParsedFile
from .plans import Plans, pack_plans, unpack_plans
from .routes import EventClass

log = structlog.get_logger()
_NAME, _PLANS = "rules.json", "plans.json"
#: What the keys of events, and so the clauses of a plan, depend on.
_DATA = (*sorted((ROOT / "schema").glob("*.yaml")), *sorted((ROOT / "pipelines").glob("*.yaml")), Path(fields.__file__))
_DIGEST = 32
#: Characters of the hash of a rule file's text, with which its line begins.
_KEY = 64
#: Bytes of a cache file; more than this is not ours.
_LIMIT = 256 << 20
#: Compiled files that are kept though a load did not use them: several loads with other paths share one cache.
SPARE = 4096


@lru_cache(maxsize=2)
def _compiler(*data: Path) -> str:
    """A name for the code that compiles, and the data it reads: entries of other code are not used."""
    digest = hashlib.sha256()
    for file in [*sorted(Path(__file__).parent.rglob("*.py")), *data]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def read_checked(path: Path, compiler: str) -> list[bytes] | None:
    """The lines that `write_checked` wrote by the same code; None when there are none or they are damaged."""
    try:
        if path.stat().st_size > _LIMIT:
            return None
        with path.open("rb") as stream:
            digest, payload = stream.read(_DIGEST), stream.read()
        if hashlib.sha256(payload).digest() != digest:
            log.info("rule_cache_damaged", path=str(path))
            return None
        first, *lines = payload.split(b"\n")
        return lines if first == compiler.encode() else None
    except FileNotFoundError:
        return None
    except OSError as error:
        log.info("rule_cache_unreadable", path=str(path), error=str(error))
        return None


def write_checked(path: Path, compiler: str, lines: Iterable[bytes]) -> bool:
    """Replace the file by lines; False leaves it, as it would be too long. A full disk costs only time."""
    try:
        payload = b"\n".join((compiler.encode(), *lines))
        if len(payload) + _DIGEST > _LIMIT:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, hashlib.sha256(payload).digest() + payload)
    except OSError as error:
        log.warning("rule_cache_not_written", path=str(path), error=str(error))
    return True


def load_plans(folder: Path | None) -> dict[EventClass, bytes]:
    """What engines of this code and these field names have learned before."""
    lines = read_checked(folder / _PLANS, _compiler(*_DATA)) if folder else None
    try:
        return unpack_plans(map(orjson.loads, lines)) if lines else {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.info("rule_cache_entry_unreadable", file=_PLANS, error=str(error))
        return {}


def save_plans(folder: Path, plans: Plans) -> None:
    """Keep what an engine has learned."""
    write_checked(folder / _PLANS, _compiler(*_DATA), map(orjson.dumps, pack_plans(plans)))


class RuleCache:
    """The cache of one folder; without a folder it remembers nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / _NAME if folder else None
        lines = read_checked(self._path, _compiler()) if self._path else None
        self._entries = {str(line[:_KEY], "ascii", "replace"): line for line in lines or ()}
        self._used: dict[str, bytes] = {}

    def get(self, file: str, digest: str) -> ParsedFile | None:
        """What a text of this hash was compiled to, under its present file name."""
        row = self._entries.get(digest)
        if row is None:
            return None
        try:
            entry = orjson.loads(row[_KEY:])
            rules = [decode_rule(rule, file) for rule in entry["rules"]]
            faults = [Fault(file, int(line), str(message)) for line, message in entry["faults"]]
            filters = [decode_filter(one, file) for one in entry["filters"]]
            correlations = [decode_correlation(one, file) for one in entry["correlations"]]
        except (ValueError, KeyError, TypeError) as error:
            log.info("rule_cache_entry_unreadable", file=file, error=str(error))
            del self._entries[digest]
            return None
        self._used[digest] = row
        return ParsedFile(rules, faults, filters, correlations)

    def put(self, digest: str, parsed: ParsedFile) -> None:
        """Remember what a text was compiled to."""
        entry = {
            "rules": [encode_rule(rule) for rule in parsed.rules],
            "faults": [[fault.line, fault.message] for fault in parsed.faults],
            "filters": [encode_filter(one) for one in parsed.filters],
            "correlations": [encode_correlation(one) for one in parsed.correlations],
        }
        try:
            self._used[digest] = digest.encode() + orjson.dumps(entry, default=str)
        except TypeError as error:
            # A lone surrogate: this file is compiled anew each time.
            log.info("rule_cache_entry_not_kept", digest=digest, error=str(error))

    def save(self) -> None:
        """Write what was used in this load, if it is not all there. A full disk costs only time.

        What other loads have used stays behind it, the newest first, as far as there is room.
        """
        if self._path is None or self._used.keys() <= self._entries.keys():
            return
        spare = islice((digest for digest in self._entries if digest not in self._used), SPARE)
        files = self._used | {digest: self._entries[digest] for digest in spare}
        if not write_checked(self._path, _compiler(), files.values()):
            write_checked(self._path, _compiler(), self._used.values())


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
