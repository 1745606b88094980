"""All attacks with their twins that pass one after another over real virtual cards."""

from __future__ import annotations

from tests.e2e import history, intrusions, outward, searches
from tests.e2e.cases import Case


def cases() -> list[Case]:
    """Return them in the order in which they pass by."""
    return [
        *intrusions.of_windows(),
        *intrusions.of_devices(),
        *outward.of_connections(),
        *outward.of_names(),
        *outward.of_pages(),
        *searches.of_many(),
        *history.of_days(),
    ]
