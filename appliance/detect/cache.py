"""Compiled rules by the hash of their text, in one file: checked, replaced atomically, ignored when damaged."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import structlog

from .encode import decode_filter, decode_rule, encode_filter, encode_rule
from .model import Fault, ParsedFile

log = structlog.get_logger()
_NAME = "rules.json"
_DIGEST = 32
#: Bytes of a cache file; more than this is not ours.
_LIMIT = 256 << 20


@lru_cache(maxsize=1)
def _compiler() -> str:
    """A name for the code that compiles: entries of other code are not used."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


class RuleCache:
    """The cache of one folder; without a folder it remembers nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / _NAME if folder else None
        self._entries: dict[str, Any] = self._read()
        self._used: dict[str, Any] = {}

    def _read(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            if self._path.stat().st_size > _LIMIT:
                return {}
            raw = self._path.read_bytes()
            if hashlib.sha256(raw[_DIGEST:]).digest() != raw[:_DIGEST]:
                log.info("rule_cache_damaged", path=str(self._path))
                return {}
            document = orjson.loads(raw[_DIGEST:])
            return dict(document["files"]) if document["compiler"] == _compiler() else {}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.info("rule_cache_unreadable", path=str(self._path), error=str(error))
            return {}

    def get(self, file: str, digest: str) -> ParsedFile | None:
        """What a text of this hash was compiled to, under its present file name."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        try:
            rules = [decode_rule(rule, file) for rule in entry["rules"]]
            faults = [Fault(file, int(line), str(message)) for line, message in entry["faults"]]
            filters = [decode_filter(one, file) for one in entry["filters"]]
        except (ValueError, KeyError, TypeError) as error:
            log.info("rule_cache_entry_unreadable", file=file, error=str(error))
            return None
        self._used[digest] = entry
        return ParsedFile(rules, faults, filters)

    def put(self, digest: str, parsed: ParsedFile) -> None:
        """Remember what a text was compiled to."""
        self._used[digest] = {
            "rules": [encode_rule(rule) for rule in parsed.rules],
            "faults": [[fault.line, fault.message] for fault in parsed.faults],
            "filters": [encode_filter(one) for one in parsed.filters],
        }

    def save(self) -> None:
        """Write what was used in this load, if that is not what the file holds. A full disk costs only time."""
        if self._path is None or self._used.keys() == self._entries.keys():
            return
        try:
            payload = orjson.dumps({"compiler": _compiler(), "files": self._used}, default=str)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _replace(self._path, hashlib.sha256(payload).digest() + payload)
        except (OSError, TypeError) as error:
            log.warning("rule_cache_not_written", path=str(self._path), error=str(error))


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
