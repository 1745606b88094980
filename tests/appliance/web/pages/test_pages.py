"""Every page over a filled box: it answers, escapes, refuses, and does what its buttons say."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from appliance.state.database import writing
from appliance.state.models import Agent, Alert, AlertEvent, AlertState, Role
from appliance.store import EmbeddedStore
from appliance.store.shape import encode
from appliance.web.pages.render import catalogue
from tests.appliance.web.conftest import TestBox
from tests.appliance.web.pages import sample

PAGES = [
    "/",
    "/alerty",
    "/alerty?stan=all",
    "/zdarzenia",
    "/zdarzenia?okres=all",
    "/zdarzenia/pola",
    "/zdarzenia/zapisane",
    "/stacje",
    "/stacje?stan=heard&system=linux&brak=firewall&podatne=tak",
    f"/stacje/{sample.agent_id(3)}",
    f"/stacje/{sample.agent_id(7)}",
    f"/stacje/{sample.agent_id(3)}/spis",
    f"/stacje/{sample.agent_id(7)}/spis?dzial=software",
    "/stacje/co-zbieram",
    "/stacje/decyzje",
    "/stacje/instalacja",
    "/stacje/aktualizacje",
    "/reguly",
    "/reguly?stan=bez-danych",
    "/reguly/zasieg",
    "/reguly/zasieg?cel=execution&stan=1",
    "/wskazniki",
    "/wskazniki?wartosc=example",
    "/wskazniki?zrodlo=CSIRT+NASK&wartosc=zly.example.com&dokladnie=tak",
    "/poszukiwania",
    "/poszukiwania/1",
    "/poszukiwania/2",
    "/poszukiwania/3",
    "/poszukiwania/4",
    "/poszukiwania/nowe",
    "/zdrowie",
    "/zdrowie/odrzucone",
    "/zdrowie/odrzucone/1",
    "/raporty",
    "/dowody",
    "/magazyn",
    "/podatnosci",
    f"/podatnosci?co=atak&stacja={sample.agent_id(7)}&tekst=7-zip",
    "/konto",
    "/osoby",
    "/tokeny",
]
ADMIN_ONLY = {"/osoby", "/tokeny", "/stacje/instalacja"}
NOT_FOR_AUDITORS = {"/poszukiwania/nowe"}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("role", list(Role))
def test_a_page_answers_each_role(office: TestBox, path: str, role: Role) -> None:
    answer = office.ask("GET", path, office.person(role))
    refused = (path in ADMIN_ONLY and role != Role.ADMIN) or (path in NOT_FOR_AUDITORS and role == Role.AUDITOR)
    assert answer.status_code == (403 if refused else 200)
    assert answer.text.count("<h1") == 1
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_is_led_to_sign_in_and_back(office: TestBox, path: str) -> None:
    answer = office.ask("GET", path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/zaloguj?dalej=%2F")


def test_nothing_hostile_is_rendered(office: TestBox) -> None:
    admin = office.person(Role.ADMIN)
    with office.context.sessions() as session:
        hostile = session.query(Alert).filter(Alert.host == sample.NASTY_HOST).one()
    for path in (
        *PAGES,
        f"/alerty/{hostile.id}",
        "/alerty?stan=all&tekst=<script>alert(9)</script>",
        "/zdarzenia?q=<script>",
    ):
        text = office.ask("GET", path, admin).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "\u202e" not in text
        assert not re.search(r'(?:href|src|action)="\s*(?:javascript|data):', text)
        assert not re.search(r"<[^>]*\s(?:on[a-z]+|style)=", text)


def test_a_page_names_the_sign_that_turns_text_round(office: TestBox) -> None:
    with office.context.sessions() as session:
        hostile = session.query(Alert).filter(Alert.host == sample.NASTY_HOST).one()
    assert "[U+202E]" in office.ask("GET", f"/alerty/{hostile.id}", office.person(Role.ADMIN)).text


def test_an_alert_goes_from_new_to_closed_and_back(office: TestBox) -> None:
    who, path = office.person(Role.OPERATOR), f"/alerty/{office.alert}"

    def state() -> AlertState:
        with office.context.sessions() as session:
            return AlertState(session.get_one(Alert, office.alert).state)

    steps = [
        ("odbior", {}, AlertState.RECEIVED),
        ("przejmij", {}, AlertState.IN_PROGRESS),
        ("notatka", {"text": "Telefon do <osoby>"}, AlertState.IN_PROGRESS),
        ("zamknij", {"outcome": "permitted", "reason": "zlecenie"}, AlertState.CLOSED),
        ("otworz", {"reason": "wróciło"}, AlertState.IN_PROGRESS),
    ]
    for action, form, wanted in steps:
        answer = office.ask("POST", f"{path}/{action}", who, data=form)
        assert (action, answer.status_code, state()) == (action, 303, wanted)
    assert "Telefon do &lt;osoby&gt;" in office.ask("GET", path, who).text


def test_a_rule_that_has_changed_since_says_what_it_lacks(office: TestBox) -> None:
    who, path = office.person(Role.OPERATOR), f"/alerty/{office.alert}"
    said = catalogue().text("explain.now_misses", "pl")
    assert said not in office.ask("GET", path, who).text
    with writing(office.context.sessions) as session:
        row = session.scalars(select(AlertEvent).where(AlertEvent.alert_id == office.alert)).first()
        assert row is not None
        kept, row.event = row.event, {key: "" if "process" in key else value for key, value in row.event.items()}
        place = row.id
    text = office.ask("GET", path, who).text
    with writing(office.context.sessions) as session:
        session.get_one(AlertEvent, place).event = kept
    assert said in text
    assert "wystarczy, by" in text


def test_closing_needs_an_outcome_and_a_reason(office: TestBox) -> None:
    answer = office.ask("POST", f"/alerty/{office.alert}/zamknij", office.person(Role.OPERATOR), data={"reason": " "})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_a_stale_act_says_who_was_first(office: TestBox) -> None:
    office.ask("POST", f"/alerty/{office.alert}/przejmij", office.person(Role.OPERATOR))
    answer = office.ask("POST", f"/alerty/{office.alert}/przejmij", office.person(Role.ADMIN, sample.LOGIN))
    assert answer.status_code == 409
    assert "operator" in answer.text


def test_a_change_without_its_token_is_refused(office: TestBox) -> None:
    who = office.person(Role.ADMIN)
    headers = {name: value for name, value in who.headers.items() if name.lower() != "x-csrf-token"}
    answer = office.ask("POST", "/stacje/kod", headers=headers, data={"uses": "1", "hours": "1"})
    assert answer.status_code == 403


def test_a_query_fault_is_located(office: TestBox) -> None:
    answer = office.ask("GET", "/zdarzenia?q=(host:a", office.person(Role.AUDITOR))
    assert answer.status_code == 422
    assert "nawias nie ma pary" in answer.text
    assert "<mark>" in answer.text


def test_an_enrolment_code_is_shown_once_with_its_command(office: TestBox) -> None:
    admin = office.person(Role.ADMIN)
    answer = office.ask("POST", "/stacje/kod", admin, data={"uses": "2", "hours": "3"})
    assert answer.status_code == 201
    assert "czujka-agent enrol " in answer.text
    assert "czujka-agent enrol " not in office.ask("GET", "/stacje", admin).text


def test_a_station_can_be_revoked(office: TestBox) -> None:
    number = sample.agent_id(4)
    assert office.ask("POST", f"/stacje/{number}/cofnij", office.person(Role.ADMIN)).status_code == 303
    with office.context.sessions() as session:
        assert session.get_one(Agent, number).state == "revoked"


def test_a_token_is_shown_once(office: TestBox) -> None:
    admin = office.person(Role.ADMIN)
    answer = office.ask("POST", "/tokeny", admin, data={"name": "kopia", "scopes": ["alerts:read"]})
    found = re.search(r"czj_[A-Za-z0-9_-]{20,}", answer.text)
    assert found is not None
    assert found[0] not in office.ask("GET", "/tokeny", admin).text


def test_the_live_part_carries_only_its_parts(office: TestBox) -> None:
    text = office.ask("GET", "/alerty/na-zywo?stan=all", office.person(Role.OPERATOR)).text
    assert "<html" not in text
    assert text.count("data-alert=") >= 5


def test_english_is_english(office: TestBox) -> None:
    who = office.person(Role.ADMIN, "english")
    assert office.ask("POST", "/konto/jezyk", who, data={"language": "en"}).status_code == 303
    assert '<html lang="en"' in office.ask("GET", "/", who).text


def test_assets_are_kept_only_under_their_hash(office: TestBox) -> None:
    text = office.ask("GET", "/zaloguj").text
    path = re.search(r'href="(/static/css/base\.css\?[0-9a-f]{12})"', text)
    assert path is not None
    assert "immutable" in office.ask("GET", path[1]).headers["cache-control"]
    assert office.ask("GET", "/static/css/base.css").headers["cache-control"] == "no-cache"


def test_a_field_that_only_stored_events_have_is_asked_for(office: TestBox) -> None:
    moment = office.context.now()
    writer = EmbeddedStore(office.context.home.store)
    odd = sample.started(9001, moment, "pc-kadry-01", "root", "ls /acme") | {"acme.vendor": "x1"}
    writer.append(encode([odd]), [], writer.applied() + 1)
    writer.close()
    answer = office.ask("GET", "/zdarzenia?okres=all&q=acme.vendor:x1", office.person(Role.AUDITOR))
    assert answer.status_code == 200
    assert "/acme" in answer.text


def test_the_query_box_is_wired_to_its_suggestions(office: TestBox) -> None:
    text = office.ask("GET", "/zdarzenia?okres=7d", office.person(Role.AUDITOR)).text
    assert 'role="listbox"' in text
    assert re.search(r'data-suggest="/api/v1/events/suggestions" data-from="\d+" data-to="\d+"', text)
    assert "js/complete.js" in text
    assert "js/complete.js" not in office.ask("GET", "/alerty", office.person(Role.AUDITOR)).text
