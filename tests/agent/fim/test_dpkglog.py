"""dpkg's log read back as far as is needed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.fim import dpkglog
from agent.fim.dpkglog import DpkgLog
from agent.fim.packages import package_at

BEGAN = datetime(2026, 11, 20, 2, 0, 0)  # noqa: DTZ001 (the log has local time)


def upgrade(packages: int, began: datetime = BEGAN, name: str = "p") -> str:
    """Return dpkg's lines of an upgrade that takes two seconds a package."""
    versions = "amd64 1.0-1+deb12u1 1.0-1+deb12u2"
    return "".join(
        f"{began + timedelta(seconds=2 * number):%Y-%m-%d %H:%M:%S} {what} {name}{number}:{versions}\n"
        for number in range(packages)
        for what in (
            "upgrade",
            *["status half-configured", "status unpacked", "status half-installed"] * 3,
            "configure",
        )
    )


def found(log: DpkgLog, number: int, name: str = "p", began: datetime = BEGAN) -> bool:
    """Say whether a file that a package brought is known to be its work."""
    at = (began + timedelta(seconds=2 * number)).timestamp() + 0.5
    return package_at(log.until(at), at, lambda package: package == f"{name}{number}") == f"{name}{number}"


def test_a_point_release_is_recognised_from_its_first_to_its_last_package(tmp_path: Path) -> None:
    path = tmp_path / "dpkg.log"
    path.write_text(upgrade(400))
    assert path.stat().st_size > 4 * 64 * 1024
    log = DpkgLog(path)
    assert all(found(log, number) for number in (399, 200, 0, *range(400)))


def test_the_log_before_a_rotation_is_read_too(tmp_path: Path) -> None:
    path, later = tmp_path / "dpkg.log", BEGAN + timedelta(days=1)
    (tmp_path / "dpkg.log.1").write_text(upgrade(200))
    path.write_text(upgrade(200, later, "q"))
    log = DpkgLog(path)
    assert all(found(log, number) for number in range(200))
    assert all(found(log, number, "q", later) for number in range(200))


def test_a_newer_line_is_seen_and_a_younger_question_reads_no_more(tmp_path: Path) -> None:
    path = tmp_path / "dpkg.log"
    path.write_text(upgrade(400))
    log = DpkgLog(path)
    few = len(log.until((BEGAN + timedelta(seconds=798)).timestamp()))
    assert few < len(log.until(BEGAN.timestamp()))
    with path.open("a") as file:
        file.write(upgrade(1, BEGAN + timedelta(hours=1), "new"))
    assert found(log, 0, "new", BEGAN + timedelta(hours=1))


def test_what_is_read_back_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dpkglog, "MOST", 100_000)
    path = tmp_path / "dpkg.log"
    path.write_text(upgrade(400))
    log = DpkgLog(path)
    assert found(log, 399)
    assert not found(log, 0)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"garbage", b"x" * 200_000, b"\xff" * 70_000 + b"\n"])
def test_a_log_that_is_none_tells_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "dpkg.log"
    if content is not None:
        path.write_bytes(content)
    log = DpkgLog(path)
    assert log.until(0) == log.until(0) == []
