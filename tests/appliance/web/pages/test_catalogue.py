"""The catalogue is strict, escapes what fills it, and has every key that templates and pages ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from appliance.web.i18n import CatalogueError, load, visible
from appliance.web.pages.render import ROOT, TEMPLATES, catalogue, environment

_ASKED = re.compile(r"""\bt\('([a-z0-9_.-]+)'\s*[,)]""")


def test_a_faulty_file_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a.b: {pl: Tekst, en: Text}\na.c: {pl: 'Ma {n}', en: Text}", "utf-8")
    with pytest.raises(CatalogueError, match=r"a\.yml:2: a\.c"):
        load(tmp_path)


def test_texts_are_bound_when_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a.b: {pl: 'Za {n} min i w domu', en: 'In {n} min'}", "utf-8")
    assert load(tmp_path).text("a.b", "pl", n=12345) == "Za 12\u00a0345\u00a0min i\u00a0w\u00a0domu"


def test_every_key_of_the_templates_exists() -> None:
    asked = {key for path in TEMPLATES.rglob("*.html") for key in _ASKED.findall(path.read_text("utf-8"))}
    assert len(asked) > 200
    assert asked <= catalogue().keys


def test_every_literal_key_of_the_pages_exists() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "pages").rglob("*.py"))
    asked = set(re.findall(r'(?:\.text|say)\(\s*"([a-z0-9_.-]+)"', sources))
    assert len(asked) > 20
    assert asked <= catalogue().keys


def test_every_template_compiles_in_both_languages() -> None:
    for lang in ("pl", "en"):
        for path in TEMPLATES.rglob("*.html"):
            environment(lang).get_template(path.relative_to(TEMPLATES).as_posix())


@pytest.mark.parametrize(
    ("count", "words"), [(0, "alertów"), (1, "alert"), (2, "alerty"), (5, "alertów"), (12, "alertów"), (22, "alerty")]
)
def test_a_count_chooses_its_form(count: int, words: str) -> None:
    assert catalogue().text("alerts.total", "pl", n=count) == f"{count} {words}"


def test_values_are_escaped_and_invisible_signs_shown() -> None:
    shown = catalogue().markup("alerts.of_rule", "pl", title="<b>x</b>\u202egpj")
    assert "&lt;b&gt;" in shown
    assert "[U+202E]" in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200b", "\x07", "\ufeff", "\u00ad"])
def test_a_sign_that_hides_is_named(sign: str) -> None:
    assert f"[U+{ord(sign):04X}]" in visible(f"a{sign}b")
    assert sign not in visible(f"a{sign}b")


def test_polish_letters_and_spaces_of_ours_stay() -> None:
    assert visible("zażółć\u00a0gęślą – „jaźń”") == "zażółć\u00a0gęślą – „jaźń”"
