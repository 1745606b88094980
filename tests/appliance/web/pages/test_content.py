"""What the console tells of rules: what was not taken, what was stopped, who wrote them."""

from __future__ import annotations

import re
from dataclasses import fields

from appliance.clock import now
from appliance.detect.correlation.hits import Seen
from appliance.detect.correlation.state import Kept
from appliance.home import CHECKOUT
from appliance.ops.health import beat
from appliance.pipeline.pipeline import Counters
from appliance.slices.look import STANDINGS
from appliance.state.models import Role
from appliance.web.pages.exceptions import end_of_day
from appliance.web.pages.health import rules_told
from appliance.web.pages.render import catalogue
from tests.appliance.web.conftest import TestBox

TOLD = {
    "rules": 77,
    "rule_faults": 2,
    "rules_loaded_at": 1_790_000_000_000_000,
    "rules_reloaded": 3,
    "rules_failed": 1,
    "rules_stopped": 1,
    "rules_refused": "policy.yaml:3: nieznany poziom",
}

GATEWAY = ("batches", "duplicates", "refused", "journal_bytes", "journal_batches")
CORRELATION = (*fields(Seen), *fields(Kept))


def test_health_says_what_was_not_taken_and_what_was_stopped(office: TestBox) -> None:
    beat(office.context.sessions, "pipeline", {"records": 1, **TOLD}, now())
    page = office.ask("GET", "/zdrowie", office.person(Role.AUDITOR)).text
    assert "policy.yaml:3: nieznany poziom" in page
    assert "Część reguł zatrzymano" in page
    beat(office.context.sessions, "pipeline", {**TOLD, "rules_refused": "", "rules_stopped": 0}, now())
    page = office.ask("GET", "/zdrowie", office.person(Role.AUDITOR)).text
    assert "Ostatniej zmiany reguł nie przyjęto" not in page
    assert "Część reguł zatrzymano" not in page
    assert 'id="reguly"' in page


def test_counters_have_names_and_what_has_none_is_shown_as_it_is(office: TestBox) -> None:
    names = {*(one.name for one in fields(Counters)), *GATEWAY, *(f"correlation_{one.name}" for one in CORRELATION)}
    missing = {name for name in names if f"counter.{name}" not in catalogue()}
    assert missing == set()
    beat(office.context.sessions, "pipeline", {"records": 12345, "runs": {"a": 1, "b": 2}, "odd": 7, **TOLD}, now())
    page = office.ask("GET", "/zdrowie", office.person(Role.AUDITOR)).text.replace("\u00a0", " ")
    assert "rekordy <b>12 345</b>" in page
    assert "wykonane zadania <b>3</b>" in page
    assert "<code>odd</code> <b>7</b>" in page
    assert "rules_loaded_at" not in page


def test_health_says_what_the_confinement_of_tshark_lacks(office: TestBox) -> None:
    texts, person = catalogue(), office.person(Role.AUDITOR)
    for word in STANDINGS.values():
        beat(office.context.sessions, "jobs", {"confinement": word}, now())
        page = office.ask("GET", "/zdrowie", person).text
        assert texts.text(f"health.confinement.{word}", "pl").split(".")[0] in page
        assert "<code>confinement</code>" not in page
    for other in ({"confinement": ""}, {"confinement": "<script>"}, {"confinement": 7}, {}):
        beat(office.context.sessions, "jobs", other, now())
        assert "tshark" not in office.ask("GET", "/zdrowie", person).text


def test_health_names_sensors_that_do_not_see_everything_and_what_to_do(office: TestBox) -> None:
    page = office.ask("GET", "/zdrowie", office.person(Role.AUDITOR)).text
    assert 'id="czujniki"' in page
    assert "przełącznik wysyła tylko jeden kierunek ruchu" in page
    assert "połączenia, których treści przestano czytać: 41" in page
    # What other computers do wrong is no loss of the sensor: it stands with the station alone.
    assert "które łamią zasady protokołu" not in page


def test_every_reason_and_cause_of_the_network_sensor_has_its_text() -> None:
    source = (CHECKOUT / "collector" / "conditions.py").read_text("utf-8")
    names = {"no_link", "silent", "one_way", "card_missed", "drops", "cut", "vlans", "clock"}
    assert all(f'"{name}"' in source for name in names)
    texts = catalogue()
    assert {f"sensor.reason.{name}" for name in names} <= texts.keys
    assert {f"cause.{cause}" for cause in re.findall(r'"((?:capture|card)_\w+)"', source)} <= texts.keys


def test_a_heartbeat_without_rules_tells_none() -> None:
    assert rules_told({}) is None
    told = rules_told({**TOLD, "rules": "many"})
    assert told is not None
    assert (told.on, told.faults) == (0, 2)


def test_a_day_ends_in_the_office() -> None:
    assert end_of_day("2026-12-22") == 1_797_980_400_000_000
