"""docs/sigma.md names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from appliance.home import CHECKOUT

HERE = Path(__file__).parent


def test_every_test_that_the_page_names_exists() -> None:
    page = (CHECKOUT / "docs" / "sigma.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+(?:\.py)?)`", page))
    there = {file.name for file in HERE.glob("test_*.py")}
    for file in HERE.glob("test_*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        there |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert len(named) > 30
    assert named <= there
