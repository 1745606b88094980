"""The same rules as a program of the kernel's packet filter (classic BPF, Linux networking/filter.rst).

The program first notes in its scratch memory what the rules look at, then asks them one by one; a load beyond the end
of a frame would end it, so each is preceded by a look at the length.
"""

from __future__ import annotations

import ctypes
import socket
from dataclasses import dataclass, field
from struct import pack

from collector.capture.batch import MAX_FRAME, Link
from collector.capture.leaveout import NO_PORT, PORTED, Rule
from collector.headers.link import IPV4, IPV6, TAGS

SO_ATTACH_FILTER = 26
_LD_IMM, _LD_LEN, _LD_ABS_W, _LD_IND_W, _LD_IND_H, _LD_IND_B, _LD_MEM = 0x00, 0x80, 0x20, 0x40, 0x48, 0x50, 0x60
_LDX_IMM, _LDX_MEM, _ST, _TAX, _TXA, _RET = 0x01, 0x61, 0x02, 0x07, 0x87, 0x06
_AND, _ADD_X, _ADD, _SUB_X, _LSH, _RSH = 0x54, 0x0C, 0x04, 0x1C, 0x64, 0x74
_JEQ, _JGE, _JSET, _JA = 0x15, 0x35, 0x45, 0x05
_AD_VLAN, _AD_VLAN_PRESENT = 0xFFFFF000 + 44, 0xFFFFF000 + 48
_NET, _VERSION, _VLANS, _PORTS, _SOURCE, _TARGET = 0, 1, (2, 3, 4), (5, 6), 7, 11
"""Places in the scratch memory, 16 words; addresses of IPv6 take four each."""
_NOTHING = 0xFFFFFFFF


