"""Questions for names over the wire: what an attack asks, and its harmless twins."""

from __future__ import annotations

import random
import string

from tests.collector.packets import resolved

RESOLVER = "10.66.0.53"


def invented() -> list[bytes]:
    """What a program does that looks for its master by names of its own making."""
    draw = random.Random(11)
    names = ("".join(draw.choices(string.ascii_lowercase, k=14)) + ".com" for _ in range(14))
    return [
        frame for port, name in enumerate(names, 43000) for frame in resolved("10.66.0.11", RESOLVER, name, port=port)
    ]


def turned() -> list[bytes]:
    """A name that turns inwards, in one flow: one worker sees both answers, and in their order."""
    sought = [resolved("10.66.0.12", RESOLVER, "s-7.napad.example", to) for to in ("93.184.215.14", "10.66.0.80")]
    return [frame for frames in sought for frame in frames]


def ordinary() -> list[bytes]:
    """The harmless twins: names that exist, a typing error, a name that is only ever inside."""
    names = [("bip.gmina.example", "93.184.215.20"), ("bip.gmnia.example",), ("nas.gmina.example", "10.66.0.2")] * 5
    return [
        frame for port, name in enumerate(names, 43200) for frame in resolved("10.66.0.13", RESOLVER, *name, port=port)
    ]
