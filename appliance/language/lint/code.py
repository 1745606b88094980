"""The rest of L22: texts of the panel stand in its catalogue, not in code or page templates."""

from __future__ import annotations

import ast
import re

from appliance.language.lint.model import Finding

_POLISH = re.compile(r"[ąćęłńśźżĄĆĘŁŃŚŹŻ]")
_TEMPLATE_CODE = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<!--.*?-->", re.DOTALL)


def in_python(source: str, file: str) -> list[Finding]:
    """Return every string constant with Polish letters, docstrings left out; SyntaxError for what is no Python."""
    tree = ast.parse(source)
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        Finding("L22", node.value.strip(), f"{file}:{node.lineno}")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements
        if _POLISH.search(node.value)
    ]


def in_template(source: str, file: str) -> list[Finding]:
    """Return every line of a Jinja template that holds Polish letters outside comments and expressions."""
    text = _TEMPLATE_CODE.sub(lambda match: "\n" * match.group().count("\n"), source)
    lines = enumerate(text.splitlines(), 1)
    return [Finding("L22", line.strip(), f"{file}:{number}") for number, line in lines if _POLISH.search(line)]
