"""Each rule L01–L22 of the style guide: texts that break it and texts that keep it."""

from __future__ import annotations

import pytest

from appliance.language.lint import RULES, Entry, Kind, lint
from appliance.language.lint.model import Finding

CARD, LABEL, MESSAGE, LETTER = Kind.CARD, Kind.LABEL, Kind.MESSAGE, Kind.LETTER
LONG = "Sprawdź kolejno " + "kabel, przełącznik i zasilanie, potem zapisz wynik w panelu, " * 3
WORDS_19 = "raz dwa trzy cztery pięć sześć siedem osiem " * 2 + "raz dwa trzy."

BREAKS = [
    ("L01", 'Wybierz "Zamknij".', CARD),
    ("L01", "Wybierz „Zamknij.", CARD),
    ("L01", "Otwórz plik o'nazwie.", CARD),
    ("L02", "Stacja - serwer.", CARD),
    ("L02", "Stacja — serwer.", CARD),
    ("L02", "Od 10-12 osób.", CARD),
    ("L03", "Twarda\u00a0spacja.", CARD),
    ("L03", "Zero\u200bszerokości.", CARD),
    ("L04", "Zajęto 5 % dysku.", CARD),
    ("L04", "Czekaj...", CARD),
    ("L04", "Dwie  spacje.", CARD),
    ("L04", "Spacja , przecinek.", CARD),
    ("L04", "Termin minął!", CARD),
    ("L04", "Ups, nie wyszło.", CARD),
    ("L04", "Gotowe 🙂.", CARD),
    ("L05", "Nie można otworzyć pliku.", MESSAGE),
    ("L05", "Wystąpił nieoczekiwany błąd.", MESSAGE),
    ("L06", "Należy odłączyć stację.", CARD),
    ("L06", "Odłącz ją w celu ochrony.", CARD),
    ("L06", "Proszę odłączyć stację.", CARD),
    ("L06", "Duża ilość zdarzeń.", CARD),
    ("L07", "Otwórz logi stacji.", CARD),
    ("L07", "Ten host milczy.", CARD),
    ("L07", "Zrób backup.", CARD),
    ("L07", "Konto jest skompromitowane.", CARD),
    ("L08", "Jest nowy alarm.", CARD),
    ("L08", "To incydent poważny.", CARD),
    ("L09", "Zalogowałeś się.", CARD),
    ("L09", "Wykryliśmy atak.", CARD),
    ("L09", "Zalogował(a) się.", CARD),
    ("L09", "To nasz zespół.", CARD),
    ("L10", "Czy Pan to potwierdza?", MESSAGE),
    ("L10", "Sprawdź twój komputer.", LETTER),
    ("L10", "Oto jest Twoja rola.", MESSAGE),
    ("L11", "Na pewno nic się nie stało.", MESSAGE),
    ("L11", "Wszystko w porządku.", MESSAGE),
    ("L12", WORDS_19, CARD),
    ("L12", WORDS_19.replace(".", " dziewięć dziesięć."), MESSAGE),
    ("L13", "Zadzwoń do {osoba}.", CARD),
    ("L13", "Odłącz kabel od {stacja}.", CARD),
    ("L14", "Stacja {stacja}.", CARD),
    ("L14", "Stacja %s.", CARD),
    ("L15", "{n} alertów czeka.", MESSAGE),
    ("L16", "Zażółć gęślą", Kind.SMS_GSM7),
    ("L16", "a" * 161, Kind.SMS_GSM7),
    ("L16", "{tytul}" * 3 + "a" * 30, Kind.SMS_GSM7),
    ("L16", "Konto {konto}", Kind.SMS_GSM7),
    ("L16", "http://urzad", Kind.SMS_GSM7),
    ("L16", "ą" * 71, Kind.SMS_UCS2),
    ("L17", "Odlacz komputer od sieci.", CARD),
    ("L17", "ZaÅ¼Ã³Å‚Ä‡.", CARD),
    ("L17", "Zapisz numer. " * 13, CARD),
    ("L20", "Masz na to 24 godz. od teraz.", CARD),
    ("L20", "Wymaga tego art. 11.", CARD),
    ("L20", "Termin: UNVERIFIED.", Kind.LEGAL),
    ("L21", "Sprawdź Stację roboczą.", CARD),
    ("L21", "Lista Alertów", LABEL),
    ("L22", "Zamknij alert.", Kind.BUTTON),
    ("L22", "Zamknij ten alert i wróć na listę", Kind.BUTTON),
    ("L22", "Alert bez kropki na końcu", MESSAGE),
    ("L22", " ", LABEL),
]

