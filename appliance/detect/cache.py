"""Compiled rules by the hash of their text, and plans: checked files, replaced atomically, ignored when damaged."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

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


def read_checked(path: Path, compiler: str) -> dict[str, Any] | None:
    """The document that `write_checked` wrote by the same code; None when there is none or it is damaged."""
    try:
        if path.stat().st_size > _LIMIT:
            return None
        raw = path.read_bytes()
        if hashlib.sha256(raw[_DIGEST:]).digest() != raw[:_DIGEST]:
            log.info("rule_cache_damaged", path=str(path))
            return None
        document = orjson.loads(raw[_DIGEST:])
        return dict(document) if document["compiler"] == compiler else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.info("rule_cache_unreadable", path=str(path), error=str(error))
        return None


def write_checked(path: Path, compiler: str, document: dict[str, Any]) -> bool:
    """Replace the file by a document; False leaves it, as it would be too long. A full disk costs only time."""
    try:
        payload = orjson.dumps({"compiler": compiler, **document}, default=str)
        if len(payload) + _DIGEST > _LIMIT:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, hashlib.sha256(payload).digest() + payload)
    except (OSError, TypeError) as error:
        log.warning("rule_cache_not_written", path=str(path), error=str(error))
    return True


def load_plans(folder: Path | None) -> dict[EventClass, bytes]:
    """What engines of this code and these field names have learned before."""
    document = read_checked(folder / _PLANS, _compiler(*_DATA)) if folder else None
    try:
        return unpack_plans(document["plans"]) if document else {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.info("rule_cache_entry_unreadable", file=_PLANS, error=str(error))
        return {}


def save_plans(folder: Path, plans: Plans) -> None:
    """Keep what an engine has learned."""
    write_checked(folder / _PLANS, _compiler(*_DATA), {"plans": pack_plans(plans)})


class RuleCache:
    """The cache of one folder; without a folder it remembers nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / _NAME if folder else None
        document = read_checked(self._path, _compiler()) if self._path else None
        self._entries: dict[str, Any] = dict(document.get("files", {})) if document else {}
        self._used: dict[str, Any] = {}

    def get(self, file: str, digest: str) -> ParsedFile | None:
        """What a text of this hash was compiled to, under its present file name."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        try:
            rules = [decode_rule(rule, file) for rule in entry["rules"]]
            faults = [Fault(file, int(line), str(message)) for line, message in entry["faults"]]
            filters = [decode_filter(one, file) for one in entry["filters"]]
            correlations = [decode_correlation(one, file) for one in entry["correlations"]]
        except (ValueError, KeyError, TypeError) as error:
            log.info("rule_cache_entry_unreadable", file=file, error=str(error))
            del self._entries[digest]
            return None
        self._used[digest] = entry
        return ParsedFile(rules, faults, filters, correlations)

    def put(self, digest: str, parsed: ParsedFile) -> None:
        """Remember what a text was compiled to."""
        self._used[digest] = {
            "rules": [encode_rule(rule) for rule in parsed.rules],
            "faults": [[fault.line, fault.message] for fault in parsed.faults],
            "filters": [encode_filter(one) for one in parsed.filters],
            "correlations": [encode_correlation(one) for one in parsed.correlations],
        }

    def save(self) -> None:
        """Write what was used in this load, if it is not all there. A full disk costs only time.

        What other loads have used stays behind it, the newest first, as far as there is room.
        """
        if self._path is None or self._used.keys() <= self._entries.keys():
            return
        spare = islice((digest for digest in self._entries if digest not in self._used), SPARE)
        files = self._used | {digest: self._entries[digest] for digest in spare}
        if not write_checked(self._path, _compiler(), {"files": files}):
            write_checked(self._path, _compiler(), {"files": self._used})


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
