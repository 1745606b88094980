"""L22 over code: Polish texts outside the catalogue are found, and the panel has none."""

from __future__ import annotations

from pathlib import Path

import pytest

import appliance
from appliance.language.lint.code import in_python, in_template

WEB = Path(appliance.__file__).parent / "web"
PYTHON = sorted(WEB.rglob("*.py"))
TEMPLATES = sorted(WEB.rglob("*.html"))


def test_a_polish_string_in_code_is_found_with_its_line() -> None:
    source = '"""Dokument: zażółć."""\n\nNAME = "Zażółć"\nKEY = "alert.title"\n# komentarz: gęślą\n'
    assert [(hit.where, hit.text) for hit in in_python(source, "a.py")] == [("a.py:3", "Zażółć")]


def test_a_polish_text_in_a_template_is_found_with_its_line() -> None:
    source = '{# gęś\nłódź #}\n<p>{{ t("klucz ł") }}</p>\n<p>Łódź</p>\n'
    assert [(hit.where, hit.text) for hit in in_template(source, "a.html")] == [("a.html:4", "<p>Łódź</p>")]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(WEB)))
def test_code_of_the_panel(path: Path) -> None:
    assert in_python(path.read_text("utf-8"), str(path.relative_to(WEB))) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_templates_of_the_panel(path: Path) -> None:
    assert in_template(path.read_text("utf-8"), str(path.relative_to(WEB))) == []
