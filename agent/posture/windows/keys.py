"""What several checks of Windows need: certainty that the registry is there."""

from __future__ import annotations

from agent.inventory.raw import Raws, Unknown


def sure(raws: Raws, anchor: str = "windows") -> None:
    """Raise Unknown unless the registry is there, so that a missing setting means its default."""
    if not raws.there(anchor):
        raise Unknown("no_source")
