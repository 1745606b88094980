"""Following a log file through all that happens to log files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.sending.tail import AWAY, MAX_LINE, TOO_LONG, TRUNCATED, Mark, Tail, decode_mark


def texts(tail: Tail) -> list[bytes]:
    found = []
    while lines := tail.read():
        found += [line.data for line in lines]
    return found


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "auth.log"
    path.write_bytes(b"old\n")
    return path


def test_the_first_time_begins_at_the_end(log: Path) -> None:
    tail = Tail(log, None)
    assert texts(tail) == []
    append(log, b"one\ntw")
    assert texts(tail) == [b"one"]
    append(log, b"o\n")
    assert texts(tail) == [b"two"]
    tail.close()


def test_a_mark_goes_on_where_it_was(log: Path) -> None:
    tail = Tail(log, None)
    append(log, b"one\ntwo\n")
    first, second = tail.read()
    mark = decode_mark(tail.mark(first.end).encode())
    assert mark is not None
    tail.close()
    again = Tail(log, mark)
    assert texts(again) == [second.data]
    assert again.losses() == []
    again.close()


def test_rotation_reads_the_old_file_to_its_end(log: Path) -> None:
    tail = Tail(log, None)
    append(log, b"before\n")
    log.rename(log.with_name("auth.log.1"))
    log.write_bytes(b"after\n")
    assert texts(tail) == [b"before", b"after"]
    tail.close()


def test_rotation_while_the_agent_was_off(log: Path) -> None:
    tail = Tail(log, None)
    mark = tail.mark(tail.position)
    tail.close()
    append(log, b"missed\n")
    log.rename(log.with_name("auth.log.1"))
    log.write_bytes(b"new\n")
    again = Tail(log, mark)
    assert texts(again) == [b"missed", b"new"]
    assert again.losses() == []
    again.close()


def test_two_rotations_while_off_are_a_known_loss(log: Path) -> None:
    tail = Tail(log, None)
    mark = tail.mark(tail.position)
    tail.close()
    log.unlink()
    log.write_bytes(b"another file\n")
    again = Tail(log, mark)
    assert again.losses() == [AWAY]
    assert again.losses() == []
    assert texts(again) == [b"another file"]
    again.close()


@pytest.mark.parametrize("content", [b"cut\n", b"cut\n" + b"longer than before " * 20 + b"\n", b""])
def test_a_file_that_was_cut_is_read_anew_and_the_loss_is_told(log: Path, content: bytes) -> None:
    append(log, b"x" * 100 + b"\n")
    tail = Tail(log, None)
    append(log, b"unread\n")
    log.write_bytes(content)
    assert texts(tail) == content.splitlines()
    assert tail.losses() == [TRUNCATED]
    append(log, b"more\n")
    assert texts(tail) == [b"more"]
    assert tail.losses() == []
    tail.close()


def test_a_file_that_was_copied_and_cut_is_read_to_its_end_in_the_copy(log: Path) -> None:
    tail = Tail(log, None)
    append(log, b"read\n")
    assert texts(tail) == [b"read"]
    append(log, b"unread\n")
    log.with_name("auth.log.1").write_bytes(log.read_bytes())
    log.write_bytes(b"new\n")
    assert texts(tail) == [b"unread", b"new"]
    assert tail.losses() == []
    append(log, b"newer\n")
    assert texts(tail) == [b"newer"]
    tail.close()


@pytest.mark.parametrize(("copied", "found", "losses"), [(True, [b"unread", b"new"], []), (False, [b"new"], [AWAY])])
def test_a_file_that_was_cut_while_the_agent_was_off(
    log: Path, copied: bool, found: list[bytes], losses: list[str]
) -> None:
    tail = Tail(log, None)
    mark = tail.mark(tail.position)
    tail.close()
    append(log, b"unread\n")
    if copied:
        log.with_name("auth.log.1").write_bytes(log.read_bytes())
    log.write_bytes(b"new\n")
    again = Tail(log, mark)
    assert texts(again) == found
    assert again.losses() == losses
    again.close()


def test_an_older_file_is_no_copy(log: Path) -> None:
    append(log, b"one\n")
    tail = Tail(log, None)
    log.with_name("auth.log.1").write_bytes(b"yesterday " * 20 + b"\n")
    log.write_bytes(b"x\n")
    assert texts(tail) == [b"x"]
    assert tail.losses() == [TRUNCATED]
    tail.close()


def test_a_file_that_comes_later_is_read_from_its_start(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "secure", None, from_start=True)
    assert texts(tail) == []
    (tmp_path / "secure").write_bytes(b"one\n")
    assert texts(tail) == [b"one"]
    tail.close()


@pytest.mark.parametrize("length", [MAX_LINE, MAX_LINE + 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3 << 18])
def test_a_long_line_is_cut_or_walked_over_and_the_next_is_whole(log: Path, length: int) -> None:
    tail = Tail(log, None)
    append(log, b"y" * length + b"\nnext\n")
    found = texts(tail)
    assert found[-1] == b"next"
    assert all(len(line) <= MAX_LINE for line in found)
    assert tail.losses() == ([] if len(found) == 2 else [TOO_LONG])
    tail.close()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "x", '{"device":1,"inode":2,"offset":-1,"head_length":0,"head":""}', "[" * 99999]
)
def test_a_damaged_mark_is_none(text: str) -> None:
    assert decode_mark(text) is None


def test_a_mark_travels() -> None:
    mark = Mark(1, 2, 3, 4, "aa")
    assert decode_mark(mark.encode()) == mark


LINE = st.binary(min_size=1, max_size=30).filter(lambda data: b"\n" not in data)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(LINE, max_size=4), st.sampled_from(["read", "rotate", "restart"])), max_size=6))
def test_every_line_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[list[bytes], str]]
) -> None:
    """Whatever the order of writes, rotations and restarts, each line is read once and in order."""
    path = tmp_path_factory.mktemp("tail") / "log"
    path.write_bytes(b"a beginning\n")
    tail = Tail(path, None)
    found: list[bytes] = []
    for lines, action in writes:
        append(path, b"".join(line + b"\n" for line in lines))
        match action:
            case "rotate":
                found += texts(tail)
                path.replace(path.with_name("log.1"))
                path.write_bytes(b"")
                found += texts(tail)
            case "restart":
                mark = tail.mark(tail.position)
                tail.close()
                tail = Tail(path, mark)
            case _:
                found += texts(tail)
    found += texts(tail)
    tail.close()
    assert found == [line for lines, _ in writes for line in lines]
