"""What the agent says about its host."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.wire.sending import hostinfo


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nX=1\n', "Debian GNU/Linux 12 (bookworm)"),
        ("PRETTY_NAME='Urząd 1'\n", "Urząd 1"),
        ('PRETTY_NAME="a \\"b\\" \\$c"', 'a "b" $c'),
        ("PRETTY_NAME=" + "x" * 500, "x" * 200),
    ],
)
def test_the_systems_own_name(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "os-release").write_text(text)
    assert hostinfo.system([tmp_path / "none", tmp_path / "os-release"]) == name


def test_a_system_without_a_name_gives_its_kernels(tmp_path: Path) -> None:
    (tmp_path / "os-release").write_bytes(b"\xff\0")
    assert hostinfo.system([tmp_path / "os-release"]).startswith("Linux ")


def test_a_boot_without_an_id_gets_one(tmp_path: Path) -> None:
    assert hostinfo.boot_id(tmp_path / "none") != hostinfo.boot_id(tmp_path / "none")
    (tmp_path / "boot").write_text("abc\n")
    assert hostinfo.boot_id(tmp_path / "boot") == "abc"


@pytest.mark.parametrize(
    ("said", "ends"), [("stopping", True), ("running", False), ("degraded", False), ("offline", None), ("", None)]
)
def test_whether_the_whole_system_ends(said: str, ends: bool | None) -> None:
    assert hostinfo.stopping(("echo", said)) is ends


def test_a_system_without_a_word_for_it() -> None:
    assert hostinfo.stopping(("no-such-program-here",)) is None
    assert hostinfo.stopping(("sleep", "9"), 0.01) is None
