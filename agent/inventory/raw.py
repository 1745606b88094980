"""Sources of facts about a host, and what came of reading them, as plain data.

A section or a check names its sources; a host reads them (`gather.py`); parsers and judges see only `Raws`, so the
same bytes give the same verdict on any machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Union

MAX_FILE = 4 << 20
"""Bytes of one file that are read; a longer one counts as too large."""
MAX_OUTPUT = 4 << 20
"""Bytes of one command's output."""
MAX_FILES = 400
"""Files of one pattern."""


class File(NamedTuple):
    """One file's text. Bytes that are not UTF-8 become U+FFFD."""

    path: str
    limit: int = MAX_FILE


class Files(NamedTuple):
    """The texts of all files that fit a pattern, by path; `limit` bounds each of them."""

    pattern: str
    limit: int = 65536


class Names(NamedTuple):
    """The paths that fit a pattern with the seconds since the epoch of their last change."""

    pattern: str


class Command(NamedTuple):
    """A program's standard output and exit code, run in the C locale: {"code": int, "out": str}."""

    args: tuple[str, ...]
    seconds: float = 20.0


class Registry(NamedTuple):
    """A key of the Windows registry: {"values": {name: value}, "keys": {name: the same}} down to `depth`."""

    path: str
    depth: int = 0


class Native(NamedTuple):
    """What a call of the system's own libraries gives, by the name the host knows it by."""

    name: str


class Script(NamedTuple):
    """One part of what the bundled PowerShell script says (windows/collect.ps1)."""

    part: str


Source = Union[File, Files, Names, Command, Registry, Native, Script]
PROBLEMS = ("absent", "denied", "timeout", "failed", "too_large")
"""Why a source gave nothing: it is not there, may not be read, took too long, ended with an error, is too long."""
REASONS = {
    "absent": "no_source",
    "denied": "needs_root",
    "timeout": "timeout",
    "failed": "source_failed",
    "too_large": "unreadable",
}
"""Problem -> the reason by which people read of it."""


class Raw(NamedTuple):
    """What one source gave: its value, or else the problem."""

    value: Any
    problem: str = ""


class Unknown(Exception):
    """The facts do not tell; `reason` is a key of the closed list."""

    def __init__(self, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value


class Raws:
    """The sources of one section or check, by the names it gave them. Nothing here guesses: what is missing raises."""

    def __init__(self, raws: Mapping[str, Raw]) -> None:
        self._raws = raws

    def there(self, name: str) -> bool:
        """Say whether a source exists; raises Unknown when that cannot be told."""
        raw = self._raws[name]
        if raw.problem and raw.problem != "absent":
            raise Unknown(REASONS[raw.problem])
        return not raw.problem

    def value(self, name: str) -> Any:
        """Return what a source gave; raises Unknown when it gave nothing."""
        raw = self._raws[name]
        if raw.problem:
            raise Unknown(REASONS[raw.problem])
        return raw.value

    def value_or(self, name: str, default: Any) -> Any:
        """Return what a source gave, `default` where it gave nothing: only for facts that nothing else hangs on."""
        raw = self._raws[name]
        return default if raw.problem else raw.value

    def failure(self, name: str) -> str:
        """Return what a source that failed said of it, such as an error's number; empty when it did not fail so."""
        raw = self._raws[name]
        return str(raw.value) if raw.problem == "failed" and raw.value else ""

    def text(self, name: str) -> str:
        """Return a file's text; raises Unknown."""
        return str(self.value(name))

    def text_or(self, name: str, default: str = "") -> str:
        """Return a file's text, `default` where there is no such file; raises Unknown when it cannot be read."""
        return self.text(name) if self.there(name) else default

    def files(self, name: str) -> dict[str, str]:
        """Return texts by path, none where nothing fits; raises Unknown."""
        return dict(self.value(name)) if self.there(name) else {}

    def output(self, name: str, codes: tuple[int, ...] = (0,)) -> str:
        """Return a program's output; raises Unknown, also when it ended with another code."""
        done = self.value(name)
        if done["code"] not in codes:
            raise Unknown("source_failed")
        return str(done["out"])

    def key(self, name: str) -> dict[str, Any]:
        """Return a registry key's values with names in lower case, none where the key is missing; raises Unknown."""
        if not self.there(name):
            return {}
        return {str(key).lower(): value for key, value in self.value(name)["values"].items()}

    def keys(self, name: str) -> dict[str, dict[str, Any]]:
        """Return a registry key's subkeys, each with its values; none where the key is missing; raises Unknown."""
        if not self.there(name):
            return {}
        return {
            str(sub): {str(key).lower(): value for key, value in entry["values"].items()}
            for sub, entry in self.value(name).get("keys", {}).items()
        }
