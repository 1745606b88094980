"""Folders for what questions lay down on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from appliance.store.overflow import claimed, released


def test_each_engine_has_a_folder_of_its_own_that_nobody_else_reads(tmp_path: Path) -> None:
    one, other = claimed(tmp_path), claimed(tmp_path)
    assert one is not None
    assert other is not None
    assert one != other
    assert one.stat().st_mode & 0o777 == 0o700
    (one / "block").write_bytes(b"x")
    released(one)
    assert list(tmp_path.iterdir()) == [other]


def test_what_an_ended_process_left_is_deleted(tmp_path: Path) -> None:
    text = (
        "import sys; from pathlib import Path; from appliance.store.overflow import claimed; claimed(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", text, str(tmp_path)], check=True)
    (left,) = tmp_path.iterdir()
    (left / "block").write_bytes(b"x")
    mine = claimed(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]
    assert claimed(tmp_path) != mine
    assert mine is not None
    assert mine.exists()


def test_a_place_that_takes_no_folder_has_none(tmp_path: Path) -> None:
    assert claimed(tmp_path / "missing") is None
    assert not list(tmp_path.iterdir())
