"""What rules see, on the list, on a rule's page, in the coverage and in the API."""

from __future__ import annotations

import json
import re

import pytest

from appliance.detect.visibility import State, Technique
from appliance.state.models import Role
from appliance.web.pages.coverage import NONE, chosen, summary
from appliance.web.policy import Scope
from tests.appliance.web.conftest import TestBox


def rules_of(office: TestBox) -> dict[str, dict[str, object]]:
    answer = office.get("/rules/visibility", office.token(Scope.RULES_READ))
    assert answer.status_code == 200
    body = answer.json()
    items = {one["rule_id"]: one for one in body["items"]}
    assert body["days"] == 7
    assert sum(body["states"].values()) == len(items) == len(office.context.rules().rules)
    assert {State(one["state"]) for one in items.values()} <= set(State)
    return items


def test_rules_for_stations_that_nobody_has_are_silent_and_others_see(office: TestBox) -> None:
    items = rules_of(office)
    found = {rule.id: rule for rule in office.context.rules().rules}
    windows = [one for name, one in items.items() if found[name].logsource.product == "windows"]
    linux = [one for name, one in items.items() if found[name].logsource.category == "process_creation"]
    assert {one["state"] for one in windows} == {"silent"}
    assert all(one["evaluated_at"] is None for one in windows)
    assert any(one["state"] == "seeing" and one["evaluated_at"] for one in linux)
    assert any(one["matched_at"] and one["hits_a_day"] for one in linux)


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        ("bez-danych", {"silent", "unfed", "blind"}),
        ("bez-zdarzen", {"silent"}),
        ("bez-pol", {"blind"}),
        ("bez-zrodla", {"unfed"}),
    ],
)
def test_the_list_filters_by_what_rules_see(office: TestBox, which: str, wanted: set[str]) -> None:
    items = rules_of(office)
    page = office.ask("GET", f"/reguly?stan={which}", office.person(Role.AUDITOR)).text
    for name, one in items.items():
        if f'href="/reguly/{name}"' in page:
            assert one["state"] in wanted
    assert (f'href="/reguly/{next(iter(items))}"' in page) <= (items[next(iter(items))]["state"] in wanted)
    assert any(one["state"] in wanted for one in items.values()) == ('class="rowlink"' in page)


def test_a_rule_without_events_says_so(office: TestBox) -> None:
    items, who = rules_of(office), office.person(Role.OPERATOR)
    silent = next(name for name, one in items.items() if one["state"] == "silent")
    seeing = next(name for name, one in items.items() if one["state"] == "seeing")
    assert "W ciągu ostatnich 7 dni nie przyszło żadne zdarzenie" in visible(
        office.ask("GET", f"/reguly/{silent}", who).text
    )
    assert "mają pola, których reguła potrzebuje" in visible(office.ask("GET", f"/reguly/{seeing}", who).text)


def visible(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_coverage_tells_rule_data_and_hit_apart(office: TestBox) -> None:
    answer = office.get("/rules/coverage", office.token(Scope.RULES_READ)).json()
    assert answer["techniques"]
    for one in answer["techniques"]:
        assert one["rules"] >= 1
        assert one["rules"] >= one["arriving"]
        assert one["rules"] >= one["fired"]
    page = office.ask("GET", "/reguly/zasieg?stan=3", office.person(Role.AUDITOR)).text
    for one in answer["techniques"]:
        assert (f"<code>{one['id']}</code>" in page) is (one["fired"] > 0)


def test_the_layer_is_the_same_in_api_and_console(office: TestBox) -> None:
    api = office.get("/rules/coverage/navigator", office.token(Scope.RULES_READ))
    page = office.ask("GET", "/reguly/zasieg.json", office.person(Role.OPERATOR))
    assert "attachment" in page.headers["content-disposition"]
    assert json.loads(page.text) == api.json()
    assert api.json()["versions"]["layer"] == "4.5"


def test_techniques_count_for_each_of_their_tactics(office: TestBox) -> None:
    both = Technique("T1053", ("execution", "persistence"), 3, 2, 1)
    lone, none = Technique("T1059", ("execution",), 1, 0, 0), Technique("T1999", (), 1, 0, 0)
    found = summary([both, lone, none])
    assert list(found) == ["execution", "persistence", NONE]
    assert found["execution"] == {1: 2, 2: 1, 3: 1}
    assert chosen([both, lone, none], NONE, "") == [none]
    assert chosen([both, lone, none], "execution", "1") == [lone]
    reader = office.person(Role.AUDITOR)
    page = office.ask("GET", "/reguly/zasieg", reader).text
    links = re.findall(r'href="(/reguly/zasieg\?cel=[a-z-]+)"', page)
    assert len(links) > 3
    for link in links:
        assert "<code>T" in office.ask("GET", link, reader).text, link


def test_what_a_rule_costs_is_written_as_people_write_numbers(office: TestBox) -> None:
    costly = next(name for name, one in rules_of(office).items() if one["nanoseconds"])
    page = office.ask("GET", f"/reguly/{costly}", office.person(Role.AUDITOR)).text.replace("\xa0", " ")
    assert re.search(r"\d µs", page)
    assert not re.search(r"\d\.\d µs", page)
