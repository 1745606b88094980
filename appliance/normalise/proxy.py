"""What a web proxy writes about each request: ECS events whose observer is a proxy."""

from __future__ import annotations

from appliance.normalise.foreign import complete_url, finish, is_observer, observed
from appliance.normalise.model import Event, Raw, Source

MODULE = "proxy"
_PRODUCTS = frozenset({"squid", "bluecoat", "zscaler", "zscaler_zia", "forcepoint_web", "symantec_proxysg"})


def recognised(record: Raw) -> bool:
    """Tell whether a record that names no module of ours is one of a proxy."""
    return is_observer(record, MODULE, _PRODUCTS)


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one request through a proxy."""
    event, when = observed(record)
    complete_url(event)
    event.setdefault("event.category", "web")
    return finish(event, source, MODULE, when)
