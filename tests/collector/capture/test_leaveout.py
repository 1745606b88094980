"""Rules of what is left out: the kernel's program, the columns and a plain reading of each frame say the same."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1Q, Ether

from collector.capture.batch import Link
from collector.capture.bpf import attach, compiled
from collector.capture.leaveout import MAX_RULES, BadRule, LeaveOut, Rule, fitting, read_rules
from tests.collector.packets import batch

MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
_HOSTS = ("10.0.0.1", "10.0.0.2", "10.9.0.7", "192.168.1.1")
_SIX = ("fd00::1", "fd00::2", "2001:db8:0:1::9")
_PORTS = (53, 443, 3260, 40000)
_TAGS = (0x8100, 0x88A8, 0x9100)


def _expected(frame: bytes, texts: list[str], link: int) -> bool:
    """Tell whether a rule fits, reading a frame as the documentation says."""
    vlans, kind, packet = _peeled(frame) if link == Link.ETHERNET else (set(), 0, frame)
    version = packet[0] >> 4 if packet else 0
    if link == Link.ETHERNET and kind != {4: 0x800, 6: 0x86DD}.get(version):
        version = 0
    hosts, ports = _ends(version, packet)
    return any(_fits(dict(part.split("=") for part in text.split(",")), vlans, hosts, ports) for text in texts)


def _peeled(frame: bytes) -> tuple[set[int], int, bytes]:
    if len(frame) < 14:
        return set(), 0, b""
    (kind,), rest, vlans = struct.unpack_from("!H", frame, 12), frame[14:], set()
    for _ in range(2):
        if kind in _TAGS and len(rest) >= 4:
            tag, kind = struct.unpack_from("!HH", rest)
            vlans.add(tag & 0xFFF)
            rest = rest[4:]
    return vlans, kind, rest


def _ends(version: int, packet: bytes) -> tuple[list[bytes], set[int]]:
    if version == 4 and len(packet) >= 20:
        hosts, proto, at = [packet[12:16], packet[16:20]], packet[9], packet[0] % 16 * 4
        if struct.unpack_from("!H", packet, 6)[0] & 0x1FFF:
            return hosts, set()
    elif version == 6 and len(packet) >= 40:
        hosts, proto, at = [packet[8:24], packet[24:40]], packet[6], 40
    else:
        return [], set()
    ported = proto in {6, 17, 132} and len(packet) >= at + 4
    return hosts, set(struct.unpack_from("!HH", packet, at)) if ported else set()


def _fits(wanted: dict[str, str], vlans: set[int], hosts: list[bytes], ports: set[int]) -> bool:
    if int(wanted.get("vlan", -1)) not in {*vlans, -1} or int(wanted.get("port", -1)) not in {*ports, -1}:
        return False
    network = ip_network(wanted["host"], strict=False) if "host" in wanted else None
    return network is None or any(ip_address(host) in network for host in hosts)


def _kernel(frames: list[bytes], rules: tuple[Rule, ...], link: int) -> list[bool]:
    """Ask the kernel which frames are left out: its filter holds for every socket."""
    ours, filtered = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, filtered:
        filtered.setblocking(False)
        attach(filtered, compiled(rules, link))
        gone = []
        for frame in frames:
            ours.send(frame)
            try:
                gone.append(filtered.recv(1 << 16) != frame)
            except BlockingIOError:
                gone.append(True)
    return gone


def _tagged(frame: bytes, tags: list[tuple[int, int]]) -> bytes:
    return frame[:12] + b"".join(struct.pack("!HH", kind, tag) for kind, tag in tags) + frame[12:]


_ports = st.sampled_from(_PORTS)
_four = st.builds(
    lambda source, target, ports, proto, fragment, options: bytes(
        IP(src=source, dst=target, proto=proto, frag=fragment, options=options)
    )
    + struct.pack("!HH", *ports)
    + bytes(16),
    st.sampled_from(_HOSTS), st.sampled_from(_HOSTS), st.tuples(_ports, _ports),
    st.sampled_from((6, 17, 132, 1, 47)), st.sampled_from((0, 0, 7)), st.sampled_from(([], [IPOption_NOP()] * 8)),
)  # fmt: skip
_six = st.builds(
    lambda source, target, ports, proto: bytes(IPv6(src=source, dst=target, nh=proto))
    + struct.pack("!HH", *ports)
    + bytes(16),
    st.sampled_from(_SIX), st.sampled_from(_SIX), st.tuples(_ports, _ports), st.sampled_from((6, 17, 58, 0)),
)  # fmt: skip
_packets = st.one_of(_four, _six)
_tags = st.lists(st.tuples(st.sampled_from(_TAGS), st.integers(0, 0xFFFF).map(lambda tag: tag & 0xE003)), max_size=3)
_frames = st.builds(
    lambda packet, tags, lie: _tagged(
        bytes(12) + (b"\x08\x00" if (packet[0] >> 4 == 4) != lie else b"\x86\xdd") + packet, tags
    ),
    _packets, _tags, st.sampled_from((False, False, False, True)),
)  # fmt: skip
_rules = st.lists(
    st.builds(
        lambda host, vlan, port: ",".join(part for part in (host, vlan, port) if part),
        st.sampled_from(("", *(f"host={host}" for host in (*_HOSTS, *_SIX)), "host=10.0.0.0/8", "host=fd00::/12",
                         "host=2001:db8::/33", "host=0.0.0.0/0", "host=::/0")),
        st.sampled_from(("", "vlan=0", "vlan=1", "vlan=2")),
        st.sampled_from(("", *(f"port={port}" for port in _PORTS))),
    ).filter(bool), min_size=1, max_size=4,
)  # fmt: skip


@given(st.lists(st.tuples(_frames, st.integers(1, 90)), min_size=1, max_size=6), _rules)
def test_kernel_and_columns_leave_out_what_the_rules_say(cut: list[tuple[bytes, int]], texts: list[str]) -> None:
    frames = [frame[:length] for frame, length in cut]
    expected = [_expected(frame, texts, Link.ETHERNET) for frame in frames]
    assert fitting(batch(frames), read_rules(texts)).tolist() == expected
    assert _kernel(frames, read_rules(texts), Link.ETHERNET) == expected


@given(st.lists(st.tuples(_packets, st.integers(1, 70)), min_size=1, max_size=6), _rules)
def test_the_same_on_cards_without_a_link_header(cut: list[tuple[bytes, int]], texts: list[str]) -> None:
    packets = [packet[:length] for packet, length in cut]
    expected = [_expected(packet, texts, Link.RAW) for packet in packets]
    assert fitting(batch(packets, link=Link.RAW), read_rules(texts)).tolist() == expected
    assert _kernel(packets, read_rules(texts), Link.RAW) == expected


def test_a_host_a_vlan_a_port_and_all_of_them() -> None:
    there = {"src": "10.0.0.1", "dst": "10.0.0.2"}
    plain, other = MAC / IP(**there) / TCP(dport=443), MAC / IP(src="10.0.0.3", dst="10.0.0.4") / UDP(dport=53)
    tagged = MAC / Dot1Q(vlan=40) / IP(**there) / TCP(dport=3260)
    six = MAC / IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrHopByHop() / TCP(dport=443)
    frames = batch([plain, other, tagged, six])
    left = {
        "host=10.0.0.2": [True, False, True, False],
        "host=fd00::/8": [False, False, False, True],
        "vlan=40": [False, False, True, False],
        "port=443": [True, False, False, False],  # ports behind extension headers are not looked for
        "host=10.0.0.0/24,port=53": [False, True, False, False],
        "host=10.0.0.1, vlan=40, port=443": [False] * 4,
    }
    for text, expected in left.items():
        assert fitting(frames, read_rules([text])).tolist() == expected, text


def test_the_tag_that_a_card_took_off_counts() -> None:
    frames = batch([MAC / IP(src="10.0.0.1", dst="10.0.0.2") / TCP()], vlan=40)
    assert fitting(frames, read_rules(["vlan=40"])).tolist() == [True]


def test_what_is_kept_keeps_its_columns_and_the_rest_is_counted() -> None:
    frames = batch([MAC / IP(src="10.0.0.1", dst=f"10.0.0.{last}") / TCP() for last in (2, 3, 4)])
    leave_out = LeaveOut(read_rules(["host=10.0.0.3"]))
    kept = leave_out.kept(frames)
    assert kept.at.tolist() == frames.at[[0, 2]].tolist()
    assert kept.start.tolist() == frames.start[[0, 2]].tolist()
    assert leave_out.frames == 1
    assert LeaveOut(()).kept(frames) is frames


@pytest.mark.parametrize(
    "text", ["", "host=", "host=urzad", "vlan=4096", "vlan=-1", "port=65536", "port=ssh", "mac=02:00:00:00:00:01", "40"]
)
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRule):
        read_rules([text])


def test_rules_are_bounded_and_the_kernel_takes_as_many_as_there_may_be() -> None:
    longest = [f"host=fd00:1:2:3:4:5:6:{number:x},vlan=40,port=3260" for number in range(MAX_RULES)]
    frame = bytes(MAC / Dot1Q(vlan=40) / IPv6(src="fd00::9", dst="fd00:1:2:3:4:5:6:3f") / TCP(dport=3260))
    assert _kernel([frame, frame[:-41]], read_rules(longest), Link.ETHERNET) == [True, False]
    with pytest.raises(BadRule):
        read_rules([*longest, "vlan=1"])
