"""What a web proxy writes about each request: ECS events whose observer is a proxy."""

from __future__ import annotations

from appliance.normalise.flatten import flatten
from appliance.normalise.foreign import HOSTS, TIMES, complete_url, finish, first, put_address, said
from appliance.normalise.model import Event, Raw, Source

MODULE = "proxy"
_PRODUCTS = frozenset({"squid", "bluecoat", "zscaler", "zscaler_zia", "forcepoint_web", "symantec_proxysg"})


def recognised(record: Raw) -> bool:
    """Tell whether a record that names no module of ours is one of a proxy."""
    return said(record, "observer.type") == MODULE or said(record, "event.module") in _PRODUCTS


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one request through a proxy."""
    event = flatten(record, foreign=True)
    when, host = first(event, TIMES), first(event, ("observer.hostname", "observer.name", *HOSTS))
    if isinstance(host, str):
        event.setdefault("host.name", host)
    put_address(event, "source", event.get("source.address"))
    put_address(event, "destination", event.get("destination.address"))
    complete_url(event)
    event.setdefault("event.category", "web")
    return finish(event, source, MODULE, when)
