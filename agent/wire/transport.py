"""The client of the box: one keep-alive TLS 1.3 connection, pinned CA, bounded answers.

Every call either returns what the box said, or raises RetryLater (the same request may succeed later) or
Permanent (the box has refused this request and will refuse it again).
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, urlsplit

from agent.wire.clocks import CLOCK_HEADER, TIME_HEADER, Measured, measure
from agent.wire.envelope import BATCH_PATH, HEARTBEAT_PATH, KEY_HEADER, SENT_HEADER, Ack
from agent.wire.patience import Timely
from agent.wire.proxy import proxy_for

MAX_ANSWER = 64 * 1024
"""Bytes of one answer that are read; a longer one is a fault of the other side."""
MAX_RETRY_AFTER = 3600.0
"""Seconds of Retry-After that are obeyed; more is taken as this much."""
TIMEOUT = 10.0
"""Seconds for a connection and for a whole answer."""
_LATER = frozenset({408, 425, 429})


class RetryLater(Exception):
    """The box cannot take it now; `seconds` is what it asked for, None when it said nothing."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds


class Permanent(Exception):
    """The box refused the request itself; the same bytes will be refused again."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class Untrusted(RetryLater):
    """Whoever answers is not our box: its certificate does not come from the pinned CA or names another host."""


def client_context(
    ca_file: Path, cert_file: Path | None = None, key_file: Path | None = None, secret: bytes | None = None
) -> ssl.SSLContext:
    """Return a TLS 1.3 context that trusts only `ca_file`; raises OSError or ssl.SSLError on unreadable files.

    `secret` is the password of the key's file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cafile=str(ca_file))
    if cert_file is not None and key_file is not None:
        context.load_cert_chain(str(cert_file), str(key_file), secret)
    return context


class _Connection(http.client.HTTPSConnection):
    """Speaks to names as bytes: for text Python loads the tables of international names, 0.3 MB for good."""

    response_class = Timely

    def __init__(self, host: str, port: int, box: str, *, timeout: float, context: ssl.SSLContext) -> None:
        """`box` is the name that the certificate must have, also behind a proxy."""
        super().__init__(host, port, timeout=timeout, context=context)
        self._tls, self._box = context, box
        self._create_connection = _dial

    def connect(self) -> None:
        """Connect, through the proxy where there is one, and speak TLS with the box."""
        answers: list[Timely] = []

        def begun(*arguments: Any, **named: Any) -> Timely:
            answers.append(Timely(*arguments, **named))
            return answers[-1]

        self.response_class = begun  # type: ignore[assignment] # called as the class is
        try:
            http.client.HTTPConnection.connect(self)
        finally:
            self.response_class = Timely
            for answer in answers:  # a proxy's, which http.client before 3.11.4 leaves open, and the connection with it
                answer.close()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=_wire_name(self._box))


def _wire_name(host: str) -> bytes:
    return host.encode("ascii" if host.isascii() else "idna")


def _dial(address: tuple[str, int], timeout: float, source: tuple[str, int] | None = None) -> socket.socket:
    place = (_wire_name(address[0]), address[1])
    return socket.create_connection(place, timeout, source)  # type: ignore[arg-type] # getaddrinfo takes bytes


