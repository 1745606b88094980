"""The network: Zeek's JSON logs as they are, and events that are already in our names.

Zeek's logs and fields: Zeek 7 script reference. A Zeek field keeps its value under the key that
rules/schema/sources.yaml gives it, ECS where there is a word for it, `zeek.<log>.<field>` where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from types import MappingProxyType

from appliance.normalise.common import set_name
from appliance.normalise.flatten import flatten
from appliance.normalise.foreign import TIMES, complete_url, finish, first, put, said
from appliance.normalise.model import Event, Raw, Source
from appliance.normalise.vocabulary import vocabulary

MODULE = "network"
#: Fields that only one log has, for files written without `_path`; the first log that fits is taken.
_WITNESSES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "dns": frozenset({"qtype", "qtype_name", "rcode", "rcode_name"}),
        "http": frozenset({"trans_depth", "request_body_len"}),
        "smtp": frozenset({"helo", "mailfrom"}),
        "ssl": frozenset({"established", "server_name"}),
        "smb_mapping": frozenset({"share_type", "native_file_system"}),
        "dce_rpc": frozenset({"endpoint", "named_pipe"}),
        "kerberos": frozenset({"request_type", "till"}),
        "ntlm": frozenset({"domainname", "server_nb_computer_name"}),
        "rdp": frozenset({"security_protocol", "cookie"}),
        "ssh": frozenset({"auth_success", "auth_attempts", "hasshVersion"}),
        "ftp": frozenset({"reply_code", "data_channel.passive"}),
        "notice": frozenset({"note"}),
        "conn": frozenset({"conn_state", "history"}),
    }
)
_CONTROL = frozenset({"_path", "_write_ts", "_system_name", "ts", "event.module", "event.id", "event.created"})
_OWN_NAMES = frozenset({"smb_cmd"})
"""Logs of a category with another log's name whose fields keep their own log's."""
_ENDS = ("source.ip", "destination.ip", "zeek.arp.src_ip", "zeek.dhcp.assigned_addr", "zeek.notice.src")
_CARRIED = {"connection": "zeek.conn.", "connection_update": "zeek.conn_long."}
"""Categories that tell a connection's bytes → the prefix of what only Zeek says of it."""
_NOBODY, _OTHER, _OWN = range(3)
_BROADCAST = ip_address("255.255.255.255")
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
_DIRECTIONS = {
    (True, True): "internal",
    (True, False): "outbound",
    (False, True): "inbound",
    (False, False): "external",
}
_OWN_END = {"outbound": "source.ip", "inbound": "destination.ip"}
_SUCCESS = ("zeek.kerberos.success", "zeek.ntlm.success", "zeek.ssh.auth_success")


@lru_cache(maxsize=1)
def categories() -> dict[str, str]:
    """Return Zeek's name of a log -> the event's category."""
    found = {log.name: category for category, log in vocabulary(MODULE).logs.items()}
    return {**found, "smb_mapping": "smb", **dict.fromkeys(_OWN_NAMES, "smb")}


def zeek_log(record: Raw) -> str | None:
    """Return the Zeek log that a record as Zeek writes it belongs to, None for any other record."""
    path = record.get("_path")
    if isinstance(path, str):
        return path if path in categories() else None
    if "ts" not in record or not ("uid" in record or "fuid" in record or "certificate.serial" in record):
        return None
    if "certificate.serial" in record:
        return "x509"
    action = record.get("action")
    if isinstance(action, str) and action.startswith("SMB::"):
        return "smb_files"
    found = next((log for log, names in _WITNESSES.items() if not names.isdisjoint(record)), None)
    if found is None and "fuid" in record and "mime_type" in record:
        return "files"
    return found


def recognised(record: Raw) -> bool:
    """Tell whether a record that names no module of ours is Zeek's, raw or as Elastic's agents send it."""
    elastic = isinstance(record.get("zeek"), dict) or said(record, "event.module") == "zeek"
    return elastic or zeek_log(record) is not None


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one network record."""
    flat = flatten(record, foreign=True)
    log = zeek_log(record) or zeek_log(flat)
    when = first(flat, TIMES)
    event = _from_zeek(flat, log) if log else _from_ecs(flat)
    _derive(event)
    _direct(event)
    if log:
        name = flat.get("host.name") or flat.get("_system_name")
        event["observer.name"] = name if isinstance(name, str) else source.agent_id
        event["host.name"] = station(event) or event["observer.name"]
    return finish(event, source, MODULE, when)


def station(event: Event) -> str:
    """Return the address of the office's own end, empty when the event has none.

    Who listened is `observer.name`: an alert, a group of alerts and a hunt are about the computer that it happened to.
    """
    ends = [value for key in _ENDS if isinstance(value := event.get(key), str) and _of(value) != _NOBODY]
    own = _OWN_END.get(str(event.get("network.direction")))
    if own and isinstance(end := event.get(own), str) and end in ends:
        return end
    return next((end for end in ends if _of(end) == _OWN), ends[0] if ends else "")


@lru_cache(maxsize=65_536)
def _of(text: str) -> int:
    """Tell an address of a private network (RFC 1918, RFC 4193, link-local) from others and from nobody's."""
    try:
        found = ip_address(text)
    except ValueError:
        return _NOBODY
    if found.is_unspecified or found.is_multicast or found == _BROADCAST:
        return _NOBODY
    return _OWN if found.is_private else _OTHER


