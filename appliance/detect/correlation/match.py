"""What a correlation found."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from .fields import GAP
from .model import Correlation


@dataclass(slots=True)
class Match:
    """A correlation's condition held for a group at the time `at` of an event.

    `evidence` has (time, id) of events that no earlier match of the group named; a match may come again with further
    evidence. `size` counts the hits in the window. `values` are the group's key and `anchor` the id of the event that
    completed it: most matches are asked for neither their id nor their group's values, so both are made when asked for.
    """

    correlation: Correlation
    values: str
    anchor: bytes
    at: int
    first: int
    size: int
    evidence: tuple[tuple[int, str], ...]
    late: bool

    @property
    def id(self) -> str:
        """A hash of the correlation, the group and the event that completed it."""
        parts = GAP.join((self.correlation.id, self.values, self.anchor.hex()))
        return blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    @property
    def group(self) -> tuple[str, ...]:
        """The values of group-by, without case."""
        return tuple(self.values.split(GAP)) if self.correlation.group_by else ()
