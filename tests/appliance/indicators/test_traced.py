"""From an event back to the indicators: each kind in the forms in which events have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from appliance.clock import DAY
from appliance.home import Home
from appliance.indicators import book
from appliance.indicators.book import Wanted
from appliance.indicators.traced import GONE, Traced, kinds_of, traced
from appliance.indicators.values import HOSTS, LISTS, Kind, value_of
from appliance.state.database import open_sessions, writing
from tests.appliance.state.fresh import fresh_state

NOW = 20_000 * DAY
HASH = "5f" * 32
TOLD = (
    "zly.example.com", "1.2.3.4", "8.8.4.0/24", "2600:1f18::/121", "http://strona.pl/Faktura.ZIP?nr=7",
    "http://strona.pl:8080/a", HASH, "oszust@gmail.com",
)  # fmt: skip
EVERY = frozenset(Kind)


@pytest.fixture
def session(home: Home) -> Iterator[Session]:
    sessions = open_sessions(fresh_state(f"sqlite:///{home.state}"))
    with writing(sessions) as made:
        book.take(made, "CSIRT NASK", [Wanted(value_of(text), "pismo 12") for text in TOLD], "anna", NOW)
        book.take(made, "CERT", [Wanted(value_of("zly.example.com"))], "anna", NOW + 1)
    with sessions() as opened:
        yield opened


def kept(found: Traced) -> list[tuple[str, str]]:
    return [(one.value, one.source) for one in found.kept]


@pytest.mark.parametrize(
    ("event", "value"),
    [
        ({"dns.question.name": "www.ZLY.example.com."}, "zly.example.com"),
        ({"url.domain": "zly.example.com:8443"}, "zly.example.com"),
        ({"email.from.address": "a@b.zly.example.com"}, "zly.example.com"),
        ({"email.from.address": "Oszust@gmail.com"}, "oszust@gmail.com"),
        ({"destination.ip": "1.2.3.4"}, "1.2.3.4"),
        ({"destination.ip": "8.8.4.77"}, "8.8.4.0/24"),
        ({"destination.ip": "2600:1f18::7f"}, "2600:1f18::/121"),
        ({"url.domain": "strona.pl", "url.original": "/faktura.zip?nr=7"}, "strona.pl/Faktura.ZIP?nr=7"),
        ({"url.domain": "strona.pl:8080", "url.path": "/a"}, "strona.pl:8080/a"),
        ({"url.domain": "strona.pl", "url.path": "/a", "destination.port": 8080}, "strona.pl:8080/a"),
        ({"url.full": "http://strona.pl/Faktura.ZIP?nr=7"}, "strona.pl/Faktura.ZIP?nr=7"),
        ({"file.hash.sha256": HASH.upper()}, HASH),
        ({"hashes": ("MD5=" + "0" * 32, f"SHA256={HASH}")}, HASH),
    ],
)
def test_an_event_leads_to_the_value_that_it_agrees_with(session: Session, event: dict[str, Any], value: str) -> None:
    found = traced(session, EVERY, [key for key in event if key != "destination.port"], [event])
    assert {one for one, _ in kept(found)} == {value}
    assert found.gone == ()


def test_every_source_of_a_value_is_told_and_the_newest_first(session: Session) -> None:
    found = traced(session, {Kind.DOMAIN}, ["dns.question.name"], [{"dns.question.name": "zly.example.com"}] * 3)
    assert kept(found) == [("zly.example.com", "CERT"), ("zly.example.com", "CSIRT NASK")]
    assert found.kept[1].comment == "pismo 12"


def test_what_no_list_has_any_more_is_named_for_each_event(session: Session) -> None:
    events = [{"dns.question.name": name} for name in ("usuniety.pl", "www.zly.example.com", "usuniety.pl")]
    found = traced(session, {Kind.DOMAIN}, ["dns.question.name"], events)
    assert (len(found.kept), found.gone) == (2, ("usuniety.pl",))
    many = [{"dns.question.name": f"u{number}.pl"} for number in range(GONE * 2)]
    assert len(traced(session, {Kind.DOMAIN}, ["dns.question.name"], many).gone) == GONE


def test_other_kinds_and_other_keys_lead_nowhere(session: Session) -> None:
    event = {"dns.question.name": "zly.example.com", "dns.answers": "1.2.3.4", "n": 7, "none": None}
    assert traced(session, {Kind.ADDRESS}, ["dns.question.name"], [event]).kept == ()
    assert traced(session, EVERY, ["n", "none", "missing"], [event]).kept == ()
    assert traced(session, (), ["dns.question.name"], [event]) == Traced((), ("zly.example.com",))


def test_an_event_with_many_values_asks_for_a_bounded_number(session: Session) -> None:
    event = {"a": tuple(f"h{n}.pl" for n in range(5000)), "b": tuple(f"/{n}" for n in range(5000))}
    assert traced(session, EVERY, ["a", "b"], [event] * 50).kept == ()


def test_lists_name_their_kinds() -> None:
    assert kinds_of(["admins", LISTS[Kind.DOMAIN].upper(), HOSTS]) == {Kind.DOMAIN, Kind.URL}
    assert kinds_of(["office_days"]) == frozenset()
