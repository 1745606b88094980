"""What a handshake says, as Zeek's ssl.log and x509.log."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from collector.protocols.model import Log, Malformed, Value
from collector.protocols.tls import codes
from collector.protocols.tls.ciphers import cipher_name
from collector.protocols.tls.fingerprints import ja3, ja3s, ja4
from collector.protocols.tls.handshake import Facts
from collector.protocols.tls.hello import ClientHello, ServerHello
from collector.protocols.x509 import trust
from collector.protocols.x509.certificate import Certificate, fingerprint, read
from collector.protocols.x509.names import common_name

MAX_HOST = 255
_UNREADABLE = (Malformed, IndexError, ValueError, struct.error)


def report(facts: Facts, *, established: bool, resumed: bool, alert: int | None, transport: str) -> list[Log]:
    """Return one log of the handshake and one for each certificate; `transport` is that of ja4."""
    if not facts.began:
        return []
    fields: dict[str, Value] = {"established": established, "resumed": resumed}
    if facts.client:
        fields |= _client(facts.client, transport)
    if facts.server:
        fields |= _server(facts.server, facts.server.group or facts.group)
    if facts.first_answer:
        fields["ja3s"] = ja3s(facts.first_answer)
    if alert is not None:
        fields["last_alert"] = codes.ALERTS.get(alert, f"unknown-{alert}")
    logs = [Log("ssl", facts.began, fields)]
    logs += _chain(facts, fields, facts.server_chain, "", "host_cert")
    logs += _chain(facts, fields, facts.client_chain, "client_", "client_cert")
    return logs


def host(name: bytes) -> str:
    """Return a host name as text, what is not printable escaped."""
    text = name[:MAX_HOST].decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _client(hello: ClientHello, transport: str) -> dict[str, Value]:
    fields: dict[str, Value] = {} if hello.old else {"ja3": ja3(hello), "ja4": ja4(hello, transport)}
    if hello.server_name:
        fields["server_name"] = host(hello.server_name)
    if hello.hidden:
        fields["ech"] = True
    return fields


def _server(hello: ServerHello, group: int | None) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "version": codes.version_name(hello.version),
        "cipher": cipher_name(hello.cipher),
    }
    if group is not None:
        fields["curve"] = codes.GROUPS.get(group, f"unknown-{group}")
    if hello.alpn:
        fields["next_protocol"] = host(hello.alpn)
    return fields


def _chain(facts: Facts, fields: dict[str, Value], chain: Sequence[bytes], prefix: str, mark: str) -> list[Log]:
    if not chain:
        return []
    fields[f"{prefix}cert_chain_fps"] = [fingerprint(der) for der in chain]
    logs: list[Log] = []
    status = "" if prefix else _status(facts, chain)
    if status:
        fields["validation_status"] = status
    for number, der in enumerate(chain):
        try:
            found = read(der)
        except _UNREADABLE:
            logs.append(Log("weird", facts.began, {"name": "x509_unreadable"}))
            continue
        if number == 0:
            fields[f"{prefix}subject"], fields[f"{prefix}issuer"] = found.subject, found.issuer
            if not prefix:
                _judge(facts, fields, found)
        told: dict[str, Value] = {**found.fields, mark: number == 0}
        if status and number == 0:
            told["validation_status"] = status
        logs.append(Log("x509", facts.began, told))
    return logs


def _status(facts: Facts, chain: Sequence[bytes]) -> str:
    """Return what is to be said of a chain, empty where nothing can be."""
    try:
        return trust.used().status(chain, facts.began // 1_000_000)
    except _UNREADABLE:
        return ""


def _judge(facts: Facts, fields: dict[str, Value], found: Certificate) -> None:
    """Say whether a certificate is for the name that was asked for."""
    name = facts.client.server_name if facts.client else None
    if name:
        names = found.names or (common_name(found.subject),)
        fields["sni_matches_cert"] = any(matches(host(name).lower(), pattern.lower()) for pattern in names)


def matches(name: str, pattern: str) -> bool:
    """Tell whether a host name is one that a certificate is for (RFC 9525, 6.3); both in lower case."""
    if pattern.startswith("*."):
        first, _, rest = name.partition(".")
        return bool(first) and rest == pattern[2:]
    return name == pattern
