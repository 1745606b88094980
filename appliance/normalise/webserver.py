"""What a web server writes about each request: ECS events of the access and error logs of Apache, nginx and IIS."""

from __future__ import annotations

from appliance.normalise.flatten import flatten
from appliance.normalise.foreign import HOSTS, TIMES, complete_url, finish, first, put_address, said
from appliance.normalise.model import Event, Raw, Source

MODULE = "webserver"
_SERVERS = frozenset({"apache", "nginx", "iis"})


def recognised(record: Raw) -> bool:
    """Tell whether a record that names no module of ours is one of a web server's log."""
    module = said(record, "event.module")
    server, _, log = said(record, "event.dataset").partition(".")
    return module in _SERVERS or (server in _SERVERS and log in {"access", "error"})


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one line of a web server's log."""
    event = flatten(record, foreign=True)
    when, host = first(event, TIMES), first(event, HOSTS)
    if isinstance(host, str):
        event["host.name"] = host
    put_address(event, "source", event.get("source.address"))
    complete_url(event)
    event.setdefault("event.category", "web")
    return finish(event, source, MODULE, when)
