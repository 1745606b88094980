"""What analysers know as a bookmark: packed, bounded, and read again."""

from __future__ import annotations

import json
import random
import zlib
from base64 import b64encode

import pytest

from collector.analysers.model import Memory
from collector.memory import MOST, packed, unpacked


def test_what_was_packed_is_unpacked() -> None:
    memory: dict[str, Memory] = {"bindings": {"bound": [["10.0.0.1", "00:11:22:33:44:55", 7]]}, "names": ["ą", None]}
    assert unpacked(packed(memory)) == memory
    assert unpacked(packed({})) == {}


def test_the_largest_stays_behind_when_all_are_too_large() -> None:
    draw = random.Random(1)
    noise: dict[str, Memory] = {str(n): [draw.random() for _ in range(n * 20_000)] for n in (1, 2, 3, 4)}
    value = packed(noise)
    assert len(value) <= MOST
    assert unpacked(value) == {name: noise[name] for name in ("1", "2")}


def test_what_packs_well_is_bounded_when_unpacked() -> None:
    assert unpacked(packed({"long": ["a" * 20_000_000]})) == {}
    bomb = zlib.compress(json.dumps({"long": "a" * 20_000_000}).encode())
    assert unpacked(b64encode(bomb).decode()) == {}


@pytest.mark.parametrize("value", ["", "!", "AAAA", b64encode(zlib.compress(b"[1]")).decode(), "ą"])
def test_what_cannot_be_read_is_nothing(value: str) -> None:
    assert unpacked(value) == {}
