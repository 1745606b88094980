"""What a firewall writes about each connection: ECS events whose observer is a firewall."""

from __future__ import annotations

from appliance.normalise.foreign import finish, is_observer, observed
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
    return is_observer(record, MODULE, _PRODUCTS)


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one connection that a firewall saw."""
    event, when = observed(record)
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
