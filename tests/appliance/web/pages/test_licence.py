"""The licence of a rule on its page, with its alerts and in the API: its own before that of what it came with."""

from __future__ import annotations

from dataclasses import replace

from appliance.state.models import Role
from appliance.web.policy import Scope
from tests.appliance.web.conftest import TestBox


def test_what_a_rule_says_of_its_licence_goes_first(office: TestBox) -> None:
    before, who, robot = office.context.rules(), office.person(Role.AUDITOR), office.token(Scope.RULES_READ)
    page = office.ask("GET", f"/reguly/{office.rule}", who).text
    assert "EUPL-1.2" in page
    assert "Podaje ją sama reguła." not in page
    mine = [replace(one, licence="CC BY 4.0") if one.id == office.rule else one for one in before.rules]
    changed = replace(before, rules=mine)
    office = replace(office, context=replace(office.context, rules=lambda: changed))
    page = office.ask("GET", f"/reguly/{office.rule}", who).text
    assert "CC BY 4.0" in page
    assert "Podaje ją sama reguła. Całe wydanie: EUPL-1.2." in page.replace("\xa0", " ")
    assert office.get(f"/rules/{office.rule}", robot).json()["licence"] == "CC BY 4.0"
    assert "Licencja: CC BY 4.0." in office.ask("GET", f"/alerty/{office.alert}", who).text.replace("\xa0", " ")
