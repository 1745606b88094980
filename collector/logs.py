"""Logs as Zeek writes them: one JSON object a line, streaming form (`_path`, `ts` in seconds)."""

from __future__ import annotations

import json

import orjson

from collector.heads.head import Entry
from collector.protocols.model import Value

#: The logs that the sensor writes.
LOGS = frozenset({
    "arp", "cdp", "conn", "conn_long", "dce_rpc", "dhcp", "dhcpv6", "dns", "files", "ftp", "http", "imap", "kerberos",
    "ldap", "ldap_search", "lldp", "modbus", "mqtt_connect", "mqtt_publish", "mqtt_subscribe", "nd", "notice", "ntlm",
    "ntp", "pop3", "printer", "radius", "rdp", "rtp", "s7comm", "sip", "smb_cmd", "smb_files", "smb_mapping", "smtp",
    "snmp", "socks", "ssdp", "ssh", "ssl", "syslog", "telnet", "tftp", "weird", "x509",
})  # fmt: skip
Record = dict[str, Value]
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def record(entry: Entry) -> Record:
    """Return a log with what all logs of its flow have in common."""
    log, flow = entry.log, entry.flow
    found: Record = {"_path": log.path, "ts": log.at / 1_000_000}
    if entry.uid:
        found["uid"] = entry.uid
    if flow is not None:
        found["id.orig_h"] = flow.orig_h
        found["id.orig_p"] = flow.orig_p
        found["id.resp_h"] = flow.resp_h
        found["id.resp_p"] = flow.resp_p
    found.update(log.fields)
    return found


def line(entry: Entry) -> str:
    """Return a log as a line, without its end."""
    found = record(entry)
    try:
        return orjson.dumps(found).decode()
    except TypeError:  # integers past 64 bits
        return _encoder.encode(found)
