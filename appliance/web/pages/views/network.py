"""What the network sensor saw, in a line: who did what with whom, by the log that tells it (Zeek's names)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Sentence(NamedTuple):
    """A key of the catalogue, the fields that name the target (the other end when none is there), and the detail's."""

    key: str
    target: tuple[str, ...] = ()
    detail: tuple[str, ...] = ()


ACTOR = ("source.ip", "zeek.notice.src", "source.mac")
"""Fields that name who did it."""
PREFIX = "zeek."
SENTENCES: Mapping[str, Sentence] = MappingProxyType(
    {
        "conn": Sentence("event.connects", detail=("network.protocol", "zeek.conn.proto", "network.transport")),
        "conn_long": Sentence("event.net.still", detail=("network.protocol", "network.transport")),
        "dns": Sentence("event.net.dns", ("dns.question.name",), ("dns.answers.data", "dns.response_code")),
        "http": Sentence("event.net.http", ("url.full", "url.domain"), ("http.request.method",)),
        "ssl": Sentence("event.net.tls", ("tls.client.server_name",), ("tls.version",)),
        "x509": Sentence("event.net.certificate", ("x509.subject.distinguished_name",)),
        "ssh": Sentence("event.net.ssh", detail=("zeek.ssh.client",)),
        "rdp": Sentence("event.net.rdp", detail=("zeek.rdp.cookie",)),
        "smb_files": Sentence("event.net.file", ("file.path", "file.name"), ("event.action",)),
        "smb_mapping": Sentence("event.net.share", ("file.path", "zeek.smb_mapping.path")),
        "kerberos": Sentence("event.net.ticket", ("zeek.kerberos.service",), ("zeek.kerberos.error_msg",)),
        "dhcp": Sentence("event.net.dhcp", ("source.domain", "source.mac"), ("zeek.dhcp.msg_types",)),
        "arp": Sentence("event.net.arp", detail=("zeek.arp.op",)),
        "weird": Sentence("event.net.weird", ("zeek.weird.name",), ("zeek.weird.source",)),
        "notice": Sentence("event.net.notice", ("rule.name",), ("message",)),
    }
)
"""By the log's name; any other log is `OTHER`."""
OTHER = Sentence("event.net.other")


def sentence(dataset: str) -> Sentence | None:
    """Return what a data set's events say, None for one that is not of the network."""
    if not dataset.startswith(PREFIX):
        return None
    return SENTENCES.get(dataset.removeprefix(PREFIX), OTHER)
