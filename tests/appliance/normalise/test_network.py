"""Zeek and network events."""

from __future__ import annotations

from typing import Any

import pytest

from tests.appliance.normalise.cases import cases, check


@pytest.mark.parametrize("case", cases("network"))
def test_becomes_the_expected_event(case: dict[str, Any]) -> None:
    check(case)
