"""What keeps a box from starting is said once, with its place and the way out."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.e2e.bad.tools import still_works
from tests.e2e.box import Box


def _refused(box: Box, folder: Path, code: int, *words: str) -> None:
    """Start a box with these ports on a folder, and check that it ends at once with the code and one message."""
    ports = ("--port", str(box.port), "--gateway-port", str(box.gateway_port))
    done = box.run_bare("up", "--no-agent", "--home", str(folder), *ports)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_two_boxes_on_one_home(box: Box) -> None:
    free = Box(box.folder)
    _refused(free, box.home.root, 4, "działa już inna Czujka", str(box.home.root), "--home")
    still_works(box)


@pytest.mark.parametrize("taken", ["port", "gateway_port"])
def test_an_occupied_port(tmp_path: Path, taken: str) -> None:
    free = Box(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        setattr(free, taken, number)
        _refused(free, free.home.root, 4, f"Port {number}", "jest zajęty", f"--{taken.replace('_', '-')}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = 'osiem'\nhostt = '1'\n[mail]\nport = 0\n", ("port", "hostt", "mail.port")),
        ("port = [\n", ("Invalid value",)),
        ("port = 1\nport = 2\n", ("port",)),
        ("[office]\nname = '\udcff'\n", ("czujka.toml",)),
    ],
)
def test_settings_with_faults(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    free = Box(tmp_path)
    free.home.create()
    free.home.config.write_bytes(text.encode("utf-8", "surrogateescape"))
    _refused(free, free.home.root, 2, "czujka.toml", *words)


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "plik").write_text("x")
    free = Box(tmp_path)
    _refused(free, tmp_path / "plik", 2, str(tmp_path / "plik"))
    _refused(free, tmp_path / "plik" / "home", 2, str(tmp_path / "plik"))
