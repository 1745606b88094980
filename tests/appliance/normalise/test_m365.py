"""The unified audit log of Microsoft 365."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.normalise import normalise
from tests.appliance.detect.corpus import SOURCE
from tests.appliance.normalise.cases import cases, check


@pytest.mark.parametrize("case", cases("m365"))
def test_becomes_the_expected_event(case: dict[str, Any]) -> None:
    check(case)


def test_elastics_document_is_the_same_with_dotted_names() -> None:
    audit = {"Operation": "New-InboxRule", "Workload": "Exchange", "CreationTime": "2026-03-07T10:00:00"}
    wanted = normalise(json.dumps({"o365": {"audit": audit}}).encode(), SOURCE)
    dotted = {"event.dataset": "o365.audit", **{f"o365.audit.{name}": value for name, value in audit.items()}}
    found = normalise(json.dumps(dotted).encode(), SOURCE)
    assert found["event.module"] == "m365"
    assert {key: found[key] for key in wanted if key != "event.id"} == {
        key: value for key, value in wanted.items() if key != "event.id"
    }
