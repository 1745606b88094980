"""Every card of the shipped content renders, whatever its alert holds."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest

from appliance.alerts.cards import FOLDER, LONGEST, blank_card, card_for, load_card, render_card, values_of
from appliance.clock import DAY
from appliance.settings import Office
from appliance.state.models import Alert
from tests.appliance.alerts.conftest import NOW

OTHERS = {"index", "placeholders", "principles"}
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem not in OTHERS)


def alert(**fields: object) -> Alert:
    values = {"id": 1, "host": "PC-7", "user": "", "process": "/bin/sh", "level": 3, "first_event_at": NOW}
    return Alert(**(values | {"created_at": NOW} | fields))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["pl", "en"])
def test_every_card_renders_whole(name: str, language: str) -> None:
    text = render_card(load_card(name), alert(), Office(it_phone="600 700 800"), language)
    parts = [part for value in asdict(text).values() for part in (value if isinstance(value, tuple) else (value,))]
    assert len(text.steps) == 3
    assert all(part.strip() and not re.search(r"\{[a-z_0-9]+\}", part) for part in parts)
    assert "600 700 800" in " ".join(parts)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_without_an_alert_has_an_ellipsis_for_what_only_an_event_tells(name: str) -> None:
    office = Office(it_phone="600 700 800")
    text, filled = blank_card(load_card(name), 3, office, "pl"), render_card(load_card(name), alert(), office, "pl")
    said = " ".join((text.title, text.happened, text.serious, *text.steps, text.call, text.dont))
    assert "{" not in said
    assert "…" in said
    assert "PC-7" not in said
    assert text.serious.partition(".")[0] == filled.serious.partition(".")[0]
    assert text.call == filled.call or "…" in text.call


def test_every_rule_of_the_index_has_its_card() -> None:
    assert len(NAMES) > 20
    assert card_for("dziennik", [], None).name == "ogolna"
    assert card_for("af592497-9673-5dda-9827-92fa7240f7ec", ["attack.impact"]).name == "dziennik_wyczyszczony"


@pytest.mark.parametrize(
    ("tags", "product", "name"),
    [
        (["attack.t1486", "attack.impact"], "windows", "ogolna_zniszczenie"),
        (["attack.impactful"], "linux", "ogolna_linux"),
        ([], "windows", "ogolna_windows"),
        ([], None, "ogolna"),
    ],
)
def test_other_rules_get_the_first_card_that_fits(tags: list[str], product: str | None, name: str) -> None:
    assert card_for("unknown", tags, product).name == name


def test_a_value_is_text_and_bounded_whatever_it_says() -> None:
    hostile = "{tel_it}\n<b>&{zrob}" + "x" * 500
    values = values_of(load_card("ogolna"), alert(user=hostile), Office(it_phone="1"), "pl", [])
    assert values["konto"].startswith("{tel_it} <b>&{zrob}")
    assert len(values["konto"]) == LONGEST
    shown = render_card(load_card("ogolna"), alert(user=hostile), Office(it_phone="1"), "pl").happened
    assert "{tel_it} <b>&{zrob}" in shown


def test_the_newest_event_wins_and_a_dash_is_unknown() -> None:
    events: list[dict[str, object]] = [{"user.name": "-"}, {"user.name": ("jan", "x")}, {"user.name": "anna"}]
    assert values_of(load_card("ogolna"), alert(), Office(), "pl", events)["konto"] == "jan"
    assert values_of(load_card("ogolna"), alert(), Office(), "pl", [])["konto"] == "o nieznanej nazwie"


def test_a_card_s_own_sources_stand_before_the_alert_s_account() -> None:
    card = load_card("administrator_domeny")
    events = [{"winlog.event_data.SubjectUserName": "szef", "winlog.event_data.MemberName": "CN=nowy"}]
    values = values_of(card, alert(user="other"), Office(), "pl", events)
    assert (values["konto"], values["kto"]) == ("CN=nowy", "szef")
    assert values_of(card, alert(user="other"), Office(), "pl", [])["konto"] == "o nieznanej nazwie"


def test_another_day_is_named() -> None:
    card = load_card("ogolna")
    assert re.fullmatch(r"\d\d:\d\d", values_of(card, alert(), Office(), "pl", [])["czas"])
    old = values_of(card, alert(first_event_at=NOW - 2 * DAY), Office(), "pl", [])["czas"]
    assert re.fullmatch(r"\d\d:\d\d \(\d\d\.\d\d\.\d{4}\)", old)
