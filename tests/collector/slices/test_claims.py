"""The frames in which cards claim an address: held within bounds, and brought to the ring when it is disputed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from collector.analysers.bindings import Bindings
from collector.analysers.bounded import DAY
from collector.analysers.model import Analyser
from collector.analysers.servers import Servers
from collector.headers.parse import parse
from collector.heads.head import Entry
from collector.heads.linklayer import LinkLayer
from collector.protocols.model import Log
from collector.protocols.registry import PROTOCOLS
from collector.slices.claim import Claim, claim_of
from collector.slices.claims import CARDS, FOLLOWS, FRAMES, HELD, MOST, Claims
from collector.slices.cut import Cut, cut
from collector.slices.ring import Slices
from collector.watch import Watch
from tests.collector.analysers.test_servers import answer, learned
from tests.collector.packets import NOON, SECOND, accepted, asked, batch, claim, frames_of, lease, router
from tests.collector.slices.test_slices import MOST as ROOM
from tests.collector.slices.test_slices import ROOMY

GATEWAY, ROUTER, THIEF = "10.0.0.1", "00:0c:42:00:00:01", "08:00:27:00:00:66"


def seen(folder: Path, analysers: Sequence[Analyser], frames: Sequence[Any], apart: int = SECOND) -> list[Entry]:
    """Let a watch with a ring see frames, one a batch; return what was noticed."""
    slices = Slices(folder, ROOMY)
    watch = Watch(PROTOCOLS, analysers=analysers, slices=slices)
    found = [e for n, frame in enumerate(frames) for e in watch.take(batch([frame], [NOON + n * apart]))]
    found += watch.finish()
    slices.close()
    return [entry for entry in found if entry.log.path == "notice"]


def told(found: Cut | None) -> list[bytes]:
    assert found is not None
    frames, broken = frames_of(found.content)
    assert broken == ""
    assert [at for at, *_ in frames] == sorted(at for at, *_ in frames)
    return [frame for _, frame, _, _ in frames]


def test_a_stolen_gateway_has_the_claims_of_both_cards_before_and_after(tmp_path: Path) -> None:
    true, false = claim(GATEWAY, ROUTER), claim(GATEWAY, THIEF)
    frames = [lease("10.0.0.2", GATEWAY), true, claim("10.0.0.9", THIEF), *accepted("10.0.0.9", "10.0.0.2", 80), false]
    (noticed,) = seen(tmp_path, [Bindings()], [*frames, true, false])
    assert noticed.log.fields["note"] == "ARP::Binding_Changed"
    assert told(cut(tmp_path, noticed.uid, ROOM)) == [true, false, true, false]


def test_a_stranger_that_hands_out_addresses_or_routes_has_what_it_said(tmp_path: Path) -> None:
    office, rogue, route = lease("10.0.0.2", GATEWAY), lease("10.0.0.66", "10.0.0.66"), router(THIEF, "2001:db8::")
    frames = [office, claim("10.0.0.66", THIEF), rogue, route, office, rogue]
    dhcp, nd = seen(tmp_path, [learned(answer(0))], frames)
    assert told(cut(tmp_path, dhcp.uid, ROOM)) == [claim("10.0.0.66", THIEF), rogue, rogue]
    assert told(cut(tmp_path, nd.uid, ROOM)) == [route]
    assert dhcp.flow is not None
    assert dhcp.flow.orig_h == "10.0.0.66"


def test_a_stolen_neighbour_of_ipv6_has_its_claims(tmp_path: Path) -> None:
    def says(card: str) -> bytes:
        link = Ether(src=card, dst="33:33:00:00:00:01") / IPv6(src="fe80::1", dst="ff02::1")
        return bytes(link / ICMPv6ND_NA(tgt="fe80::1", O=1) / ICMPv6NDOptDstLLAddr(lladdr=card))

    frames = [router(ROUTER, "2001:db8::"), says(ROUTER), says(THIEF)]
    (noticed,) = seen(tmp_path, [Bindings()], frames)
    assert told(cut(tmp_path, noticed.uid, ROOM)) == frames[1:]


def test_what_goes_on_without_end_is_kept_up_to_a_bound(tmp_path: Path) -> None:
    frames = [lease("10.0.0.2", GATEWAY), claim(GATEWAY, ROUTER), *[claim(GATEWAY, THIEF)] * 100]
    noticed, *_ = seen(tmp_path, [Bindings()], frames)
    assert told(cut(tmp_path, noticed.uid, ROOM)) == frames[1 : 3 + FOLLOWS]
    # Ten minutes after what was noticed nothing of it follows any more.
    noticed, *_ = seen(tmp_path / "slow", [Bindings()], frames[:9], 200 * SECOND)
    assert told(cut(tmp_path / "slow", noticed.uid, ROOM)) == frames[1:6]


def test_a_frame_of_the_day_before_is_no_evidence(tmp_path: Path) -> None:
    frames = [lease("10.0.0.2", GATEWAY), claim(GATEWAY, ROUTER), claim(GATEWAY, THIEF)]
    (noticed,) = seen(tmp_path, [Bindings()], frames, (DAY + 1) * 1000)
    assert told(cut(tmp_path, noticed.uid, ROOM)) == frames[2:]


def held(folder: Path, frames: Sequence[Any]) -> Claims:
    claims = Claims(Slices(folder, ROOMY))
    links = LinkLayer(claims)
    for at in range(0, len(frames), 1000):
        headers = parse(batch(frames[at : at + 1000], [NOON + at * SECOND] * len(frames[at : at + 1000])))
        claims.look(headers)
        assert list(links.read(headers)) is not None
    return claims


def test_the_frames_that_are_held_are_bounded(tmp_path: Path) -> None:
    claims = held(tmp_path, [claim(GATEWAY, f"00:0c:42:00:00:{n:02x}") for n in range(99) for _ in range(9)])
    size = len(claim(GATEWAY, ROUTER))
    assert (len(claims), claims.held) == (1, CARDS * FRAMES * size)
    claims = held(tmp_path, [claim(f"10.0.{n >> 8}.{n & 255}", ROUTER) for n in range(MOST + 500)])
    assert (len(claims), claims.held) == (MOST, MOST * size)
    big = [Ether(claim(f"10.0.{n >> 8}.{n & 255}", ROUTER)) / bytes(1600) for n in range(2000)]
    claims = held(tmp_path, big)
    assert HELD - 1500 <= claims.held <= HELD
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "frame",
    [
        bytes(Ether(src=THIEF, dst=ROUTER) / ARP(op=1, hwsrc=THIEF, psrc="0.0.0.0", pdst=GATEWAY)),
        claim(GATEWAY, ROUTER)[:30],
        lease("10.0.0.2", GATEWAY)[:-30],
        lease("10.0.0.2", GATEWAY)[:60],
        asked([ROUTER])[0],
        bytes(Ether(src=THIEF, dst=ROUTER) / IP(src="10.0.0.1", dst="10.0.0.2", proto=17)),
    ],
)
def test_what_binds_no_address_or_is_broken_is_not_held(tmp_path: Path, frame: bytes) -> None:
    assert len(held(tmp_path, [frame])) == 0


def test_a_flood_of_dhcp_is_not_looked_at_one_by_one(tmp_path: Path) -> None:
    frames = [lease(f"10.0.{n >> 8}.{n & 255}", GATEWAY) for n in range(1, 1000)]
    assert 0 < len(held(tmp_path, frames)) < 600


def test_the_uid_is_the_notices_own_and_that_of_no_flow(tmp_path: Path) -> None:
    fields = {"note": "ARP::Binding_Changed", "src": GATEWAY, "src_mac": THIEF}
    one = claim_of(Log("notice", 5, fields))
    assert one == Claim(5, GATEWAY, THIEF)
    uids = {one.uid, Claim(6, GATEWAY, THIEF).uid, Claim(5, "10.0.0.2", THIEF).uid, Claim(5, GATEWAY, ROUTER).uid}
    assert len(uids) == 4
    assert claim_of(Log("notice", 5, {**fields, "note": "Conn::Long"})) is None
    assert claim_of(Log("arp", 5, fields)) is None
    assert Claim(5, "fe80::1", "").uid != Claim(5, "fe80::2", "").uid


def test_nothing_is_kept_where_packets_are_not(tmp_path: Path) -> None:
    watch = Watch(PROTOCOLS, analysers=[Bindings(), Servers()])
    frames = [lease("10.0.0.2", GATEWAY), claim(GATEWAY, ROUTER), claim(GATEWAY, THIEF)]
    (noticed,) = [e for e in watch.take(batch(frames)) if e.log.path == "notice"]
    assert noticed.uid
    assert cut(tmp_path, noticed.uid, ROOM) is None
