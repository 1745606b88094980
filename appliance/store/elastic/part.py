"""What a test on one place of the documents becomes."""

from __future__ import annotations

from typing import NamedTuple

from appliance.store.elastic.clauses import NONE, Clause


class Part(NamedTuple):
    """`sure` is right where `doubt` finds nothing and no value of `paths` was left out of the index."""

    sure: Clause = NONE
    doubt: Clause = NONE
    paths: tuple[str, ...] = ()
