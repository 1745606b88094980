"""The second opinion: tshark reads our fixtures, and finds what our parsers find."""

from __future__ import annotations

import importlib
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

from collector.protocols.model import Protocol, Side
from tests.collector.protocols.captures import entries
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


@pytest.mark.corpora
def test_tshark_sees_the_same_files_opened_and_deleted(corpora: Path) -> None:
    file = corpora / "ndpi" / "pcap" / "smb_deletefile.pcap"
    told = [entry.log for entry in entries(file) if entry.log.path == "smb_files"]
    opened = {str(log.fields["name"]) for log in told if log.fields["action"] == "SMB::FILE_OPEN"}
    seen = {name for row in _tshark(file, ["smb2.filename"], "smb2.cmd == 5") for name in row.get("smb2.filename", ())}
    assert len(opened) > 10
    assert opened <= seen
    assert [log.fields["name"] for log in told if log.fields["action"] == "SMB::FILE_DELETE"] == [
        "Luca\\Downloads\\innosetup-5.6.1.exe"
    ]
