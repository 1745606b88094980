"""Logs of firewalls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.normalise import normalise
from tests.appliance.detect.corpus import SOURCE
from tests.appliance.normalise.cases import cases, check


@pytest.mark.parametrize("case", cases("firewall"))
def test_becomes_the_expected_event(case: dict[str, Any]) -> None:
    check(case)


@pytest.mark.parametrize("written", ["firewall", "Firewall", "FIREWALL"])
def test_the_case_of_the_observers_type_does_not_matter(written: str) -> None:
    record = {"observer": {"type": written}, "source": {"ip": "192.0.2.1"}, "event": {"action": "deny"}}
    found = normalise(json.dumps(record).encode(), SOURCE)
    assert (found["event.module"], found["czujka.firewall.blocked"]) == ("firewall", True)
