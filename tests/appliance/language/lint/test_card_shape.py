"""L18 and L19: the shape of a card, and steps that would do harm."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from appliance.language.lint import Kind, cards

GOOD: dict[str, Any] = {
    "meta": {"poziom": "wysoki", "bloki": ["csirt"]},
    "tytul": {"pl": "Wykryto próbę", "en": "A try was found"},
    "co_sie_stalo": {"pl": "Na stacji {stacja} była próba.", "en": "There was a try on station {stacja}."},
    "jak_powazne": {"pl": "Wysoki. Nie wiadomo, co dalej.", "en": "High. It is not known what follows."},
    "zrob_teraz": {
        "pl": ["Odłącz stację od sieci.", "Nikt nie potwierdza? Zadzwoń.", "Z innej stacji sprawdź konta."],
        "en": ["Disconnect the station.", "Nobody confirms? Phone.", "Check the accounts."],
    },
    "do_kogo": {"pl": "Zadzwoń: {tel_it}.", "en": "Phone: {tel_it}."},
    "czego_nie_robic": {"pl": "Nie wyłączaj stacji.", "en": "Do not power off the station."},
    "kiedy_falszywy_alarm": {"pl": "Gdy to próba.", "en": "When it is a test."},
}
LENGTHS = {"stacja": 12, "tel_it": 22}
BLOCKS = frozenset({"csirt", "uodo"})


def broken(path: str, value: Any) -> dict[str, Any]:
    card = copy.deepcopy(GOOD)
    *folders, last = path.split(".")
    target: Any = card
    for folder in folders:
        target = target[int(folder)] if folder.isdigit() else target[folder]
    if value is None:
        del target[last]
    else:
        target[int(last) if last.isdigit() else last] = value
    return card


def rules_of(card: dict[str, Any]) -> set[str]:
    return {finding.rule for finding in cards.lint_shape("karta.yml", card, LENGTHS, BLOCKS)}


def test_good_card_has_no_findings() -> None:
    assert rules_of(GOOD) == set()
    assert (
        rules_of(broken("meta.poziom", "zmienny") | {"jak_powazne": {"pl": "{poziom}. To", "en": "{poziom}. It"}})
        == set()
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tytul", None),
        ("tytul.en", None),
        ("tytul.pl", "a" * 46),
        ("co_sie_stalo.pl", "{stacja}" + "a" * 199),
        ("jak_powazne.pl", "Groźnie. Wysoki."),
        ("jak_powazne.en", "Critical. It is bad."),
        ("meta.poziom", "straszny"),
        ("meta.bloki", ["nieznany"]),
        ("do_kogo.pl", "Napisz: {tel_it}."),
        ("kiedy_falszywy_alarm.pl", "Jeśli to próba."),
        ("zrob_teraz.pl", ["Odłącz stację.", "Zadzwoń."]),
        ("zrob_teraz.pl.1", "Osoba przy stacji coś wie."),
        ("obce_pole", {"pl": "a", "en": "b"}),
    ],
)
def test_l18_finds_a_broken_shape(path: str, value: Any) -> None:
    assert "L18" in rules_of(broken(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("zrob_teraz.pl.1", "Wyłącz komputer i zadzwoń."),
        ("zrob_teraz.pl.1", "Zapisz wynik i uruchom ponownie."),
        ("zrob_teraz.pl.1", "Otwórz folder i usuń plik."),
        ("zrob_teraz.pl.1", "Sprawdź i zablokuj konto."),
        ("czego_nie_robic.pl", "Nie otwieraj pliku."),
    ],
)
def test_l19_finds_a_harmful_step(path: str, value: Any) -> None:
    assert rules_of(broken(path, value)) == {"L19"}


def test_entries_name_file_line_and_kind() -> None:
    source = "meta: {}\ntytul:\n  pl: x\nzrob_teraz:\n"
    texts = cards.entries("karta.yml", GOOD, frozenset({"stacja"}), source)
    assert len(texts) == 9
    assert (texts[0].where, texts[0].kind) == ("karta.yml:2", Kind.HEADING)
    assert {text.where for text in texts if text.key == "zrob_teraz"} == {"karta.yml:4"}
