"""The service host over a service manager of the tests: what it tells the agent of a stop, and how it keeps its log."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from appliance.packages.msi import HOST, HOST_SOURCES, SOURCES
from tests.agent.conditions import until
from tests.wine.bed import Windows, path
from tests.wine.install import compiled

pytestmark = pytest.mark.wine
STOP, SHUTDOWN, PRESHUTDOWN, UNINSTALLING = 1, 5, 15, 200
RUNNING, STOPPED = "4 257", "1 0"
"""States, and the controls that it takes then: a stop, and a notice before the system's end."""
LOG_BYTES = 1 << 20
LISTENS = """
import os, sys
home = sys.argv[-1]
open(os.path.join(home, "began"), "w").close()
said = b""
while piece := os.read(0, 64):
    said += piece
open(os.path.join(home, "said"), "wb").write(said)
"""
TALKS = """
import os, sys
for number in range(30000):
    os.write(1, b"line %06d %s\\n" % (number, b"x" * 80))
open(os.path.join(sys.argv[-1], "began"), "w").close()
while os.read(0, 64):
    pass
"""


class Host:
    """A host whose agent is a script."""

    def __init__(self, windows: Windows, program: Path, folder: Path) -> None:
        self.home, self._said, self._program = folder / "Czujka", folder / "states", folder / "program"
        self._program.mkdir()
        (self._program / HOST).write_bytes(program.read_bytes())
        (self._program / "runtime").symlink_to(windows.python_folder)
        (self._program / "version.txt").write_text("1.0.0\r\n")
        self._windows = windows
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, script: str) -> None:
        self.begin(script)
        until((self.home / "began").exists, 30, "the agent's start")

    def begin(self, script: str) -> None:
        """Start the service, whose agent need not follow."""
        (self._program / "start.py").write_text(script)
        environment = {"CZUJKA_TEST_DATA": path(self.home.parent)}
        self._process = self._windows.start(self._said, path(self._program / HOST), environment=environment)

    @property
    def states(self) -> list[str]:
        return self._said.read_text().splitlines()

    def control(self, *codes: int) -> None:
        """Send control codes and wait for the end."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{code}\n" for code in codes).encode())
        self._process.stdin.flush()
        assert self._process.wait(30) == 0


@pytest.fixture(scope="module")
def program(windows: Windows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = [Path(__file__).with_name("manager.c"), *(SOURCES / name for name in HOST_SOURCES)]
    return compiled(sources, tmp_path_factory.mktemp("host") / HOST, f"-I{SOURCES}", "-ladvapi32", "-lshell32")


@pytest.fixture
def host(windows: Windows, program: Path, tmp_path: Path) -> Host:
    return Host(windows, program, tmp_path)


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        ((STOP,), "stop"), ((PRESHUTDOWN,), "shutdown"), ((SHUTDOWN,), "shutdown"),
        ((UNINSTALLING, STOP), "uninstall"), ((3, 77, STOP), "stop"),
    ],
)  # fmt: skip
def test_the_agent_is_told_why_it_is_stopped(host: Host, codes: tuple[int, ...], word: str) -> None:
    host.start(LISTENS)
    assert RUNNING in host.states
    host.control(*codes)
    assert (host.home / "said").read_text() == f"{word}\n"
    until(lambda: host.states[-1] == STOPPED, 10)


def test_the_log_of_a_running_agent_is_bounded_and_loses_nothing_within_its_bound(host: Host) -> None:
    host.start(TALKS)
    host.control(STOP)
    former, log = ((host.home / name).read_bytes() for name in ("agent.log.1", "agent.log"))
    assert len(former) <= LOG_BYTES
    assert len(log) <= LOG_BYTES
    lines = (former + log).splitlines()[1:]
    numbers = [int(line.split()[1]) for line in lines]
    assert numbers == list(range(numbers[0], 30000))
    assert len(former) > LOG_BYTES - 4096
