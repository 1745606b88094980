"""The names of the logs are those that the parts of the sensor write, and those that the box knows."""

from __future__ import annotations

import ast
from pathlib import Path

import collector
from appliance.normalise.network import categories
from collector.logs import LOGS


def _written() -> set[str]:
    """Return the names that stand in calls of `Log`."""
    found = set()
    for path in Path(collector.__file__).parent.rglob("*.py"):
        if "foreign" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Log" and node.args:
                name = node.args[0]
                found |= {name.value} if isinstance(name, ast.Constant) and isinstance(name.value, str) else set()
    return found


def test_every_log_that_is_written_can_be_asked_for() -> None:
    written = _written()
    assert len(written) > 30
    assert written <= LOGS


def test_the_box_knows_every_log() -> None:
    assert set(categories()) >= LOGS
