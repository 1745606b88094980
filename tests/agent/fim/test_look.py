"""Looking at files that are strange, large, growing, looping or not ours to read."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from agent.fim import look as looking
from agent.fim.entries import Entry
from agent.fim.look import MAX_DEPTH, MAX_TARGET, Unreadable, entry_of, look, walk


def everything(_path: str) -> bool:
    return True


def test_a_file_has_its_hash_and_a_link_its_target(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "l").symlink_to("a")
    entry, link = look(str(tmp_path / "a")), look(str(tmp_path / "l"))
    assert entry is not None
    assert link is not None
    assert (entry.kind, entry.size, entry.sha256) == ("file", 3, hashlib.sha256(b"abc").hexdigest())
    assert (link.kind, link.target, link.sha256) == ("symlink", "a", "")


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    assert look(str(tmp_path / "b")) is None
    assert look(str(tmp_path / "a" / "b")) is None


def test_a_path_that_cannot_be_looked_at_raises() -> None:
    with pytest.raises(OSError, match="too long"):
        look("/" + "x" * 300)


def test_content_is_read_again_only_when_something_can_have_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    before = look(str(path))
    reads: list[str] = []

    def read(path: str, _entry: Entry) -> str:
        reads.append(path)
        return "ff"

    monkeypatch.setattr(looking, "content", read)
    assert look(str(path), before) == before
    assert reads == []
    os.utime(path, ns=(1, 1))
    after = look(str(path), before)
    assert after is not None
    assert (after.sha256, reads) == ("ff", [str(path)])


def test_a_file_above_the_bound_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 11)
    sizes = [look(str(tmp_path / "a"), max_hashed=bound) for bound in (10, 11)]
    assert [bool(entry and entry.sha256) for entry in sizes] == [False, True]


def test_a_file_that_grows_while_it_is_read_ends_and_has_no_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    read, given = os.read, 0

    def growing(descriptor: int, size: int) -> bytes:
        nonlocal given
        with path.open("ab") as file:
            file.write(b"more" * 1000)
        piece = read(descriptor, min(size, 10))
        given += len(piece)
        return piece

    monkeypatch.setattr(os, "read", growing)
    entry = look(str(path))
    assert entry is not None
    assert entry.sha256 == ""
    assert given == 100


def test_a_pipe_is_not_waited_for_and_another_file_is_not_taken_for_this_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    pipe = look(str(tmp_path / "p"))
    assert pipe is not None
    assert (pipe.kind, pipe.sha256) == ("device", "")
    (tmp_path / "a").write_bytes(b"abc")
    other = entry_of((tmp_path / "a").stat())._replace(inode=1)
    assert looking.content(str(tmp_path / "a"), other) == ""
    (tmp_path / "l").symlink_to("a")
    assert looking.content(str(tmp_path / "l"), other) == ""


def test_a_target_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("x" * (MAX_TARGET + 1))
    link = look(str(tmp_path / "l"))
    assert link is not None
    assert link.target == "x" * MAX_TARGET


def test_a_loop_of_links_ends_and_hard_links_are_each_named(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "up").symlink_to("..")
    (tmp_path / "d" / "self").symlink_to("self")
    (tmp_path / "d" / "a").write_bytes(b"")
    (tmp_path / "d" / "b").hardlink_to(tmp_path / "d" / "a")
    found = set(walk([str(tmp_path)], everything))
    assert found == {str(tmp_path), *(str(tmp_path / name) for name in ("d", "d/up", "d/self", "d/a", "d/b"))}


def test_names_that_are_no_utf8_are_walked_and_looked_at(tmp_path: Path) -> None:
    made = os.fsencode(tmp_path) + b"/caf\xe9"
    with open(made, "wb") as file:  # noqa: PTH123 (a Path holds no bytes)
        file.write(b"abc")
    (path,) = set(walk([str(tmp_path)], everything)) - {str(tmp_path)}
    assert os.fsencode(str(path)) == made
    entry = look(str(path))
    assert entry is not None
    assert entry.size == 3


def test_depth_is_bounded(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(MAX_DEPTH + 1):
        folder = folder / "d"
        folder.mkdir()
    found = list(walk([str(tmp_path)], everything))
    assert [one.reason for one in found if isinstance(one, Unreadable)] == ["too deep"]
    assert len(found) == MAX_DEPTH + 2


def test_folders_that_go_away_or_cannot_be_read_do_not_end_the_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").touch()
    scandir = os.scandir

    def refusing(folder: str) -> object:
        if folder.endswith("/a"):
            raise PermissionError(13, "Permission denied")
        if folder.endswith("/b"):
            raise FileNotFoundError(2, "gone")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    found = list(walk([str(tmp_path)], everything))
    assert [one for one in found if isinstance(one, Unreadable)] == [Unreadable(f"{tmp_path}/a", "Permission denied")]
    assert f"{tmp_path}/c/x" in found
    assert sys.getrecursionlimit() > MAX_DEPTH


def test_a_folders_size_says_nothing() -> None:
    assert entry_of(Path("/").stat()).size == 0
    assert isinstance(entry_of(Path("/").stat()), Entry)
