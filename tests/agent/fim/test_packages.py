"""Whether it was the package manager."""

from __future__ import annotations

from datetime import datetime

import pytest

from agent.fim.packages import NEAR, doings, is_manager, package_at

LOG = """2026-11-20 08:00:01 startup archives unpack
2026-11-20 08:00:02 upgrade openssh-server:amd64 1:9.2p1-2 1:9.2p1-3
2026-11-20 08:00:02 status half-configured openssh-server:amd64 1:9.2p1-2
2026-11-20 08:00:05 configure cron:amd64 3.0 <none>
garbage
2026-11-20 08:99:05 configure broken:amd64
""".splitlines()
AT = datetime(2026, 11, 20, 8, 0, 2).timestamp()  # noqa: DTZ001 (the log has local time)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [("/usr/bin/dpkg", True), ("/bin/rpm", True), ("/tmp/dpkg", False), ("/usr/bin/bash", False), ("", False)],
)
def test_a_package_manager_is_a_program_of_the_system(path: str, is_one: bool) -> None:
    assert is_manager(path) is is_one


@pytest.mark.parametrize(
    ("after", "package"),
    [(-1.5, ""), (-0.5, "openssh-server"), (1, "openssh-server"), (3, "cron"), (NEAR + 2.9, "cron"), (NEAR + 4, "")],
)
def test_the_package_of_a_moment(after: float, package: str) -> None:
    assert package_at(doings(LOG), AT + after) == package


def test_of_the_packages_of_a_moment_the_owner_counts() -> None:
    known = doings(LOG)
    assert package_at(known, AT + 4, lambda package: package == "openssh-server") == "openssh-server"
    assert package_at(known, AT + NEAR + 1, lambda package: package == "openssh-server") == ""
    assert package_at(known, AT + 4, lambda _package: False) == ""


def test_lines_that_are_no_log_are_passed_over() -> None:
    assert [doing.package for doing in doings(LOG)] == ["openssh-server", "openssh-server", "cron"]
    assert package_at([], AT) == ""