def _from_zeek(flat: Event, log: str) -> Event:
    words, category = vocabulary(MODULE), categories()[log]
    event: Event = {name: flat[name] for name in ("event.id", "event.created") if name in flat}
    native = f"{words.prefix}{log if log in _OWN_NAMES else words.logs[category].name}."
    for name, value in flat.items():
        key = words.fields.get(name, native + name) if log in _OWN_NAMES else words.key(name, category)
        if name not in _CONTROL and not put(event, key, value):
            event[native + name] = value
    event["event.category"] = category
    event["event.type"] = "connection" if category == "connection" else "info"
    event["event.dataset"] = f"zeek.{log}"
    event["event.kind"] = "event"
    return event


def _from_ecs(flat: Event) -> Event:
    """Add the word of ECS for each native Zeek field that stands there alone, and the category of the data set."""
    words = vocabulary(MODULE)
    dataset = str(flat.get("event.dataset", "")).removeprefix("zeek.")
    category = flat.get("event.category")
    if isinstance(category, tuple):
        # Of several one names the log, which the names of fields depend on.
        category = next((one for one in category if one in words.logs), category)
        flat["event.category"] = category
    if category not in words.logs and dataset in categories():
        flat["event.category"] = category = categories()[dataset]
    log = words.logs.get(category) if isinstance(category, str) else None
    if log and isinstance(category, str):
        # Elastic names the prefix after the log even where two logs share a category.
        for prefix in {log.prefix, f"zeek.{dataset}."}:
            for name in [name for name in flat if name.startswith(prefix)]:
                put(flat, words.key(name.removeprefix(prefix), category), flat[name])
    return flat


def _derive(event: Event) -> None:
    category = event.get("event.category")
    if category == "http":
        complete_url(event)
    elif category in _CARRIED:
        _carried(event, _CARRIED[category])
        _totals(event)
    elif category == "smb":
        set_name(event, "file.path", "file.name", "\\")
        action = event.get("zeek.smb_files.action")
        if isinstance(action, str):
            event.setdefault("event.action", action)
    elif category == "ldap":
        _bound(event)
    for key in _SUCCESS:
        if isinstance(event.get(key), bool):
            event.setdefault("event.outcome", "success" if event[key] else "failure")


def _bound(event: Event) -> None:
    """Name the account of a sign-in to a directory as it was given, and say how it ended."""
    if not str(event.get("zeek.ldap.opcode", "")).startswith("bind "):
        return
    name, result = event.get("zeek.ldap.object"), event.get("zeek.ldap.result")
    if isinstance(name, str) and name:
        event.setdefault("user.name", name)
    if result in ("success", "invalidCredentials"):
        event.setdefault("event.outcome", "success" if result == "success" else "failure")


def _direct(event: Event) -> None:
    """Say which way it goes by the office's own networks, as the sensor knows them, else by private addresses."""
    ends = [event.get(key) for key in ("source.ip", "destination.ip")]
    if not all(isinstance(end, str) and end for end in ends):
        return
    log = str(event.get("event.dataset", "")).removeprefix("zeek.")
    told = [_told(event, f"zeek.{log}.{name}", f"zeek.conn.{name}") for name in ("local_orig", "local_resp")]
    own = [
        _near(str(end)) or (_private(str(end)) if said is None else said) for end, said in zip(ends, told, strict=True)
    ]
    event.setdefault("network.direction", _DIRECTIONS[own[0], own[1]])


def _told(event: Event, *names: str) -> bool | None:
    return next((value for name in names if isinstance(value := event.get(name), bool)), None)


@lru_cache(maxsize=65_536)
def _near(text: str) -> bool:
    """Tell addresses that never leave a network, whoever has it: of this computer, of this link, of all or many."""
    try:
        found = ip_address(text)
    except ValueError:
        return False
    never = found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified
    return never or found == _BROADCAST


@lru_cache(maxsize=65_536)
def _private(text: str) -> bool:
    try:
        found = ip_address(text)
    except ValueError:
        return False
    return any(found in network for network in _PRIVATE)


def _carried(event: Event, native: str) -> None:
    """Take no more for a side's bytes than its packets carried: they are those of sequence numbers, which may lie."""
    for key, name in (("source.bytes", "orig_ip_bytes"), ("destination.bytes", "resp_ip_bytes")):
        said, most = event.get(key), event.get(native + name)
        if isinstance(said, int) and isinstance(most, int):
            event[key] = min(said, most)


def _totals(event: Event) -> None:
    sent, received = event.get("source.bytes"), event.get("destination.bytes")
    if isinstance(sent, int) and isinstance(received, int):
        event.setdefault("network.bytes", sent + received)
    seconds = event.get("zeek.conn.duration")
    if isinstance(seconds, int | float) and 0 <= seconds < 1e9:
        event.setdefault("event.duration", round(seconds * 1_000_000_000))
