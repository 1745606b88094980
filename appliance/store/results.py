"""Results of batches that nobody can ask for any more go: a few at a time, so that what is stored never waits long."""

from __future__ import annotations

from collections.abc import Callable

AT_ONCE, ROUNDS = 20_000, 50
"""Results of one transaction, and transactions of one call."""
FORGET = "DELETE FROM result WHERE seq < min(?, (SELECT min(seq) FROM result) + ?)"
"""Takes the journal seq below which results go, and how many at once."""


def in_rounds(some: Callable[[], int]) -> int:
    """Call what deletes some until it finds none, within the bound; return how many went."""
    gone = 0
    for _ in range(ROUNDS):
        found = some()
        if not found:
            break
        gone += found
    return gone
