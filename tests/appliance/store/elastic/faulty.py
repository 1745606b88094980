"""A small HTTP server that answers as a cluster in trouble does: what the engines cannot be made to say on demand."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BLOCKED = {"type": "cluster_block_exception", "reason": "index [x] blocked by: [FORBIDDEN/12/read-only / allow delete]"}
BUSY = {"type": "es_rejected_execution_exception", "reason": "rejected execution"}
BROKEN = {"type": "document_parsing_exception", "reason": "failed to parse field [process.pid] of type [long]"}


class Faulty:
    """Takes documents like a cluster; `faults` are played first, one a bulk.

    A fault is a status with a body for the whole request, a mapping of items' numbers to (status, error), or an Event
    until which nothing is said.
    """

    def __init__(self) -> None:
        self.faults: deque[tuple[int, Any] | dict[int, tuple[int, Any]] | threading.Event] = deque()
        self.documents: dict[str, dict[str, Any]] = {}
        self.bulks: list[int] = []
        self.silent = threading.Event()
        self.url = ""

    def bulk(self, body: bytes) -> tuple[int, Any]:
        """Answer a bulk, by the next fault if there is one."""
        lines = [json.loads(line) for line in body.splitlines() if line]
        pairs = list(zip(lines[::2], lines[1::2], strict=True))
        self.bulks.append(len(pairs))
        fault = self.faults.popleft() if self.faults else {}
        if isinstance(fault, tuple):
            return fault
        if isinstance(fault, threading.Event):
            fault.wait(30)
            fault = {}
        items = [self._item(act["create"]["_id"], document, fault.get(at)) for at, (act, document) in enumerate(pairs)]
        return 200, {"errors": any(item["create"]["status"] > 201 for item in items), "items": items}

    def _item(self, name: str, document: dict[str, Any], fault: tuple[int, Any] | None) -> dict[str, Any]:
        if fault is not None:
            return {"create": {"_id": name, "status": fault[0], "error": fault[1]}}
        if name in self.documents:
            return {"create": {"_id": name, "status": 409, "error": {"type": "version_conflict_engine_exception"}}}
        self.documents[name] = document
        return {"create": {"_id": name, "status": 201}}

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Answer a request."""
        if self.silent.is_set():
            return 503, {"error": {"type": "master_not_discovered_exception", "reason": "no master"}, "status": 503}
        if path.startswith("/_bulk"):
            return self.bulk(body)
        if "_search" in path:
            return 200, {"timed_out": False, "hits": {"hits": [], "total": {"value": 0}}}
        return 200, {"acknowledged": True}


@contextmanager
def serving(faulty: Faulty) -> Iterator[Faulty]:
    """Serve on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, told = faulty.answer(self.command, self.path, body)
            packed = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    faulty.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield faulty
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
