"""A real box for end-to-end tests: `czujka up` as its own process, on free loopback ports and a fresh state folder."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from agent.wire.envelope import BATCH_PATH, KEY_HEADER, SENT_HEADER, encode_record, pack
from agent.wire.event import Record
from appliance.home import CHECKOUT, Home

T = TypeVar("T")
READY_SECONDS = 60.0


def wait_for(what: str, condition: Callable[[], T | None], seconds: float = 20.0) -> T:
    """Poll until the condition gives something true, and return it; fail after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Box:
    """One box. Use as a context manager; leaving it stops the box."""

    folder: Path
    agent: bool = False
    settings: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    gateway_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")

    @property
    def base(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return "".join(
            path.read_text(errors="replace")
            for path in (self.folder / "out.log", self.folder / "err.log")
            if path.exists()
        )

    def __enter__(self) -> Box:
        self.home.create()
        if self.settings:
            self.home.config.write_text(self.settings)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def start(self) -> float:
        """Start the box and wait until it is ready; return the seconds it took."""
        command = [sys.executable, "-m", "appliance", "up", "--home", str(self.home.root)]
        command += ["--port", str(self.port), "--gateway-port", str(self.gateway_port)]
        command += [] if self.agent else ["--no-agent"]
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(CHECKOUT)}
        began = time.monotonic()
        with (self.folder / "out.log").open("ab") as out, (self.folder / "err.log").open("ab") as err:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=out, stderr=err, start_new_session=True
            )
        try:
            wait_for("the box is ready", self._ready, READY_SECONDS)
        except AssertionError:
            self.stop()
            raise AssertionError(f"the box did not become ready:\n{self.log[-6000:]}") from None
        return time.monotonic() - began

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until every role answers again."""
        wait_for("the box is ready", self._ready, seconds)

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the box ended with {self.process.returncode}")
        if not self.home.ca.exists():
            return False
        try:
            return httpx.get(f"{self.base}/api/v1/health", verify=self.trust(), timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """Stop the box as Ctrl-C does; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.home.ca))

    def api(self) -> httpx.Client:
        """A client of the API with the local token."""
        return httpx.Client(
            base_url=f"{self.base}/api/v1/",
            verify=self.trust(),
            headers={"Authorization": f"Bearer {self.home.local_token.read_text().strip()}"},
            timeout=30,
        )

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of one GET of the API."""
        with self.api() as client:
            answer = client.get(path, params=params)
        answer.raise_for_status()
        return answer.json()

    def setup_link(self) -> str:
        """The one-time link that the box printed last."""
        links: list[str] = re.findall(r"https://\S+/ustaw\?token=\S+", (self.folder / "out.log").read_text())
        return links[-1]

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line against this box."""
        return self.run_bare(*arguments, "--home", str(self.home.root), timeout=timeout)

    def run_bare(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line that takes no state folder."""
        command = [sys.executable, "-m", "appliance", *arguments]
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(CHECKOUT)}
        return subprocess.run(
            command, cwd=self.folder, env=environment, check=False, capture_output=True, text=True, timeout=timeout
        )

    def roles(self) -> dict[str, psutil.Process]:
        """The box's processes by role."""
        assert self.process is not None
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.process.pid).children():
            try:
                line = child.cmdline()
            except psutil.Error:
                continue
            if "role" in line:
                found[line[line.index("role") + 1]] = child
            elif "agent" in line and "run" in line:
                found["agent"] = child
        return found

    def sender(self) -> Sender:
        """A client of the gateway with the importer's certificate."""
        return Sender(self)


class Sender:
    """Sends batches as the importer and keeps at it until they are acknowledged."""

    def __init__(self, box: Box) -> None:
        context = box.trust()
        context.load_cert_chain(box.home.pki / "importer.pem", box.home.pki / "importer.key")
        self._client = httpx.Client(base_url=f"https://127.0.0.1:{box.gateway_port}", verify=context, timeout=10)

    def send(self, key: str, records: Iterable[Record], seconds: float = 60.0) -> dict[str, Any]:
        """Send one batch until the gateway acknowledges it."""
        body = pack(encode_record(record) for record in records)
        headers = {
            KEY_HEADER: key,
            SENT_HEADER: str(time.time_ns() // 1000),
            "Content-Type": "application/octet-stream",
        }

        def attempt() -> dict[str, Any] | None:
            try:
                answer = self._client.post(BATCH_PATH, content=body, headers=headers)
            except httpx.TransportError:
                return None
            if answer.status_code in (429, 503):
                return None
            assert answer.status_code == 200, answer.text
            result: dict[str, Any] = json.loads(answer.content)
            return result

        return wait_for(f"batch {key} is acknowledged", attempt, seconds)

    def close(self) -> None:
        self._client.close()
