"""tshark's counts in the shared captures: flows of each protocol and messages of those that have them.

Of each capture both counts must be within one percent (and be of the same flows), or stand in `tshark_differences.yaml`
with both figures and a reason.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from collector.heads.head import Entry
from collector.protocols.model import Log
from collector.protocols.registry import PROTOCOLS
from tests.collector.protocols.captures import entries

pytestmark = pytest.mark.corpora
Ends = frozenset[tuple[str, str]]
Row = Mapping[str, list[str]]
LISTED: dict[str, dict[str, dict[str, tuple[int, int]]]] = yaml.safe_load(
    Path(__file__).with_name("tshark_differences.yaml").read_text("utf-8")
)
COMPARED = 300
"""So many counts are compared."""
FIELDS = (
    "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport",
    "udp.dstport", "dns.flags.response", "dns.count.queries", "nbns.flags.response", "nbns.count.queries",
    "tls.handshake.certificate_length", "dtls.handshake.certificate_length", "http.request.method",
    "http.response.code", "arp.opcode", "icmpv6.type", "dhcp.option.dhcp", "dhcpv6.msgtype", "smb2.cmd",
    "smb2.flags.response", "smb2.nt_status", "ntlmssp.messagetype", "kerberos.msg_type", "sip.Method",
    "sip.Status-Code", "mqtt.msgtype", "tftp.opcode", "ntp.flags.mode", "rdp.neg_type",
)  # fmt: skip
#: A message counts where its head is, though its body is not whole; segments are put in order first.
OPTIONS = ("-o", "http.desegment_body:FALSE", "-o", "tcp.reassemble_out_of_order:TRUE")
_ADDRESSES = (("ip.src", "ip.dst"), ("ipv6.src", "ipv6.dst"))
#: Services of ours, and how tshark calls the same in the list of a packet's protocols.
SERVICES: Mapping[str, tuple[str, ...]] = {
    "dns": ("dns", "mdns", "llmnr", "nbns"),
    "ssl": ("tls",),
    "dtls": ("dtls",),
    "quic": ("quic", "gquic"),
    "http": ("http",),
    "ssh": ("ssh",),
    "dhcp": ("dhcp",),
    "dhcpv6": ("dhcpv6",),
    "smb": ("smb", "smb2"),
    "dce_rpc": ("dcerpc",),
    "krb": ("kerberos",),
    "ldap": ("ldap", "cldap"),
    "rdp": ("rdp",),
    "ftp": ("ftp",),
    "ftp-data": ("ftp-data",),
    "smtp": ("smtp",),
    "pop3": ("pop",),
    "imap": ("imap",),
    "telnet": ("telnet",),
    "sip": ("sip",),
    "rtp": ("rtp",),
    "snmp": ("snmp",),
    "modbus": ("modbus",),
    "s7comm": ("s7comm",),
    "mqtt": ("mqtt",),
    "tftp": ("tftp",),
    "ntp": ("ntp",),
    "syslog": ("syslog",),
    "ssdp": ("ssdp",),
    "printer": ("lpd",),
    "radius": ("radius",),
    "postgresql": ("pgsql",),
    "mysql": ("mysql",),
    "socks": ("socks",),
}


class Messages(NamedTuple):
    """A kind of message: what of a log of ours makes it one, and how many tshark shows in a packet."""

    path: str
    ours: Callable[[Log], bool]
    theirs: Callable[[Row], int]


def _has(*names: str) -> Callable[[Log], bool]:
    return lambda log: all(name in log.fields for name in names)


def _count(field: str, *values: str) -> Callable[[Row], int]:
    """Count the occurrences of a field in a packet, of these values only where they are named."""
    return lambda row: sum(not values or value in values for value in row.get(field, ()))


def _sum(*counts: Callable[[Row], int]) -> Callable[[Row], int]:
    return lambda row: sum(count(row) for count in counts)


def _asked(row: Row) -> int:
    """Count the questions in messages that are no answers: multicast DNS asks several at once."""
    found = 0
    for name in ("dns", "nbns"):
        messages = zip(row.get(f"{name}.flags.response", ()), row.get(f"{name}.count.queries", ()), strict=False)
        found += sum(int(number) for response, number in messages if response in _FALSE)
    return found


def _over_tcp(count: Callable[[Row], int]) -> Callable[[Row], int]:
    return lambda row: count(row) if "tcp.srcport" in row else 0


def _opened(row: Row) -> int:
    """Count the answers of SMB 2 by which a file is open."""
    commands, responses = row.get("smb2.cmd", []), row.get("smb2.flags.response", [])
    answers = zip(commands, responses, row.get("smb2.nt_status", []), strict=False)
    return sum(command == "5" and response in _TRUE and int(status, 0) == 0 for command, response, status in answers)


_TRUE, _FALSE = ("1", "True"), ("0", "False")
MESSAGES: Mapping[str, Messages] = {
    "arp": Messages("arp", _has(), _count("arp.opcode", "1", "2")),
    "neighbour discovery": Messages("nd", _has(), _count("icmpv6.type", *map(str, range(133, 138)))),
    "DHCP": Messages("dhcp", _has(), _count("dhcp.option.dhcp")),
    "DHCPv6": Messages("dhcpv6", _has(), _count("dhcpv6.msgtype")),
    "questions of DNS": Messages("dns", lambda log: "rcode" not in log.fields or "rtt" in log.fields, _asked),
    "answers of DNS": Messages(
        "dns", _has("rcode"), _sum(_count("dns.flags.response", *_TRUE), _count("nbns.flags.response", *_TRUE))
    ),
    "HTTP requests": Messages("http", _has("method"), _over_tcp(_count("http.request.method"))),
    "HTTP answers": Messages("http", _has("status_code"), _over_tcp(_count("http.response.code"))),
    "certificates": Messages(
        "x509", _has(), _sum(_count("tls.handshake.certificate_length"), _count("dtls.handshake.certificate_length"))
    ),
    "files opened by SMB 2": Messages("smb_files", lambda log: log.fields["action"] == "SMB::FILE_OPEN", _opened),
    "sign-ins of NTLM": Messages("ntlm", _has(), _count("ntlmssp.messagetype", "0x00000003")),
    "answers of Kerberos": Messages("kerberos", _has("success"), _count("kerberos.msg_type", "11", "13", "30")),
    "requests of SIP": Messages("sip", _has("uri"), _count("sip.Method")),
    "answers of SIP": Messages("sip", _has("status_code"), _count("sip.Status-Code")),
    "MQTT sign-ins": Messages("mqtt_connect", _has(), _count("mqtt.msgtype", "1")),
    "TFTP requests": Messages("tftp", _has("wrq"), _count("tftp.opcode", "1", "2")),
    "RDP answers": Messages("rdp", _has(), _count("rdp.neg_type", "0x02")),
    "NTP": Messages("ntp", _has(), _count("ntp.flags.mode")),
}


class Pair(NamedTuple):
    """Ours and tshark's count, and how far they are apart: of flows as many as one of the two does not know."""

    ours: int
    theirs: int
    apart: int


