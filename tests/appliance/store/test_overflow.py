"""Folders for what questions lay down on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from appliance.store.overflow import claimed, released, size


def test_each_engine_has_a_folder_of_its_own_that_is_not_there_before_it_is_needed(tmp_path: Path) -> None:
    one, other = claimed(tmp_path), claimed(tmp_path)
    assert one != other
    assert not list(tmp_path.iterdir())
    assert size(one) == 0
    for folder in (one, other):
        folder.mkdir()
        (folder / "block").write_bytes(b"xyz")
    assert size(one) == 3
    released(one)
    assert list(tmp_path.iterdir()) == [other]


def test_what_an_ended_process_left_is_deleted(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from appliance.store.overflow import claimed;"
    program += " claimed(Path(sys.argv[1])).mkdir()"
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    (left,) = tmp_path.iterdir()
    (left / "block").write_bytes(b"x")
    mine = claimed(tmp_path)
    assert not list(tmp_path.iterdir())
    mine.mkdir()
    claimed(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]