@dataclass(slots=True)
class _Program:
    """Instructions with names of places to jump to; an empty name is the next instruction."""

    code: list[tuple[int, str, str, int]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def add(self, *instructions: tuple[int, int]) -> None:
        self.code += [(code, "", "", value) for code, value in instructions]

    def jump(self, code: int, value: int, then: str, otherwise: str = "") -> None:
        self.code.append((code, then, otherwise, value))

    def place(self, name: str) -> None:
        self.places[name] = len(self.code)

    def assembled(self) -> bytes:
        """Return the instructions as the kernel takes them (struct sock_filter)."""
        out = []
        for at, (code, then, otherwise, value) in enumerate(self.code):
            far = [self.places[name] - at - 1 if name else 0 for name in (then, otherwise)]
            # A jump without a condition has its distance where the others have what they compare with.
            out.append(pack("=HBBI", code, 0, 0, far[0]) if code == _JA else pack("=HBBI", code, *far, value))
        return b"".join(out)


def compiled(rules: tuple[Rule, ...], link: int = Link.ETHERNET) -> bytes:
    """Return a program that keeps what no rule fits, for cards that give Ethernet headers or bare IP packets."""
    program = _Program()
    _begin(program, link)
    _addresses(program)
    _ports(program)
    program.place("rules")
    for number, rule in enumerate(rules):
        _rule(program, rule, f"{number}")
    program.add((_RET, MAX_FRAME))
    return program.assembled()


def attach(to: socket.socket, program: bytes) -> None:
    """Let the kernel apply a program to what a socket receives; raises OSError."""
    memory = ctypes.create_string_buffer(program, len(program))
    to.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pack("@HP", len(program) // 8, ctypes.addressof(memory)))


def _begin(program: _Program, link: int) -> None:
    """Note the VLANs and find the IP header; what has none goes to the rules at once."""
    program.add((_LD_IMM, _NOTHING), *((_ST, place) for place in (*_VLANS, *range(_SOURCE, _TARGET + 4))))
    program.add((_LD_IMM, NO_PORT), *((_ST, place) for place in _PORTS), (_LD_IMM, 0), (_ST, _VERSION), (_ST, _NET))
    program.add((_LD_ABS_W, _AD_VLAN_PRESENT))
    program.jump(_JEQ, 0, "inline")
    program.add((_LD_ABS_W, _AD_VLAN), (_AND, 0xFFF), (_ST, _VLANS[0]))
    program.place("inline")
    if link != Link.ETHERNET:
        return
    program.add((_LDX_IMM, 12))
    for depth in (1, 2):
        _needs(program, 2, "rules")
        program.add((_LD_IND_H, 0))
        for number in TAGS:
            program.jump(_JEQ, number, f"tag {depth}")
        program.jump(_JA, 0, "type")
        program.place(f"tag {depth}")
        _needs(program, 6, "rules")
        program.add((_LD_IND_H, 2), (_AND, 0xFFF), (_ST, _VLANS[depth]), (_TXA, 0), (_ADD, 4), (_TAX, 0))
    program.place("type")
    _needs(program, 2, "rules")
    program.add((_LD_IND_H, 0))
    program.jump(_JEQ, IPV4, "net")
    program.jump(_JEQ, IPV6, "net")
    program.jump(_JA, 0, "rules")
    program.place("net")
    # The type is kept where the version will stand, so that both can be compared.
    program.add((_ST, _VERSION), (_TXA, 0), (_ADD, 2), (_TAX, 0), (_ST, _NET))


def _needs(program: _Program, count: int, otherwise: str) -> None:
    """Go on only where so many bytes follow X; takes A."""
    far = f"{len(program.code)} far"
    program.add((_LD_LEN, 0), (_SUB_X, 0))
    # A frame shorter than X makes the difference wrap: no frame is that long.
    program.jump(_JGE, 1 << 31, far)
    program.jump(_JGE, count, f"{far} enough")
    program.place(far)
    program.jump(_JA, 0, otherwise)
    program.place(f"{far} enough")


def _addresses(program: _Program) -> None:
    """Note version and addresses. X is where the IP header begins; the type of a frame without one is 0 there."""
    program.add((_LDX_MEM, _NET), (_LD_MEM, _VERSION))
    program.jump(_JEQ, IPV4, "four")
    program.jump(_JEQ, IPV6, "six")
    program.add((_LD_IMM, 0), (_ST, _VERSION))
    _needs(program, 1, "rules")
    program.add((_LD_IND_B, 0), (_RSH, 4))
    program.jump(_JEQ, 4, "four")
    program.jump(_JEQ, 6, "six")
    program.jump(_JA, 0, "rules")
    for name, version, size, start, words in (("four", 4, 20, 12, 1), ("six", 6, 40, 8, 4)):
        program.place(name)
        program.add((_LD_IMM, 0), (_ST, _VERSION))
        _needs(program, size, "rules")
        program.add((_LD_IND_B, 0), (_RSH, 4))
        program.jump(_JEQ, version, f"is {name}")
        program.jump(_JA, 0, "rules")
        program.place(f"is {name}")
        program.add((_LD_IMM, version), (_ST, _VERSION))
        for place in range(words):
            program.add((_LD_IND_W, start + 4 * place), (_ST, _SOURCE + place))
            program.add((_LD_IND_W, start + 4 * (words + place)), (_ST, _TARGET + place))
        program.jump(_JA, 0, f"proto {name}")


def _ports(program: _Program) -> None:
    program.place("proto six")
    program.add((_LD_IND_B, 6))
    _if_ported(program, "six")
    program.add((_TXA, 0), (_ADD, 40), (_TAX, 0))
    program.jump(_JA, 0, "ports")
    program.place("proto four")
    program.add((_LD_IND_H, 6))
    program.jump(_JSET, 0x1FFF, "later piece")
    program.add((_LD_IND_B, 9))
    _if_ported(program, "four")
    program.add((_LD_IND_B, 0), (_AND, 15), (_LSH, 2), (_ADD_X, 0), (_TAX, 0))
    program.place("ports")
    _needs(program, 4, "rules")
    for place, kept in zip((0, 2), _PORTS, strict=True):
        program.add((_LD_IND_H, place), (_ST, kept))
    program.place("later piece")


def _if_ported(program: _Program, name: str) -> None:
    for number in PORTED:
        program.jump(_JEQ, number, f"ported {name}")
    program.jump(_JA, 0, "rules")
    program.place(f"ported {name}")


def _rule(program: _Program, rule: Rule, name: str) -> None:
    """Leave out what the rule fits, else go on behind it."""
    end = f"{name} end"
    if rule.vlan >= 0:
        _any_of(program, _VLANS, rule.vlan, f"{name} vlan", end)
    if rule.port >= 0:
        _any_of(program, _PORTS, rule.port, f"{name} port", end)
    if rule.network is not None:
        version, address, mask = rule.network
        program.add((_LD_MEM, _VERSION))
        program.jump(_JEQ, version, "", end)
        _inside(program, _SOURCE, address, mask, f"{name} target")
        program.jump(_JA, 0, f"{name} out")
        program.place(f"{name} target")
        _inside(program, _TARGET, address, mask, end)
    program.place(f"{name} out")
    program.add((_RET, 0))
    program.place(end)


def _any_of(program: _Program, places: tuple[int, ...], value: int, found: str, otherwise: str) -> None:
    for place in places:
        program.add((_LD_MEM, place))
        program.jump(_JEQ, value, found)
    program.jump(_JA, 0, otherwise)
    program.place(found)


def _inside(program: _Program, start: int, address: tuple[int, ...], mask: tuple[int, ...], otherwise: str) -> None:
    for place, (word, bits) in enumerate(zip(address, mask, strict=True)):
        if bits:
            program.add((_LD_MEM, start + place), (_AND, bits))
            program.jump(_JEQ, word, "", otherwise)
