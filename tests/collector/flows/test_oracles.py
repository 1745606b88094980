"""The flow table against other programs on the public captures: tshark's packets, nDPI's flow lines."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.capture.files import CaptureFile
from collector.watch import Watch

EXPLAINED = {
    "gre-erspan-vxlan.pcap",
    "ipv6_in_gtp.pcap",
    "reasm_crash_anon.pcapng",
    "sflow.pcap",
    "fuzz-2021-10-13.pcap",
}
"""Captures in which another program counts otherwise; docs/sensor.md says why."""
SAMPLE = 12
"""tshark takes a second to start: each so many-th capture is compared."""
pytestmark = pytest.mark.corpora
Key = tuple[str, frozenset[tuple[str, str]]]
FIELDS = (
    "ip.src", "ip.dst", "ip.len", "ipv6.src", "ipv6.dst", "ipv6.plen",
    "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport",
)  # fmt: skip
_NDPI = re.compile(
    r"^\t\d+\t(TCP|UDP) (\S+):(\d+) (?:<->|->) (\S+):(\d+) .*?\[(\d+) pkts/\d+ bytes (?:<->|->) (\d+) pkts/",
    re.MULTILINE,
)


def _captures(corpora: Path) -> Iterator[Path]:
    for path in sorted(corpora.glob("*/pcap/*")):
        if path.suffix in {".pcap", ".pcapng", ".cap"}:
            yield path


def _ours(path: Path) -> tuple[Counter[Key], Counter[Key]]:
    """Return packets and IP bytes by ends, of TCP and UDP; a port that was used again counts together."""
    packets: Counter[Key] = Counter()
    sizes: Counter[Key] = Counter()
    watch = Watch(())
    with path.open("rb") as stream:
        entries = [entry for batch in CaptureFile(stream) for entry in watch.take(batch)]
    for entry in [*entries, *watch.finish()]:
        fields, flow = entry.log.fields, entry.flow
        if entry.log.path == "conn" and flow is not None and fields["proto"] in {"tcp", "udp"}:
            ends = frozenset({(flow.orig_h, str(flow.orig_p)), (flow.resp_h, str(flow.resp_p))})
            packets[str(fields["proto"]), ends] += sum(int(str(fields[name])) for name in ("orig_pkts", "resp_pkts"))
            sizes[str(fields["proto"]), ends] += sum(int(str(fields[n])) for n in ("orig_ip_bytes", "resp_ip_bytes"))
    return packets, sizes


def _tshark(path: Path) -> tuple[Counter[Key], Counter[Key]]:
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=l"]
    command += ["-Y", "(tcp or udp) and not icmp and not icmpv6"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    packets: Counter[Key] = Counter()
    sizes: Counter[Key] = Counter()
    for line in done.stdout.splitlines():
        four_s, four_d, four_len, six_s, six_d, six_len, *ports = line.split("\t")
        # Of a tunnel the last address is the inner one, whichever family it has.
        proto, source, target = ("tcp", ports[0], ports[1]) if ports[0] else ("udp", ports[2], ports[3])
        size = int(six_len) + 40 if six_len else int(four_len or 0)
        ends = frozenset({(six_s or four_s, source), (six_d or four_d, target)})
        packets[proto, ends] += 1
        sizes[proto, ends] += size
    return packets, sizes


def _as_ndpi(packets: Counter[Key]) -> Counter[Key]:
    """Shorten a single zero of IPv6 as nDPI does, against RFC 5952."""
    found: Counter[Key] = Counter()
    for (proto, ends), count in packets.items():
        found[proto, frozenset((re.sub(r":(0:)+", "::", address), port) for address, port in ends)] += count
    return found


def _ndpi(path: Path) -> Counter[Key]:
    packets: Counter[Key] = Counter()
    for proto, source, sport, target, dport, sent, received in _NDPI.findall(path.read_text("utf-8", "replace")):
        ends = frozenset({(source.strip("[]"), sport), (target.strip("[]"), dport)})
        packets[proto.lower(), ends] += int(sent) + int(received)
    return packets


def _agreement(name: str, ours: Counter[Key], theirs: Counter[Key], other: list[str]) -> tuple[int, int]:
    same = 0
    for key, count in theirs.items():
        if ours.get(key) == count:
            same += 1
        else:
            other.append(f"{name} {key[0]} {sorted(key[1])}: {ours.get(key)} here, {count} there")
    return same, len(theirs)


def test_tshark_counts_the_same_packets_and_bytes(corpora: Path) -> None:
    same = [0, 0]
    total = [0, 0]
    other: list[str] = []
    for path in list(_captures(corpora))[::SAMPLE]:
        for place, (ours, theirs) in enumerate(zip(_ours(path), _tshark(path), strict=True)):
            good, all_ = _agreement(path.name, ours, theirs, other)
            same[place] += good
            total[place] += all_
    assert min(total) > 20
    unexplained = [line for line in other if line.split()[0] not in EXPLAINED]
    assert not unexplained, (same, total, "\n".join(unexplained))


def test_ndpi_counts_the_same_packets(corpora: Path) -> None:
    same = total = 0
    other: list[str] = []
    for path in _captures(corpora):
        result = corpora / "ndpi" / "result" / f"{path.name}.out"
        if path.parts[-3] == "ndpi" and result.is_file():
            good, all_ = _agreement(path.name, _as_ndpi(_ours(path)[0]), _as_ndpi(_ndpi(result)), other)
            same += good
            total += all_
    assert total > 500
    assert same / total >= 0.99, (same, total, "\n".join(other))
    assert {line.split()[0] for line in other} <= EXPLAINED
