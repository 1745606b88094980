"""The second opinion: tshark reads our fixtures and the shared captures, and finds what our parsers find."""

from __future__ import annotations

import contextlib
import importlib
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Padding, Raw
from scapy.utils import PcapReader, wrpcap

from collector.protocols import arp
from collector.protocols.model import Conversation, Flow, Log, Malformed, Protocol, Side
from tests.collector.protocols.talk import Talk, run, talks

_CIPHERS = {"18": "aes256-cts-hmac-sha1-96", "23": "rc4-hmac"}
_SEVERITIES = {"2": "CRIT", "5": "NOTICE"}
#: Protocol, our log and its field, tshark's fields of the same meaning, and what makes our text of tshark's.
FIELDS: tuple[tuple[str, str, str, str, Callable[[str], str]], ...] = (
    ("dhcp", "dhcp", "host_name", "dhcp.option.hostname", str),
    ("dhcp", "dhcp", "server_addr", "dhcp.option.dhcp_server_id", str),
    ("dhcpv6", "dhcpv6", "assigned_addr", "dhcpv6.iaaddr.ip", str),
    ("smb", "smb_mapping", "path", "smb2.tree smb.path", str),
    ("smb", "ntlm", "username", "ntlmssp.auth.username", str),
    ("smb", "ntlm", "hostname", "ntlmssp.auth.hostname", str),
    ("smb", "smb_files", "prev_name", "smb2.filename smb.file", lambda text: text.removeprefix("\\")),
    ("kerberos", "kerberos", "cipher", "kerberos.etype", lambda text: _CIPHERS.get(text, "")),
    ("ldap", "ldap_search", "base_object", "ldap.baseObject", str),
    ("ldap", "ldap", "object", "ldap.name ldap.object ldap.requestName", str),
    ("rdp", "rdp", "cookie", "rdp.rt_cookie", lambda text: text.strip().rpartition("=")[2]),
    ("rdp", "rdp", "client_name", "rdp.client.name", str),
    ("ftp", "ftp", "arg", "ftp.request.arg", str),
    ("smtp", "smtp", "mailfrom", "smtp.req.parameter", lambda text: text.partition("<")[2].partition(">")[0]),
    ("sip", "sip", "uri", "sip.r-uri", str),
    ("sip", "sip", "user_agent", "sip.User-Agent sip.Server", str),
    ("snmp", "snmp", "oid", "snmp.name", str),
    ("modbus", "modbus", "address", "modbus.reference_num", str),
    ("s7", "s7comm", "function_code", "s7comm.param.func", lambda text: str(int(text, 16))),
    ("mqtt", "mqtt_publish", "topic", "mqtt.topic", str),
    ("mqtt", "mqtt_connect", "client_id", "mqtt.clientid", str),
    ("tftp", "tftp", "fname", "tftp.source_file tftp.destination_file", str),
    ("ntp", "ntp", "stratum", "ntp.stratum", str),
    ("radius", "radius", "username", "radius.User_Name", str),
    ("syslog", "syslog", "severity", "syslog.level", lambda text: _SEVERITIES.get(text, "")),
)


def _packets(talk: Talk) -> Iterator[Packet]:
    """The turns of a conversation as packets, segments of 1400 bytes each."""
    sent, flow = [1, 1], talk.flow
    for side, data in talk.turns:
        ends = ((flow.orig_h, flow.orig_p), (flow.resp_h, flow.resp_p))
        (src, sport), (dst, dport) = ends if side is Side.ORIG else reversed(ends)
        link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=src, dst=dst)
        if flow.transport == "udp":
            yield link / UDP(sport=sport, dport=dport) / Raw(data)
            continue
        for at in range(0, len(data), 1400):
            part = data[at : at + 1400]
            head = TCP(sport=sport, dport=dport, seq=sent[side], ack=sent[1 - side], flags="PA")
            yield link / head / Raw(part)
            sent[side] += len(part)


def _tshark(file: Path, fields: Iterable[str], only: str = "") -> list[dict[str, list[str]]]:
    """The values of fields in each packet, by field."""
    names = list(fields)
    command = ["tshark", "-n", "-r", str(file), "-T", "fields", "-E", "aggregator=|", *(["-Y", only] if only else [])]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [
        {name: part.split("|") for name, part in zip(names, line.split("\t"), strict=True) if part}
        for line in done.stdout.split("\n")
        if line
    ]