KEEPS = [
    ("L01", "Wybierz „Zamknij «teraz»”.", CARD),
    ("L01", 'Uruchom `echo "a"`.', CARD),
    ("L02", "Stacja – serwer, 10–12 osób, 2026-11-21, CVE-2026-1234, SHA-256.", CARD),
    ("L03", "Idź z kartą i 5 min czekaj w biurze.", CARD),
    ("L04", "Zajęto 5% dysku… Dalej.", CARD),
    ("L05", "Nie udało się zalogować. Sprawdź login i hasło.", MESSAGE),
    ("L06", "Proszę ją przekazać do 14:00.", LETTER),
    ("L06", "Posiadacz klucza zna hasło.", CARD),
    ("L07", "Otwórz dziennik zdarzeń stacji.", CARD),
    ("L07", "Uruchom `netstat --host`.", CARD),
    ("L08", "To fałszywy alarm.", CARD),
    ("L08", "Może to być incydent poważny?", Kind.LEGAL),
    ("L09", "Odbiór potwierdzono.", CARD),
    ("L10", "Potrzebna jest Pana decyzja.", LETTER),
    ("L10", "Oto jest twoja rola.", MESSAGE),
    ("L11", "Nie wiadomo, czy to atak.", CARD),
    ("L12", WORDS_19.replace("raz dwa trzy.", "raz dwa."), CARD),
    ("L12", "Zapytaj np. osobę przy nr 5. Potem zapisz.", CARD),
    ("L13", "Jest to na stacji {stacja}. Zadzwoń: {tel_it}.", CARD),
    ("L15", "Powtórzono {n} razy w {n} min.", MESSAGE),
    ("L16", "Zazolc gesla jazn. {tytul}", Kind.SMS_GSM7),
    ("L16", "ą" * 70, Kind.SMS_UCS2),
    ("L17", LONG, CARD),
    ("L20", "Otwórz zdarzenia z 24 godz. przed {czas}.", CARD),
    ("L20", "UODO: 72 godz. od stwierdzenia.", Kind.LEGAL),
    ("L21", "Otwórz w Czujce program PowerShell. Potem wróć: Zamknij.", CARD),
    ("L22", "Zamknij alert", Kind.BUTTON),
    ("L22", "Alert nr {nr}", LABEL),
]


def make(rule: str, text: str, kind: Kind) -> Entry:
    # L14 is about what the other language lacks; everywhere else both have the same placeholders.
    english = "Station." if rule == "L14" else " ".join(["Text", *("{" + part for part in text.split("{")[1:])])
    return Entry("key", (text,), (english,), kind)


def hits(rule: str, item: Entry) -> list[Finding]:
    return RULES[rule](item)


@pytest.mark.parametrize(("rule", "text", "kind"), BREAKS)
def test_broken_rule_is_found(rule: str, text: str, kind: Kind) -> None:
    findings = hits(rule, make(rule, text, kind))
    assert findings
    assert {finding.rule for finding in findings} == {rule}
    assert all("key" in str(finding) for finding in findings)


@pytest.mark.parametrize(("rule", "text", "kind"), KEEPS)
def test_good_text_passes(rule: str, text: str, kind: Kind) -> None:
    assert hits(rule, make(rule, text, kind)) == []


def test_every_rule_has_both_sorts_of_text() -> None:
    assert {rule for rule, *_ in BREAKS} == set(RULES)
    assert set(RULES) - {rule for rule, *_ in KEEPS} == {"L14"}


def test_l03_looks_at_the_rendered_text(monkeypatch: pytest.MonkeyPatch) -> None:
    item = make("L03", "Idź z kartą.", CARD)
    monkeypatch.setattr("appliance.language.lint.marks.bind_spaces", lambda text: text)
    assert [finding.text for finding in hits("L03", item)] == ["z"]


@pytest.mark.parametrize(
    ("pl", "en", "good"),
    [
        (("{n} alert", "{n} alerty", "{n} alertów"), ("{n} alert", "{n} alerts"), True),
        (("jeden alert", "{n} alerty", "{n} alertów"), ("one alert", "{n} alerts"), True),
        (("{n} alert", "{n} alertów"), ("{n} alert", "{n} alerts"), False),
        (("{n} alert", "{n} alerty", "{n} alertów"), ("{n} alerts",), False),
    ],
)
def test_l14_and_l15_of_plural_entries(pl: tuple[str, ...], en: tuple[str, ...], good: bool) -> None:
    item = Entry("key", pl, en, LABEL, plural=True)
    assert (hits("L15", item) == []) is good
    assert hits("L14", item) == []


def test_l14_knows_the_list_of_allowed_names() -> None:
    item = Entry("key", ("{stacja} {obce}",), ("{stacja} {obce}",), LABEL, allowed=frozenset({"stacja"}))
    assert [finding.text for finding in hits("L14", item)] == ["{obce} spoza listy"]


@pytest.mark.parametrize(
    ("pl", "en", "good"),
    [
        ("Ewidencja strat", "Loss ledger", True),
        ("Rejestr strat", "Loss ledger", False),
        ("Czas przechowywania", "Retention", True),
        ("Zachowywanie", "Retention", False),
        ("Alert", "Alert", True),
        ("Czujka {wersja}", "Czujka {wersja}", True),
        ("wolny tekst tutaj", "wolny tekst tutaj", False),
    ],
)
def test_l22_terms_and_languages(pl: str, en: str, good: bool) -> None:
    assert (hits("L22", Entry("key", (pl,), (en,), LABEL)) == []) is good


def test_lint_runs_every_rule() -> None:
    bad = Entry("a.b", ('Nie można otworzyć "logi" - błąd!',), ("Cannot open",), MESSAGE, where="plik.yml:3")
    rules_found = {finding.rule for finding in lint([bad])}
    assert rules_found >= {"L01", "L02", "L04", "L05", "L07"}
    assert all(str(finding).startswith("plik.yml:3 [a.b]: L") for finding in lint([bad]))
