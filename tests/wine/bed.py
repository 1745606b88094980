"""One Windows under wine for a session of tests: a prefix of its own, Python beside it, processes bounded in time.

Output goes through pipes: wine gives Python for Windows no usable standard streams on plain files. wine's own services
hold on to what their first program was given, so the server is started before any program of a test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from appliance.home import CHECKOUT
from tests.wine import install


class Windows:
    """A prefix and what runs in it."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that holds nothing yet."""
        self.prefix = folder / "prefix"
        _copied(install.template(), self.prefix)
        self.python_folder = install.python()
        self.wheels = install.wheels()
        self._started: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in ("DISPLAY", "PYTHONPATH")},
            **install.QUIET,
            "WINEPREFIX": str(self.prefix),
            "PYTHONPATH": f"{path(CHECKOUT)};{path(self.wheels)}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for command in (["wineserver", "-p"], ["wine", "cmd", "/c", "exit"]):
            subprocess.run(
                command, env=self.environment, check=True, timeout=install.BOOT_SECONDS, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    @property
    def drive(self) -> Path:
        """The folder that Windows programs see as C:."""
        return self.prefix / "drive_c"

    def run(
        self, *command: str, timeout: float = 60.0, environment: Mapping[str, str] | None = None, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a Windows program to its end with `text` on its standard input; raises TimeoutExpired."""
        return subprocess.run(
            ["wine", *command], env={**self.environment, **(environment or {})}, input=text, capture_output=True,
            encoding="utf-8", errors="replace", timeout=timeout, check=False,
        )  # fmt: skip

    def python(
        self, *arguments: str, timeout: float = 60.0, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Python for Windows, with the checkout and the agent's wheels on its path."""
        return self.run(self.python_program, *arguments, timeout=timeout, environment=environment)

    @property
    def python_program(self) -> str:
        """The interpreter, as Windows programs name it."""
        return path(self.python_folder / "python.exe")

    def start(self, log: Path, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a Windows program whose output is added to `log`; closing its `stdin` gives it the end of its input.

        The process is the program's own, so that killing it is killing the program.
        """
        log.touch()
        child = subprocess.Popen(
            ["wine", *command], env={**self.environment, **(environment or {})}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        threading.Thread(target=_drain, args=(child, log), daemon=True).start()
        self._started.append(child)
        return child

    def close(self) -> None:
        """End all that runs in this prefix, and no other."""
        for child in self._started:
            if child.poll() is None:
                child.kill()
            child.wait(10)
            if child.stdin is not None:
                child.stdin.close()
        subprocess.run(["wineserver", "-k"], env=self.environment, check=False, timeout=60)


def path(there: Path) -> str:
    """Return the name by which Windows programs know a file or folder of this machine."""
    return "Z:" + str(there).replace("/", "\\")


@contextmanager
def running() -> Iterator[Windows]:
    """A Windows in a folder that goes away with it."""
    # Not where pytest keeps the folders of three sessions: a prefix has some hundred megabytes.
    folder = Path(tempfile.mkdtemp(prefix="czujka-wine-"))
    try:
        made = Windows(folder)
        try:
            yield made
        finally:
            made.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(template: Path, prefix: Path) -> None:
    """Copy a prefix; system files, which nothing writes in place, are shared by links."""
    system = template / "drive_c" / "windows"

    def left_out(folder: str, _names: list[str]) -> list[str]:
        return [system.name] if Path(folder) == system.parent else []

    shutil.copytree(template, prefix, symlinks=True, ignore=left_out)
    link = os.link if template.stat().st_dev == prefix.stat().st_dev else shutil.copy2
    shutil.copytree(system, prefix / "drive_c" / "windows", symlinks=True, copy_function=link)


def _drain(child: subprocess.Popen[bytes], log: Path) -> None:
    assert child.stdout is not None
    with log.open("ab", buffering=0) as target, child.stdout as source:
        while data := os.read(source.fileno(), 65536):
            target.write(data)