class Box:
    """The box behind its addresses; the first that answers is kept until it fails. For one thread at a time."""

    def __init__(
        self,
        urls: Sequence[str],
        context: ssl.SSLContext,
        *,
        timeout: float = TIMEOUT,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """Addresses are https URLs; `timeout` bounds each connection and each whole answer, in seconds.

        The environment may name a proxy (agent/wire/proxy.py).
        """
        self._environment = environment
        self._places: list[SplitResult] = [urlsplit(url) for url in urls]
        self._context = context
        self._timeout = timeout
        self._connection: http.client.HTTPSConnection | None = None
        self.measured: Measured | None = None
        """How far this clock is from the box's, by the last exchange that told."""

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send_batch(
        self, key: str, body: bytes, records: int, sent_at: int, more: Mapping[str, str] = MappingProxyType({})
    ) -> Ack:
        """Deliver one deflated batch; returns only when the box says that its journal has all of it.

        `more` are further headers.
        """
        headers = {KEY_HEADER: key, SENT_HEADER: str(sent_at), "Content-Type": "application/x-ndjson+deflate"}
        answer = self.request("POST", BATCH_PATH, body, {**headers, **more})
        ack = Ack(_integer(answer, "records"), answer.get("duplicate") is True)
        if ack.records != records and not ack.duplicate:
            raise RetryLater(f"the box confirmed {ack.records} of {records} records")
        return ack

    def heartbeat(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Say that this agent lives; return what the box says to it."""
        return self.post_json(HEARTBEAT_PATH, payload)

    def fetch(self, path: str) -> bytes:
        """GET a small file."""
        status, data, retry_after = self._exchange("GET", path, None, {})
        if status == 200:
            return data
        if status in _LATER or status >= 500:
            raise RetryLater(f"the box answered {status}", retry_after)
        raise Permanent(status, _reason(data))

    def post_json(self, path: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """POST a JSON object and return the JSON object of the answer."""
        return self.request("POST", path, json.dumps(payload).encode(), {"Content-Type": "application/json"})

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
        """Make one request; an answer without a body is an empty object."""
        status, data, retry_after = self._exchange(method, path, body, headers)
        if 200 <= status < 300:
            return _object(data)
        reason = _reason(data)
        if status in _LATER or status >= 500:
            raise RetryLater(f"the box answered {status} {reason}".strip(), retry_after)
        if 400 <= status < 500:
            raise Permanent(status, reason)
        raise RetryLater(f"the box answered with the unexpected status {status}")

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, float | None]:
        reused = self._connection is not None
        try:
            return self._once(method, path, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            self.close()
            if not reused:
                raise RetryLater(f"connection lost: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise RetryLater(f"exchange failed: {_text(error)}") from error
        return self._again(method, path, body, headers)

    def _again(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, float | None]:
        """Repeat on a new connection: the kept one had been closed by the box while idle."""
        try:
            return self._once(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise RetryLater(f"exchange failed: {_text(error)}") from error

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, float | None]:
        connection = self._connect()
        clock = {} if self.measured is None else {CLOCK_HEADER: self.measured.text}
        sent, began = time.time_ns(), time.monotonic_ns()
        connection.request(method, path, body=body, headers={**headers, **clock})
        response = connection.getresponse()
        elapsed = time.monotonic_ns() - began
        answered = response.getheader(TIME_HEADER)
        self.measured = measure(sent // 1000, time.time_ns() // 1000, elapsed // 1000, answered) or self.measured
        data = _read(response)
        if response.will_close:
            self.close()
        return response.status, data, _retry_after(response.getheader("Retry-After"))

    def _connect(self) -> http.client.HTTPSConnection:
        if self._connection is not None:
            return self._connection
        faults: list[Exception] = []
        for place in list(self._places):
            connection: http.client.HTTPSConnection | None = None
            try:
                connection = self._way(place)
                connection.connect()
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except (OSError, ValueError, http.client.HTTPException) as error:
                if connection is not None:
                    connection.close()
                faults.append(error)
                self._places.append(self._places.pop(0))
                continue
            self._connection = connection
            return connection
        raise _unreachable(faults)

    def _way(self, place: SplitResult) -> http.client.HTTPSConnection:
        """Return the connection to make, direct or through a proxy; raises ValueError."""
        host, port = place.hostname or "", place.port or 443
        proxy = proxy_for(host, self._environment)
        if proxy is None:
            return _Connection(host, port, host, timeout=self._timeout, context=self._context)
        connection = _Connection(proxy.host, proxy.port, host, timeout=self._timeout, context=self._context)
        connection.set_tunnel(host, port, dict(proxy.headers))
        return connection


def _unreachable(faults: Sequence[Exception]) -> RetryLater:
    text = "; ".join(_text(fault) for fault in faults) or "no address"
    if faults and all(isinstance(fault, ssl.SSLCertVerificationError) for fault in faults):
        return Untrusted(text)
    return RetryLater(text)


def _read(response: http.client.HTTPResponse) -> bytes:
    parts: list[bytes] = []
    total = 0
    while part := response.read1(MAX_ANSWER + 1):
        total += len(part)
        parts.append(part)
        if total > MAX_ANSWER:
            raise http.client.HTTPException(f"the answer is longer than {MAX_ANSWER} bytes")
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    response.close()  # read1 leaves a fully read answer open, which would block the connection's next request
    return b"".join(parts)


def _object(data: bytes) -> dict[str, Any]:
    if not data:
        return {}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RetryLater(f"the answer is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise RetryLater("the answer is not a JSON object")
    return value


def _reason(data: bytes) -> str:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict):
        return ""
    text = value.get("detail") or value.get("title") or value.get("reason") or value.get("error") or ""
    return _short(str(text))


def _integer(answer: Mapping[str, Any], name: str) -> int:
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RetryLater(f"the answer has no number {name!r}")
    return value


def _retry_after(text: str | None) -> float | None:
    """Read the header's seconds; a date is not obeyed, for it would need equal clocks."""
    if text is None or not text.strip().isascii() or not text.strip().isdigit() or len(text.strip()) > 9:
        return None
    return min(float(text), MAX_RETRY_AFTER)


def _text(error: Exception) -> str:
    """Return what an error says, which may be the words of whoever answered."""
    return _short(str(error)) or type(error).__name__


def _short(text: str) -> str:
    return "".join(char for char in text[:200] if char.isprintable())
