"""What an importer could not read."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.normalise import Unreadable
from tests.appliance.normalise.cases import cases, run


@pytest.mark.parametrize("case", cases("unreadable"))
def test_is_a_dead_letter_with_its_reason(case: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as caught:
        run(case["record"])
    assert caught.value.reason == case["reason"]
