"""One running node: started in the background, known by its process, ended by it."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.nodes.certificate import write_certificate
from tests.nodes.engines import Engine
from tests.nodes.install import SOURCES, NodeFault, java, program

HEAP = "512m"
USER, PASSWORD = "elastic", "tajne-haslo-wezla"
START_SECONDS = 140.0
LOOK_SECONDS = 0.1


@dataclass(slots=True)
class Node:
    """A node of an engine in a folder of its own, on a port that it keeps when it is started again.

    `more` are settings over its own; a benchmark's node has more memory and, not `quick`, the compiler of long runs.
    """

    engine: Engine
    folder: Path
    port: int = 0
    more: Mapping[str, str] = field(default_factory=dict)
    heap: str = HEAP
    quick: bool = True
    _process: subprocess.Popen[bytes] | None = field(default=None)
    _launched: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where it answers, once it is ready."""
        return f"{'https' if self.engine.secure else 'http'}://127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        """The certificate that it shows; its own CA."""
        return self.folder / "config" / "node.pem"

    def launch(self) -> None:
        """Start the process, without waiting for it to answer."""
        try:
            self._launch()
        finally:
            self._launched.set()

    def _launch(self) -> None:
        for name in ("config", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._ports.unlink(missing_ok=True)
        if self.engine.secure and not self.certificate.exists():
            write_certificate(self.certificate, self.folder / "config" / "node.key")
        runtime = java()
        home = program(self.engine, runtime)
        classes = f"{home}/classes:{home}/lib/*"
        command = [str(runtime), *self._options(home), "-cp", classes, "Launch", *self._settings()]
        environment = {**os.environ, "NODE_PASSWORD": PASSWORD}
        with (self.folder / "node.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def _options(self, home: Path) -> list[str]:
        return [
            f"-Xmx{self.heap}",
            "-XX:+UseG1GC",
            # Two cores start three nodes: the quick compiler is enough for tests.
            *(["-XX:TieredStopAtLevel=1"] if self.quick else []),
            "--enable-native-access=ALL-UNNAMED",
            f"-Dnode.modules={home}/modules",
            f"-Des.nativelibs.path={home}/native",
            # The library for vectors is in distributions alone; without it the node must not look for it.
            "-Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false",
            f"-Dlog4j2.configurationFile={SOURCES}/log4j2.properties",
        ]

    def _settings(self) -> list[str]:
        given = {
            "path.home": self.folder,
            "path.data": self.folder / "data",
            "path.logs": self.folder / "logs",
            "cluster.name": "czujka-tests",
            "network.host": "127.0.0.1",
            "http.port": self.port,
            "transport.port": 0,
            "node.portsfile": "true",
            "discovery.type": "single-node",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        }
        if self.engine.secure:
            given |= {
                "xpack.security.enabled": "true",
                "xpack.security.http.ssl.enabled": "true",
                "xpack.security.http.ssl.key": "node.key",
                "xpack.security.http.ssl.certificate": "node.pem",
            }
        return [f"{name}={value}" for name, value in {**given, **self.more}.items()]

    @property
    def _ports(self) -> Path:
        return self.folder / "logs" / "http.ports"

    def ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until it is launched and answers questions. Raises NodeFault with the end of its log."""
        until = time.monotonic() + seconds
        self._launched.wait(seconds)
        while not self._answers():
            if self._process is None or self._process.poll() is not None or time.monotonic() > until:
                raise NodeFault(f"{self.engine.name} does not answer: {self.log()}")
            time.sleep(LOOK_SECONDS)

    def _answers(self) -> bool:
        if not self._ports.is_file() or not (told := self._ports.read_text().split()):
            return False
        self.port = int(told[0].rpartition(":")[2])
        try:
            with self.http() as client:
                return client.get("/_cluster/health?wait_for_status=yellow&timeout=1s").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    @contextmanager
    def http(self) -> Iterator[httpx.Client]:
        """Give a plain client with all rights, for what a test does to the node itself."""
        verify = ssl.create_default_context(cafile=str(self.certificate)) if self.engine.secure else False
        auth = (USER, PASSWORD) if self.engine.secure else None
        with httpx.Client(base_url=self.url, auth=auth, verify=verify, timeout=30, trust_env=False) as client:
            yield client

    def process(self) -> int:
        """Return the number of its process. Raises NodeFault when it does not run."""
        if self._process is None:
            raise NodeFault(f"{self.engine.name} does not run")
        return self._process.pid

    def log(self) -> str:
        """Return the end of what it said."""
        path = self.folder / "node.log"
        return path.read_text("utf-8", "replace")[-3000:] if path.is_file() else ""

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
