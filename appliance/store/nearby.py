"""What happened on the same host around an event: two pages of a store, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.normalise.model import Event
from appliance.search import Field, Kind, Node
from appliance.search.nodes import Everything, Exact, Leaf
from appliance.store.model import Cursor

if TYPE_CHECKING:
    from appliance.store.model import Store


def around(store: Store, event_id: str, micros: int, limit: int, at: int | None) -> list[Event]:
    """Return at most `limit` events of the same host, at most `micros` away from an event, by time.

    The nearest are taken from both sides alike; the event itself is among them. Empty for an unknown id.
    """
    event = store.get(event_id, at)
    if event is None:
        return []
    moment, host = event["@timestamp"], event.get("host.name")
    assert isinstance(moment, int)
    node: Node = Leaf((Field("host.name", Kind.KEYWORD),), Exact(host)) if isinstance(host, str) else Everything()
    here = Cursor(moment, event_id)
    before = store.search(node, moment - micros, None, limit, here).events
    behind = store.search(node, None, moment + micros + 1, limit, here, descending=False).events
    half = (limit - 1) // 2
    earlier = before[: max(half, limit - 1 - len(behind))]
    return [*reversed(earlier), event, *behind[: limit - 1 - len(earlier)]]
