"""Who a process number was, and in which container."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.sensors.processes import MAX_KNOWN, Process, Processes, read_container

ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("group", "container"),
    [
        (f"0::/system.slice/docker-{ID}.scope\n", ID),
        (f"12:pids:/docker/{ID}\n0::/\n", ID),
        (f"0::/kubepods.slice/x/cri-containerd-{ID}.scope\n", ID),
        (f"0::/machine.slice/libpod-{ID}.scope/container\n", ID),
        ("11:memory:/lxc/sklep-1/init.scope\n", "sklep-1"),
        ("0::/lxc.payload.sklep-1/system.slice\n", "sklep-1"),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", ""),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_a_container_is_told_by_its_control_group(tmp_path: Path, group: str, container: str) -> None:
    (tmp_path / "cgroup").write_text(group)
    assert read_container(tmp_path) == container


def test_a_process_that_is_gone_has_none(tmp_path: Path) -> None:
    assert read_container(tmp_path / "9") == ""


def test_a_container_is_handed_down_and_asked_for_only_where_one_begins(tmp_path: Path) -> None:
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "cgroup").write_text(f"0::/docker/{ID}\n")
    processes = Processes(tmp_path)
    assert processes.container(9, Process("/usr/bin/bash", "bash", 1)) == ""
    assert processes.container(9, Process("/usr/bin/containerd-shim-runc-v2", "", 1)) == ID
    assert processes.container(9, Process("/usr/bin/runc", "runc init", 1)) == ID
    assert processes.container(8, Process("/bin/sh", "sh", 1, "0", "other")) == "other"
    assert processes.container(9, None) == ID


def test_the_longest_unused_goes_first_and_equal_names_are_kept_once(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    for pid in range(MAX_KNOWN):
        processes.add(pid, Process("".join(["/usr/bin/", "true"]), f"true {pid}", 1))
    assert processes.find(0) is not None
    processes.add(MAX_KNOWN, Process("/bin/sh", "sh", 1))
    processes.add(2, Process("/bin/sh", "sh again", 1))
    kept, gone, again, other = (processes.find(pid) for pid in (0, 1, 2, 3))
    assert gone is None
    assert kept is not None
    assert other is not None
    assert again == Process("/bin/sh", "sh again", 1)
    assert kept.executable is other.executable
