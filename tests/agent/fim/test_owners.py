"""Which files a package owns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.fim import owners as reading
from agent.fim.owners import Owners


@pytest.fixture
def info(tmp_path: Path) -> Path:
    (tmp_path / "cron.list").write_text("/.\n/etc\n/etc/cron.d\n/etc/crontab\n/home/j1/x\n/root/.bashrc\n/bin/crond\n")
    (tmp_path / "libc6:amd64.list").write_bytes(b"/.\n/usr/lib/libc.so.6\n/etc/caf\xe9")
    return tmp_path


@pytest.mark.parametrize(
    ("package", "path", "is_owned"),
    [
        ("cron", "/etc/crontab", True),
        ("cron", "/etc/cron.d", True),
        ("cron", "/etc/cron", False),
        ("cron", "/etc/cron.d/other", False),
        ("cron", "tc/crontab", False),
        ("cron", "/usr/bin/crond", True),
        ("cron", "/bin/crond", True),
        ("cron", "/usr/local/bin/crond", False),
        ("cron", "/home/j1/x", False),
        ("cron", "/root/.bashrc", False),
        ("cron", "/etc\n/etc/cron.d", False),
        ("libc6", "/usr/lib/libc.so.6", True),
        ("libc6", "/etc/caf\udce9", True),
        ("libc", "/usr/lib/libc.so.6", False),
        ("absent", "/etc/crontab", False),
        ("../info/cron", "/etc/crontab", False),
        ("*", "/etc/crontab", False),
        ("", "/etc/crontab", False),
    ],
)
def test_a_package_owns_what_its_list_names(info: Path, package: str, path: str, is_owned: bool) -> None:
    owners = Owners(info)
    assert [owners.owns(package, path) for _ in range(2)] == [is_owned, is_owned]


def test_a_list_that_changed_is_read_again(info: Path) -> None:
    owners = Owners(info)
    assert not owners.owns("cron", "/etc/new")
    (info / "cron.list").write_text("/etc/new\n")
    os.utime(info / "cron.list", ns=(1, 1))
    assert owners.owns("cron", "/etc/new")
    (info / "cron.list").unlink()
    assert not owners.owns("cron", "/etc/new")


def test_what_is_remembered_is_bounded(info: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_KEPT", 100)
    owners = Owners(info)
    for number in range(9):
        (info / f"p{number}.list").write_text(f"/etc/{number}\n" + "/x" * 30)
        assert owners.owns(f"p{number}", f"/etc/{number}")
    assert sum(len(text) for _, text in owners._kept.values()) <= 100
