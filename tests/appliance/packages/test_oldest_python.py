"""The Debian package on the oldest Python that it asks for: what it ships is read, loaded and run there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.wire.sending import enrolment
from agent.wire.sending.enrol_token import decode
from agent.wire.sending.home import AgentHome
from appliance.packages import deb
from appliance.packages.archive import Entry
from appliance.packages.sources import START, agent_files
from tests import oldest
from tests.agent.box import FakeBox

SHIPPED = [*(one for one in agent_files() if one.path.endswith(".py")), Entry("start.py", START.read_bytes())]
#: Runs on Windows alone, which brings its own Python.
ON_WINDOWS = {"agent/sensors/windows/channels.py": {"tomllib"}}
LOAD = """
import importlib, sys
for name in sys.stdin.read().split():
    importlib.import_module(name)
"""
SILENCE = """
import contextlib, socket
from agent.wire.patience import Timely
near, far = socket.socketpair()
near.settimeout(0.05)
try:
    with near, far, contextlib.closing(Timely(near)) as answer:
        answer.begin()
except TimeoutError as error:
    print(error)
"""


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda one: one.path)
def test_what_is_shipped_uses_nothing_that_came_later(entry: Entry) -> None:
    assert oldest.newer(entry.data) == ON_WINDOWS.get(entry.path, set())


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import tomllib", "tomllib"),
        ("from itertools import pairwise", "itertools.pairwise"),
        ("os.eventfd(0)", "os.eventfd"),
        ("from datetime import UTC", "datetime.UTC"),
        ("zip(a, b, strict=True)", "zip(strict=)"),
        ("bisect.bisect(a, b, key=c)", "bisect(key=)"),
        ("@dataclass(slots=True)\nclass One: pass", "dataclass(slots=)"),
        ("number.bit_count()", "bit_count"),
        ("raise ExceptionGroup('', [])", "ExceptionGroup"),
        ("isinstance(a, list | tuple)", "a union at run time: list | tuple"),
        ("Item = Reading | None", "a union at run time: Reading | None"),
        ("Looking = Callable[[str], list[str] | None]", "a union at run time: list[str] | None"),
    ],
)
def test_what_came_later_is_found(line: str, found: str) -> None:
    assert oldest.newer(line.encode()) == {found}


@pytest.mark.parametrize("line", ["match a:\n case 1: pass", "try: pass\nexcept* OSError: pass"])
def test_a_later_grammar_is_found(line: str) -> None:
    with pytest.raises(SyntaxError):
        oldest.newer(line.encode())


@pytest.mark.parametrize(
    "line",
    [
        "zip(a, b)",
        "A | os.O_CLOEXEC",
        "1 | 4",
        "def one(a: int | None) -> str | None: b: int | str = 1",
        "ip(strict=False)",
    ],
)
def test_what_was_there_is_let_alone(line: str) -> None:
    assert oldest.newer(line.encode()) == set()


class Installed:
    """What the package ships, unpacked, and the oldest Python to run it."""

    def __init__(self, folder: Path, python: str) -> None:
        self.python, self.library = python, folder / deb.LIBRARY

    def run(self, *arguments: str, given: str = "", codes: tuple[int, ...] = (0,)) -> str:
        """Run that Python with nothing of ours around it but the package's folders; a warning is an error."""
        around = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{self.library}:{self.library}/vendor"}
        done = subprocess.run(
            [self.python, "-W", "error", *arguments], input=given, env=around, cwd=self.library,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode in codes, done.stdout + done.stderr
        assert not done.stderr
        return done.stdout

    def agent(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        return self.run("-I", str(self.library / "start.py"), *arguments, codes=codes)


@pytest.fixture(scope="module")
def installed(built: bytes, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    python = oldest.interpreter()
    if python is None:
        pytest.skip("no Python 3.9: what the package ships is read, but not run there")
    folder = tmp_path_factory.mktemp("installed")
    package = folder / deb.name_of()
    package.write_bytes(built)
    subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True)
    return Installed(folder / "root", python)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[AgentHome]:
    """An enrolled agent's folder, and the box that it knows."""
    box, made = FakeBox(tmp_path / "box"), AgentHome(tmp_path / "agent")
    enrolment.enrol(decode(box.token()), made)
    yield made
    box.down()


def test_every_module_is_loaded(installed: Installed) -> None:
    # Of `cryptography`, which the system has for its own Python, that of this test is not for the oldest.
    paths = [one.path for one in SHIPPED if one.path not in {"start.py", "agent/identity_request.py"}]
    names = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths]
    installed.run("-c", LOAD, given=" ".join(names))


def test_every_module_is_compiled_as_the_installation_does(installed: Installed) -> None:
    installed.run("-m", "compileall", "-q", "-f", "--invalidation-mode", "checked-hash", str(installed.library))


def test_it_says_what_it_collects(installed: Installed, home: AgentHome) -> None:
    said = installed.agent("co-zbieram", "--home", str(home.folder))
    assert said.startswith("Ten komputer wysyła do Czujki:\n")


def test_it_reaches_its_box_and_tries_everything(installed: Installed, home: AgentHome) -> None:
    # 1 where this computer has no journal or log files to read.
    told = json.loads(installed.agent("selftest", "--json", "--home", str(home.folder), codes=(0, 1)))
    assert told["python"].startswith("3.9.")
    works = {check["name"]: check["works"] for check in told["checks"]}
    assert [works[name] for name in ("home", "spool", "key", "box")] == [True] * 4


def test_a_round_of_the_inventory_finds_this_computer(installed: Installed, tmp_path: Path) -> None:
    said = installed.run("-m", "agent.inventory", "collect", str(tmp_path / "inventory.db"), "0", "whole")
    found = [json.loads(line) for line in said.splitlines()]
    assert len(found) > 100


def test_an_answer_that_never_comes_is_late(installed: Installed) -> None:
    assert installed.run("-c", SILENCE).strip() == "the answer took too long"
