"""The least that the box's account needs of a cluster."""

from __future__ import annotations

from typing import Any

CLUSTER = ("monitor",)
INDEX = ("create_index", "create_doc", "read", "monitor", "maintenance", "delete_index")
"""To make an index, write into it without changing anything in it, search, tell sizes, make what was written
visible at once, and delete what is too old. No right to change or delete single events.
"""


def least_role(index: str) -> dict[str, Any]:
    """Return the body of the role (`PUT /_security/role/czujka`) for indices whose names begin so."""
    return {"cluster": list(CLUSTER), "indices": [{"names": [f"{index}-*"], "privileges": list(INDEX)}]}
