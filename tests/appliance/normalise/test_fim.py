"""What the file monitor found."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.normalise import Unreadable
from tests.appliance.normalise.cases import cases, check, run


@pytest.mark.parametrize("case", cases("fim"))
def test_becomes_the_expected_event(case: dict[str, Any]) -> None:
    check(case)


@pytest.mark.parametrize("action", [None, "file_renamed", 7, ["file_created"]])
def test_a_record_that_says_nothing_of_a_file_is_unreadable(action: object) -> None:
    with pytest.raises(Unreadable, match=r"event\.action"):
        run({"event.module": "czujka.fim", "event.action": action})
