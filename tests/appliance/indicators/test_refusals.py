"""Every reason why something is not taken has its text in both languages, and no text is without a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import appliance.indicators
from appliance.indicators.reading import Document, read, read_sent
from appliance.indicators.refusals import kind_name, texts
from appliance.indicators.values import Kind, Own

FOLDER = Path(appliance.indicators.__file__).parent
RAISED = re.compile(r"(?:Refused|Refusal|BadFile)\((?:[^\"()]*, )?\"(\w+)\"")


def test_reasons_and_texts_are_the_same() -> None:
    used = {code for file in FOLDER.glob("*.py") for code in RAISED.findall(file.read_text("utf-8"))}
    assert {f"refused.{code}" for code in used} | {f"kind.{one.value}" for one in Kind} == set(texts().entries)


def test_kinds_are_called_something() -> None:
    assert [kind_name(Kind.HASH, language) for language in ("pl", "en")] == ["skrót pliku", "file hash"]


@pytest.mark.parametrize(
    ("language", "line", "whole"),
    [
        ("pl", "„10.0.0.1”: adres jest prywatny", "tekst nie jest w kodowaniu UTF-8"),
        ("en", "“10.0.0.1”: the address is private", "the text is not UTF-8"),
    ],
)
def test_faults_are_told_in_the_language_that_is_asked_for(language: str, line: str, whole: str) -> None:
    sent = [Document("a", b"10.0.0.1\n"), Document("b", b"\xff\xff")]
    found = read_sent(sent, Own(), "", None, language)
    (refused,), (broken,) = found.refused, found.broken
    assert refused.message.startswith(line)
    assert broken.message.startswith(whole)


def test_a_file_that_is_not_there_is_told_in_both(tmp_path: Path) -> None:
    messages = [read([tmp_path / "none"], Own(), "", None, language).broken[0].message for language in ("pl", "en")]
    assert messages[0].startswith("nie można odczytać pliku: ")
    assert messages[1].startswith("the file cannot be read: ")
