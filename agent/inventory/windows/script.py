"""Runs the bundled PowerShell script once a round and gives out its parts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.inventory import files
from agent.inventory.raw import Raw, Script

FILE = Path(__file__).with_name("collect.ps1")
POWERSHELL = os.environ.get("SYSTEMROOT", r"C:\Windows") + r"\System32\WindowsPowerShell\v1.0\powershell.exe"
COMMAND = (POWERSHELL, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", "-")
"""The script comes by standard input: no execution policy is bypassed and nothing is encoded."""
SECONDS = 300.0
"""A search for updates takes minutes where the update server is slow."""
_DENIED = frozenset({"AccessDenied", "5", "0x80070005", "0x80041003"})
_ABSENT = frozenset({"InvalidNamespace", "InvalidClass", "NotFound", "0x8004100E", "0x80041010", "0x80041002"})


def _run() -> Raw:
    return files.run(COMMAND, SECONDS, FILE.read_bytes())


class ScriptReader:
    """The script's parts; it runs at the first question."""

    def __init__(self, run: Callable[[], Raw] = _run) -> None:
        """Take the script's output from `run`."""
        self._run = run
        self._parts: dict[str, Raw] | None = None
        self._problem = "failed"

    def __call__(self, source: Script) -> Raw:
        """Return one part: its value, or why there is none with the error's number or name."""
        if self._parts is None:
            self._parts = self._read(self._run())
        return self._parts.get(source.part, Raw(None, self._problem))

    def _read(self, done: Raw) -> dict[str, Raw]:
        if done.problem:
            self._problem = done.problem
            return {}
        try:
            told = json.loads(_object(done.value["out"]))
            return {str(part): _part(answer) for part, answer in told.items()}
        except (ValueError, AttributeError, TypeError, RecursionError):
            return {}


def _object(text: str) -> str:
    """Return the JSON object in an output: PowerShell may break long lines, and others may write before and after."""
    line = text.replace("\r", "").replace("\n", "")
    return line[line.find("{") : line.rfind("}") + 1]


def _part(answer: dict[str, Any]) -> Raw:
    if "error" not in answer:
        return Raw(answer["value"]) if "value" in answer else Raw(None, "failed")
    code = str(answer["error"])[:50]
    if code in _DENIED:
        return Raw(None, "denied")
    return Raw(None, "absent") if code in _ABSENT else Raw(code, "failed")
