"""What a firewall writes about each connection: ECS events whose observer is a firewall."""

from __future__ import annotations

from appliance.normalise.flatten import flatten
from appliance.normalise.foreign import HOSTS, TIMES, finish, first, put_address, said
from appliance.normalise.model import Event, Raw, Source, Value

MODULE = "firewall"
_PRODUCTS = frozenset(
    {"fortinet", "fortinet_fortigate", "panw", "cisco_asa", "checkpoint", "sophos", "pfsense", "opnsense", "iptables",
     "mikrotik", "stormshield", "sonicwall_firewall", "watchguard_firebox"}
)  # fmt: skip
_BLOCKED = frozenset({"denied", "deny", "block", "blocked", "drop", "dropped", "reject", "rejected", "close", "reset"})
_PASSED = frozenset({"allowed", "allow", "accept", "accepted", "pass", "passed", "permit", "permitted", "forward"})


def recognised(record: Raw) -> bool:
    """Tell whether a record that names no module of ours is one of a firewall."""
    return said(record, "observer.type") == MODULE or said(record, "event.module") in _PRODUCTS


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one connection that a firewall saw."""
    event = flatten(record, foreign=True)
    when, host = first(event, TIMES), first(event, ("observer.hostname", "observer.name", *HOSTS))
    if isinstance(host, str):
        event.setdefault("host.name", host)
    for side in ("source", "destination"):
        put_address(event, side, event.get(f"{side}.address"))
    blocked = _blocked(event)
    if blocked is not None:
        event.setdefault("czujka.firewall.blocked", blocked)
    event.setdefault("event.category", "network")
    return finish(event, source, MODULE, when)


def _blocked(event: Event) -> bool | None:
    """Tell whether the connection was stopped, by the words for it that ECS and the makers use; None when none says."""
    words = {word.lower() for key in ("event.type", "event.action") for word in _texts(event.get(key))}
    if words & _BLOCKED:
        return True
    return False if words & _PASSED else None


def _texts(value: Value | None) -> tuple[str, ...]:
    items = value if isinstance(value, tuple) else (value,)
    return tuple(item for item in items if isinstance(item, str))