Counts = dict[str, dict[str, Pair]]
"""By what is counted and capture."""


def _captures(corpora: Path) -> list[Path]:
    return sorted(path for path in corpora.glob("*/pcap/*") if path.suffix in {".pcap", ".pcapng", ".cap"})


def _tshark(file: Path) -> list[Row]:
    command = ["tshark", "-n", *OPTIONS, "-r", str(file), "-T", "fields", "-E", "aggregator=|"]
    for name in FIELDS:
        command += ["-e", name]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return [{name: cell.split("|") for name, cell in zip(FIELDS, row, strict=True) if cell} for row in rows]


def _ends(row: Row) -> Ends | None:
    """Return the ends of the flow that a packet belongs to, of a tunnel's inner one."""
    protocols = row.get("frame.protocols", [""])[0].split(":")
    if "icmp" in protocols or "icmpv6" in protocols:
        return None
    transport = next((name for name in ("tcp", "udp") if f"{name}.srcport" in row), None)
    family = next((pair for pair in reversed(_ADDRESSES) if pair[0] in row), None)
    if transport is None or family is None:
        return None
    places = zip(family, (f"{transport}.srcport", f"{transport}.dstport"), strict=True)
    return frozenset((row[host][-1], row[port][-1]) for host, port in places)


def _their_flows(rows: Iterable[Row]) -> dict[str, set[Ends]]:
    found: defaultdict[str, set[Ends]] = defaultdict(set)
    for row in rows:
        ends = _ends(row)
        protocols = set(row.get("frame.protocols", [""])[0].split(":"))
        for name, theirs in SERVICES.items():
            if ends is not None and not protocols.isdisjoint(theirs):
                found[name].add(ends)
    return found


def _our_flows(told: Iterable[Entry]) -> dict[str, set[Ends]]:
    found: defaultdict[str, set[Ends]] = defaultdict(set)
    for log, _, flow in told:
        if log.path == "conn" and flow is not None and "service" in log.fields:
            ends = frozenset({(flow.orig_h, str(flow.orig_p)), (flow.resp_h, str(flow.resp_p))})
            found[str(log.fields["service"])].add(ends)
    return found


def _flows(ours: set[Ends], theirs: set[Ends]) -> Pair:
    return Pair(len(ours), len(theirs), max(len(ours - theirs), len(theirs - ours)))


@cache
def compared(corpora: Path) -> Counts:
    """Return all counts that are not both zero."""
    files = _captures(corpora)
    found: Counts = defaultdict(dict)
    with ThreadPoolExecutor(2) as pool:
        for file, rows in zip(files, pool.map(_tshark, files), strict=True):
            told = entries(file)
            ours, theirs = _our_flows(told), _their_flows(rows)
            for name in SERVICES:
                found[f"flows of {name}"][file.name] = _flows(ours.get(name, set()), theirs.get(name, set()))
            for name, kind in MESSAGES.items():
                mine = sum(entry.log.path == kind.path and kind.ours(entry.log) for entry in told)
                shown = sum(map(kind.theirs, rows))
                found[name][file.name] = Pair(mine, shown, abs(mine - shown))
    return {name: {file: pair for file, pair in places.items() if any(pair)} for name, places in found.items()}


def _differences(counts: Counts) -> Iterator[tuple[str, str, int, int]]:
    for name, places in counts.items():
        for file, (ours, theirs, apart) in places.items():
            if apart > theirs / 100:
                yield name, file, ours, theirs


def test_every_service_is_compared() -> None:
    assert {protocol.name for protocol in PROTOCOLS} == SERVICES.keys()


def test_tshark_counts_the_same_or_it_is_listed_why(corpora: Path) -> None:
    counts = compared(corpora)
    listed = {
        (name, file, *pair)
        for name, reasons in LISTED.items()
        for places in reasons.values()
        for file, pair in places.items()
    }
    assert sum(map(len, counts.values())) == COMPARED
    assert set(_differences(counts)) == listed
