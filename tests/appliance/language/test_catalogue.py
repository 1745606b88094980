"""The catalogue of texts: strict when loaded, right when counting."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.language.catalogue import CatalogueError, load


def _write(folder: Path, text: str) -> Path:
    path = folder / "texts.yml"
    path.write_text(text, "utf-8")
    return path


def test_a_text_is_filled_in_the_language_asked_for(tmp_path: Path) -> None:
    texts = load([_write(tmp_path, 'hello: {pl: "Witaj, {kto}", en: "Hello, {kto}"}')])
    assert texts.text("hello", "pl", kto="<b>") == "Witaj, <b>"
    assert texts.text("hello", "en", kto="x") == "Hello, x"


@pytest.mark.parametrize(
    ("n", "form"), [(1, "1 alert"), (2, "2 alerty"), (5, "5 alertów"), (12, "12 alertów"), (22, "22 alerty")]
)
def test_a_count_chooses_the_polish_form(tmp_path: Path, n: int, form: str) -> None:
    texts = load(
        [_write(tmp_path, 'a: {pl: ["{n} alert", "{n} alerty", "{n} alertów"], en: ["{n} alert", "{n} alerts"]}')]
    )
    assert texts.text("a", "pl", n=n) == form


def test_the_written_number_may_differ_from_the_count(tmp_path: Path) -> None:
    texts = load([_write(tmp_path, 'a: {pl: ["{n} x", "{n} y", "{n} z"], en: ["{n} x", "{n} y"]}')])
    assert texts.text("a", "pl", count=12345, n="12 345") == "12 345 z"


def test_every_fault_is_told_at_once_with_file_and_line(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        'a: {pl: "x"}\nb: {pl: "{n} x", en: "x"}\nc: {pl: ["1", "2"], en: ["1", "2"]}\n'
        'd: {pl: ["1", "2", "3"], en: "x"}\n'
        'e: {pl: "x", en: "x"}\ne: {pl: "x", en: "x"}\nf: x\n',
    )
    with pytest.raises(CatalogueError) as caught:
        load([path])
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["a", "b", "c", "d", "e", "f"]
    assert [int(line.split(":")[1]) for line in lines] == [1, 2, 3, 4, 6, 7]


@pytest.mark.parametrize("content", ["[1, 2]", "a: [", "\x00", ""])
def test_a_file_that_is_no_catalogue_is_named(tmp_path: Path, content: str) -> None:
    path = _write(tmp_path, content)
    with pytest.raises(CatalogueError, match=r"texts\.yml"):
        load([path])


def test_a_missing_value_is_a_programming_error(tmp_path: Path) -> None:
    texts = load([_write(tmp_path, 'a: {pl: "{x}", en: "{x}"}')])
    with pytest.raises(KeyError):
        texts.text("a", "pl")
