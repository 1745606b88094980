"""Programs in a container, as the kernel's audit sees them: real namespaces, a real control group."""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.sensors import auditnetlink as netlink
from agent.sensors.audit import AuditSensor
from agent.sensors.auditstate import alive
from agent.wire.envelope import encode_record
from agent.wire.sending.sensor import Reading
from appliance.normalise import Event, Source, normalise
from tests.agent.conditions import until
from tests.agent.flood import make

ID = "0123456789abcdef" * 4
COUNT = 600
"""Starts that keep the container's first program alive until its control group has been read."""
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the program that starts itself is one of x86_64"),
]


@pytest.fixture(autouse=True)
def audit_is_free() -> None:
    control = netlink.Control()
    holder = control.status().pid
    control.close()
    if holder and alive(holder):
        pytest.skip(f"the audit of this kernel belongs to process {holder}")


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group by the name that Docker gives."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    folder = Path(next(mount[1] for mount in mounts if mount[2] == "cgroup2")) / f"docker-{ID}.scope"
    folder.mkdir()
    yield folder
    until(lambda: not (folder / "cgroup.procs").read_text(), 10, "the container's end")
    folder.rmdir()


def test_a_program_in_a_container_is_named_with_it_by_its_path_inside_and_its_number_outside(
    tmp_path: Path, group: Path
) -> None:
    root, runtime = tmp_path / "root", tmp_path / "runc"
    (root / "bin").mkdir(parents=True)
    make(root / "bin" / "tool", COUNT)
    shutil.copy(shutil.which("unshare") or "/usr/bin/unshare", runtime)
    begin = f"echo $$ > {group}/cgroup.procs; exec {runtime} --mount --pid --fork --root={root} /bin/tool"
    sensor = AuditSensor(tmp_path, "boot")
    events: list[Event] = []

    def seen() -> bool:
        for item in [*sensor.read(), *sensor.tick()]:
            if isinstance(item, Reading) and item.record is not None:
                line = encode_record(item.record)
                events.append(normalise(line, Source("00000000-0000-0000-0000-000000000001", 1)))
        return sum(event.get("process.args") == ("/bin/tool", "/bin/tool") for event in events) >= COUNT

    with contextlib.closing(sensor):
        sensor.open({})
        subprocess.run(["setsid", "--fork", "sh", "-c", begin], check=True, cwd=tmp_path)
        until(seen, 10, "the programs in the container")
    (first,) = [event for event in events if event.get("process.args") == ("/bin/tool",)]
    inside = [event for event in events if event.get("process.parent.pid") == first["process.pid"]]
    assert len(inside) == COUNT
    assert first["process.parent.executable"] == str(runtime)
    assert int(str(first["process.pid"])) > 1, "in its own namespace it is process 1"
    for event in (first, *inside):
        assert event["process.executable"] == "/bin/tool"
        assert event["process.working_directory"] == "/"
        assert event["container.id"] == ID
    assert all(event["process.parent.executable"] == "/bin/tool" for event in inside)
