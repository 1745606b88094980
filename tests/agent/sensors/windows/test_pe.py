"""Version strings and import hashes of programs, damaged and crafted ones among them."""

from __future__ import annotations

import hashlib
import random

from hypothesis import given
from hypothesis import strategies as st

from agent.sensors.windows import pe
from tests.agent.sensors.windows.programs import program

STRINGS = {
    "CompanyName": "Microsoft Corporation", "FileDescription": "Wiersz poleceń systemu Windows",
    "FileVersion": "10.0.19041.746 (WinBuild.160101.0800)", "InternalName": "cmd", "LegalCopyright": "©",
    "OriginalFilename": "Cmd.Exe", "ProductName": "Microsoft® Windows®",
}  # fmt: skip
IMPORTS = {"KERNEL32.dll": ("CreateFileW", "ReadFile"), "odd.drv": (7,), "msvcrt.DLL": ("exit",)}


def reader(data: bytes) -> pe.Read:
    return lambda offset, size: data[offset : offset + size]


def test_the_strings_have_sysmons_names() -> None:
    assert pe.strings(reader(program(STRINGS, {}))) == {
        "Company": "Microsoft Corporation", "Description": "Wiersz poleceń systemu Windows",
        "FileVersion": "10.0.19041.746 (WinBuild.160101.0800)", "OriginalFileName": "Cmd.Exe",
        "Product": "Microsoft® Windows®",
    }  # fmt: skip


def test_a_long_string_is_cut() -> None:
    found = pe.strings(reader(program({"CompanyName": "x" * 2000}, {})))
    assert found == {"Company": "x" * pe.MAX_TEXT}


def test_the_import_hash_is_that_of_the_names_in_order() -> None:
    names = "kernel32.createfilew,kernel32.readfile,odd.drv.ord7,msvcrt.exit"
    assert pe.imphash(reader(program({}, IMPORTS))) == hashlib.md5(names.encode()).hexdigest()


def test_ordinals_that_only_a_table_could_name_give_no_hash() -> None:
    assert pe.imphash(reader(program({}, {"WS2_32.dll": (115,)}))) == ""
    assert pe.imphash(reader(program({}, {}))) == ""


def test_what_is_no_program_says_nothing() -> None:
    for data in (b"", b"MZ", b"\x7fELF" + bytes(200), b"MZ" + bytes(58) + b"\xff\xff\xff\xff"):
        assert pe.strings(reader(data)) == {}
        assert pe.imphash(reader(data)) == ""


@given(st.integers(0, 1 << 32), st.integers(1, 40))
def test_no_damage_breaks_it_or_makes_it_read_much(seed: int, changes: int) -> None:
    made = bytearray(program(STRINGS, IMPORTS))
    chance = random.Random(seed)
    for _ in range(changes):
        made[chance.choice((chance.randrange(0x200), chance.randrange(0x200, 0x400), chance.randrange(len(made))))] = (
            chance.randrange(256)
        )
    reads = 0

    def read(offset: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        assert 0 <= size <= 64 << 10
        return bytes(made[offset : offset + size])

    found = pe.strings(read)
    assert all(len(value) <= pe.MAX_TEXT for value in found.values())
    pe.imphash(read)
    assert reads < 30_000
