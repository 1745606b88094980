"""The words of messages."""

from __future__ import annotations

import pytest

from appliance.deliver.texts import Cards, CardText, Events, Writer, load_catalogue
from appliance.settings import Settings
from appliance.state.models import Alert
from tests.appliance.deliver.samples import SampleCard, sample_alert


def writer(cards: Cards = lambda _alert, _events: SampleCard(), **settings: object) -> Writer:
    return Writer(load_catalogue(), Settings.model_validate({"names": ["czujka.urzad.pl"], **settings}), cards)


def broken(_alert: Alert, _events: Events) -> CardText | None:
    raise ValueError("no such card")


def test_the_subject_names_station_and_rule_but_no_account() -> None:
    subject = writer().letter(sample_alert(id=7), []).subject
    assert subject == "Wysoki: Powłoka z serwera WWW – stacja PC-WOJT [Czujka 7]"
    assert "kowalski" not in subject


def test_the_body_is_the_card() -> None:
    body = writer().letter(sample_alert(id=7), []).body
    card = SampleCard()
    for text in (card.happened, card.serious, *card.steps, *card.blocks, card.call, card.dont, card.false_alarm):
        assert text in body
    assert "https://czujka.urzad.pl:8443/alerty/7" in body
    assert "21.09.2026" in body


@pytest.mark.parametrize("cards", [lambda _alert, _events: None, broken], ids=["no card", "broken card"])
def test_without_a_card_the_message_still_says_what_is_known(cards: Cards) -> None:
    made, alert = writer(cards), sample_alert(id=7)
    assert "Powłoka z konta serwera WWW" in made.letter(alert, []).body
    assert "PC-WOJT" in made.letter(alert, []).subject


def test_english_too() -> None:
    made = writer(language="en")
    assert made.letter(sample_alert(id=7), []).subject.startswith("High: ")
    assert "Do now:" in made.letter(sample_alert(id=7), []).body


@pytest.mark.parametrize("evil", ["x\r\nBcc: a@b.pl", "{level}", "<b>&amp;</b>", "\x00\x1b[31m", "%s"])
def test_what_a_station_says_stays_data(evil: str) -> None:
    made, alert = writer(lambda _alert, _events: None), sample_alert(id=7, host=evil, title=evil)
    for text in (made.letter(alert, []).subject, *made.letter(alert, []).body.split("\n")):
        assert "\r" not in text
        assert "\x00" not in text
        assert not text.startswith("Bcc")
    assert len(made.letter(alert, []).subject.splitlines()) == 1


def test_the_payload_names_what_a_machine_needs() -> None:
    payload = writer().payload(sample_alert(id=7, late=False), [])
    assert payload["alert_id"] == 7
    assert payload["level"] == 3
    assert payload["title"] == "Powłoka z serwera WWW"
    assert payload["first_event_at"] == "2026-09-21T14:13:20.000000Z"


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"names": [], "host": "10.0.0.5"}, "https://10.0.0.5:8443/alerty/7"),
        ({"names": [], "host": "fd00::1"}, "https://[fd00::1]:8443/alerty/7"),
        ({"names": ["a.pl"], "host": "0.0.0.0", "port": 9443}, "https://a.pl:9443/alerty/7"),
    ],
)
def test_the_address_is_one_that_the_office_can_open(settings: dict[str, object], address: str) -> None:
    assert writer(lambda _alert, _events: None, **settings).address(sample_alert(id=7)) == address