def _parser(name: str) -> Protocol:
    found = importlib.import_module(f"collector.protocols.{name}").PROTOCOL
    assert isinstance(found, Protocol)
    return found


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What tshark finds in all our fixtures: field -> values."""
    file = tmp_path_factory.mktemp("captures") / "all.pcap"
    names = sorted({row[0] for row in FIELDS})
    wrpcap(str(file), [packet for name in names for talk in talks(name) for packet in _packets(talk)])
    found: dict[str, set[str]] = {}
    fields = {field for row in FIELDS for field in row[3].split()}
    for row in _tshark(file, fields):
        for field, values in row.items():
            found.setdefault(field, set()).update(values)
    return found


def _named(value: object) -> str:
    """A name that is the same in every process: functions have none of their own."""
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("name", "path", "ours", "theirs", "read"), FIELDS, ids=_named)
def test_tshark_reads_the_same_of_our_fixtures(
    second: dict[str, set[str]], name: str, path: str, ours: str, theirs: str, read: Callable[[str], str]
) -> None:
    protocol = _parser(name)
    told = {
        str(log.fields[ours])
        for talk in talks(name)
        for log in run(protocol, talk.flow, talk.turns)
        if log.path == path and log.fields.get(ours, "") != ""
    }
    assert told
    assert told <= {read(value) for field in theirs.split() for value in second.get(field, ())}


#: Shared capture, parser, our logs that count, and tshark's filter of the same packets.
COUNTS: tuple[tuple[str, str, Callable[[Log], bool], str], ...] = (
    ("ja4/pcap/dhcp.pcapng", "dhcp", lambda _: True, "dhcp.option.dhcp"),
    ("ndpi/pcap/signal.pcap", "dhcp", lambda _: True, "dhcp.option.dhcp"),
    ("ja4/pcap/dhcpv6.pcap", "dhcpv6", lambda _: True, "dhcpv6"),
    ("ndpi/pcap/sip_hello.pcapng", "sip", lambda log: "uri" in log.fields, "sip.Method"),
    # The first two requests have no name: tshark shows them, we call them malformed.
    ("ndpi/pcap/tftp.pcap", "tftp", lambda log: "wrq" in log.fields, "tftp.opcode in {1,2} && frame.number > 2"),
    ("ndpi/pcap/rdp_over_tls.pcap", "rdp", lambda _: True, "rdp.neg_type == 2"),
    ("ndpi/pcap/kerberos-error.pcap", "kerberos", lambda log: "success" in log.fields, "kerberos.msg_type == 30"),
)


def _conversations(file: Path, protocol: Protocol) -> Iterator[Log]:
    """What a parser tells of a capture; segments that come again are left out, none of these captures needs more."""
    flows: dict[tuple[str, int, str, int], Conversation | None] = {}
    seen: set[tuple[str, int, str, int, int]] = set()
    with PcapReader(str(file)) as packets:
        for number, packet in enumerate(packets, 1):
            net: Any = packet.getlayer(IP) or packet.getlayer(IPv6)
            port: Any = packet.getlayer(TCP) or packet.getlayer(UDP)
            data = bytes(port.payload) if net and port and not isinstance(port.payload, Padding) else b""
            key = (str(net.src), int(port.sport), str(net.dst), int(port.dport)) if data else ("", 0, "", 0)
            mark = (*key, int(port.seq)) if data and isinstance(port, TCP) else (*key, -number)
            if not data or mark in seen:
                continue
            seen.add(mark)
            back = key[2:] + key[:2]
            side = Side.RESP if back in flows else Side.ORIG
            if side is Side.ORIG and key not in flows:
                wanted = protocol.recognises(side, data) or key[3] in protocol.ports
                transport = "tcp" if isinstance(port, TCP) else "udp"
                flows[key] = protocol.open(Flow(*key, transport)) if wanted else None
            parser = flows[back if side is Side.RESP else key]
            with contextlib.suppress(Malformed):
                yield from parser.feed(side, number, data) if parser and not parser.done else ()
    for parser in flows.values():
        yield from parser.close(0) if parser else ()


@pytest.mark.corpora
@pytest.mark.parametrize(("capture", "name", "counts", "theirs"), COUNTS, ids=_named)
def test_tshark_counts_the_same_in_shared_captures(
    corpora: Path, capture: str, name: str, counts: Callable[[Log], bool], theirs: str
) -> None:
    told = sum(counts(log) for log in _conversations(corpora / capture, _parser(name)))
    found = len(_tshark(corpora / capture, ["frame.number"], theirs))
    assert found
    assert told == found


@pytest.mark.corpora
@pytest.mark.parametrize("capture", ["tcp_scan.pcapng", "coap_mqtt.pcap"])
def test_tshark_counts_the_same_questions_for_addresses(corpora: Path, capture: str) -> None:
    file = corpora / "ndpi" / "pcap" / capture
    with PcapReader(str(file)) as packets:
        told = sum(len(arp.read(1, bytes(packet[ARP]))) for packet in packets if ARP in packet)
    assert told == len(_tshark(file, ["frame.number"], "arp.opcode in {1,2}"))


@pytest.mark.corpora
def test_tshark_sees_the_same_files_opened_and_deleted(corpora: Path) -> None:
    file = corpora / "ndpi" / "pcap" / "smb_deletefile.pcap"
    told = [log for log in _conversations(file, _parser("smb")) if log.path == "smb_files"]
    opened = {str(log.fields["name"]) for log in told if log.fields["action"] == "SMB::FILE_OPEN"}
    seen = {name for row in _tshark(file, ["smb2.filename"], "smb2.cmd == 5") for name in row.get("smb2.filename", ())}
    assert len(opened) > 10
    assert opened <= seen
    assert [log.fields["name"] for log in told if log.fields["action"] == "SMB::FILE_DELETE"] == [
        "Luca\\Downloads\\innosetup-5.6.1.exe"
    ]
