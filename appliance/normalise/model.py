"""What goes into the normalisers and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]
Event = dict[str, Value]
"""A canonical event: flat dotted ECS names, no None values, lists as tuples, times as int microseconds."""
Raw = Mapping[str, Any]
"""One decoded JSON object as it came."""


class Unreadable(ValueError):
    """A record that cannot become an event. `reason` is a short Polish sentence for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Source:
    """Where a record came from, as the box itself knows it."""

    agent_id: str
    """The UUID in the sender's certificate."""
    received_at: int
    """Arrival in microseconds since the epoch."""
    importer: bool = False
    """True for files that a person imports: their own `event.id` is not believed."""


Normaliser = Callable[[Raw, Source], Event]
