"""The client against a real TLS 1.3 server."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.wire.envelope import BATCH_PATH, ENROL_PATH, RENEW_PATH, SLICE_PATH, UPDATE_PATH, pack
from agent.wire.transport import MAX_ANSWER, Box, Permanent, RetryLater, Untrusted, client_context
from tests.agent.box import FakeBox, Handler, make_ca


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path / "box")
    yield made
    made.down()


@pytest.fixture
def box(server: FakeBox) -> Iterator[Box]:
    made = Box([server.url], client_context(server.folder / "ca.pem", *server.client_files()), timeout=2.0)
    yield made
    made.close()


def send(box: Box, key: str, *records: dict[str, object]) -> bool:
    return box.send_batch(key, pack(json.dumps(r).encode() for r in records), len(records), 1).duplicate


def answers(status: int, body: bytes = b"{}", **headers: str) -> object:
    def fault(handler: Handler, _path: str) -> bool:
        handler.reply(status, body, **headers)
        return True

    return fault


def test_a_batch_twice_is_once(server: FakeBox, box: Box) -> None:
    assert send(box, "k:1", {"a": 1}, {"a": 2}) is False
    assert send(box, "k:1", {"a": 1}, {"a": 2}) is True
    assert server.seen.records == [{"a": 1}, {"a": 2}]


def test_a_name_is_asked_for_as_bytes(server: FakeBox, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """For text, Python would load the tables of international names."""
    asked: list[object] = []
    found = socket.getaddrinfo

    def note(host: bytes, *more: int) -> object:
        asked.append(host)
        return found(host, *more)

    monkeypatch.setattr("socket.getaddrinfo", note)
    assert send(box, "k:1", {"a": 1}) is False
    assert server.seen.records == [{"a": 1}]
    assert asked
    assert {type(host) for host in asked} == {bytes}


def test_one_connection_serves_many_requests(server: FakeBox, box: Box) -> None:
    ports = set()

    def note(handler: Handler, _path: str) -> bool:
        ports.add(handler.client_address[1])
        return False

    server.fault = note
    for number in range(5):
        send(box, f"k:{number}", {"a": 1})
    assert len(ports) == 1


def test_a_connection_that_the_box_closed_is_made_anew(server: FakeBox, box: Box) -> None:
    send(box, "k:1", {"a": 1})

    def hang_up(handler: Handler, _path: str) -> bool:
        handler.close_connection = True
        server.fault = None
        handler.connection.close()
        return True

    server.fault = hang_up
    assert send(box, "k:2", {"a": 1}) is False


@pytest.mark.parametrize(
    ("status", "header", "seconds"), [(429, "7", 7.0), (503, "999999", 3600.0), (503, "soon", None), (500, "-1", None)]
)
def test_later(server: FakeBox, box: Box, status: int, header: str, seconds: float | None) -> None:
    server.fault = answers(status, Retry_After=header)  # type: ignore[assignment]
    with pytest.raises(RetryLater) as caught:
        send(box, "k", {"a": 1})
    assert caught.value.seconds == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_permanent(server: FakeBox, box: Box, status: int) -> None:
    server.fault = answers(status, b'{"detail":"no\\u001b[31m"}')  # type: ignore[assignment]
    with pytest.raises(Permanent) as caught:
        send(box, "k", {"a": 1})
    assert (caught.value.status, caught.value.reason) == (status, "no[31m")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"records":"1"}',
        b'{"records":2}',
        b'{"records":true}',
        b"[" * 60000,
        b"x" * (MAX_ANSWER + 1),
    ],
)
def test_an_answer_that_confirms_nothing_is_no_acknowledgement(server: FakeBox, box: Box, body: bytes) -> None:
    server.fault = answers(200, body)  # type: ignore[assignment]
    with pytest.raises(RetryLater):
        send(box, "k", {"a": 1})


def test_a_redirect_is_not_followed(server: FakeBox, box: Box) -> None:
    server.fault = answers(302, b"", Location="https://evil.example/")  # type: ignore[assignment]
    with pytest.raises(RetryLater, match="302"):
        send(box, "k", {"a": 1})


def test_half_an_answer_is_no_acknowledgement(server: FakeBox, box: Box) -> None:
    def half(handler: Handler, _path: str) -> bool:
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{"rec')
        handler.close_connection = True
        return True

    server.fault = half
    with pytest.raises(RetryLater):
        send(box, "k", {"a": 1})


def test_an_answer_in_drips_ends_at_the_deadline(server: FakeBox, tmp_path: Path) -> None:
    stop = threading.Event()

    def drip(handler: Handler, _path: str) -> bool:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not stop.wait(0.1):
            try:
                handler.wfile.write(b" ")
            except OSError:
                break
        handler.close_connection = True
        return True

    server.fault = drip
    box = Box([server.url], client_context(server.folder / "ca.pem", *server.client_files()), timeout=0.5)
    began = time.monotonic()
    with pytest.raises(RetryLater, match="too long"):
        send(box, "k", {"a": 1})
    assert time.monotonic() - began < 3
    stop.set()


def endless_body(handler: Handler, stop: threading.Event) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not stop.is_set():
        handler.wfile.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")


def endless_heads(handler: Handler, stop: threading.Event) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not stop.is_set():
        handler.wfile.write(b"X-More: and more\r\n")


def dripping_head(handler: Handler, stop: threading.Event) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-More: ")
    while not stop.wait(0.05):
        handler.wfile.write(b"x")


def never_a_head(handler: Handler, stop: threading.Event) -> None:
    while not stop.wait(0.05):
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


LARGE_HEADS = {
    "many": b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    "long": b"HTTP/1.1 100 Continue\r\n" + (b"X-More: " + b"x" * 60_000 + b"\r\n") * 50 + b"\r\n",
}


@pytest.mark.parametrize("head", LARGE_HEADS.values(), ids=LARGE_HEADS)
def test_the_head_of_an_answer_is_bounded_too(server: FakeBox, box: Box, head: bytes) -> None:
    def large(handler: Handler, _path: str) -> bool:
        handler.close_connection = True
        with contextlib.suppress(OSError):
            handler.wfile.write(head + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        return True

    server.fault = large
    with pytest.raises(RetryLater, match="longer than"):
        box.heartbeat({})


CALLS: dict[str, Callable[[Box], object]] = {
    "batch": lambda box: send(box, "k", {"a": 1}),
    "heartbeat": lambda box: box.heartbeat({}),
    "enrol": lambda box: box.post_json(ENROL_PATH, {}),
    "renew": lambda box: box.post_json(RENEW_PATH, {}),
    "update": lambda box: box.post_json(UPDATE_PATH, {}),
    "slice": lambda box: box.request("POST", SLICE_PATH, b"x", {}),
    "ca": lambda box: box.fetch("/v1/ca"),
}


@pytest.mark.parametrize("way", [endless_body, endless_heads, dripping_head, never_a_head])
def test_an_answer_without_an_end_has_one_at_every_door(
    server: FakeBox, way: Callable[[Handler, threading.Event], None]
) -> None:
    stop = threading.Event()

    def fault(handler: Handler, _path: str) -> bool:
        handler.close_connection = True
        with contextlib.suppress(OSError):
            way(handler, stop)
        return True

    server.fault = fault
    box = Box([server.url], client_context(server.folder / "ca.pem", *server.client_files()), timeout=0.3)
    try:
        for name, call in CALLS.items():
            began = time.monotonic()
            with pytest.raises(RetryLater):
                call(box)
            assert time.monotonic() - began < 2.0, name
    finally:
        stop.set()
        box.close()


def test_the_next_request_has_its_own_time(server: FakeBox) -> None:
    """The rest of one answer's time is no bound of the request after it, on the same connection."""
    box = Box([server.url], client_context(server.folder / "ca.pem", *server.client_files()), timeout=1.0)
    slept = []

    def slow(handler: Handler, _path: str) -> bool:
        slept.append(handler.client_address)
        time.sleep(0.7)  # of one second that each answer has
        return False

    server.fault = slow
    for number in range(2):
        assert send(box, f"k:{number}", {"a": 1}) is False
    assert len(slept) == 2
    assert slept[0] == slept[1]
    box.close()


def test_another_ca_is_not_trusted(server: FakeBox, tmp_path: Path) -> None:
    from tests.agent.box import PEM  # noqa: PLC0415 (only here)

    (tmp_path / "other.pem").write_bytes(make_ca()[0].public_bytes(PEM))
    with pytest.raises(Untrusted):
        send(Box([server.url], client_context(tmp_path / "other.pem")), "k", {"a": 1})
    assert server.seen.records == []


def test_another_host_name_is_not_trusted(tmp_path: Path) -> None:
    server = FakeBox(tmp_path / "box", names=("elsewhere.example",))
    try:
        with pytest.raises(Untrusted):
            send(Box([server.url], client_context(server.folder / "ca.pem")), "k", {"a": 1})
    finally:
        server.down()


def test_a_foreign_client_certificate_is_refused(server: FakeBox) -> None:
    files = server.client_files(make_ca("Foreign"))
    with pytest.raises(RetryLater):
        send(Box([server.url], client_context(server.folder / "ca.pem", *files)), "k", {"a": 1})
    assert server.seen.records == []


def test_old_tls_is_refused(server: FakeBox) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(server.folder / "server.pem", server.folder / "server.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(RetryLater):
            send(Box([f"https://127.0.0.1:{port}"], client_context(server.folder / "ca.pem")), "k", {"a": 1})
        thread.join()


def test_the_next_address_is_tried(server: FakeBox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        dead = f"https://127.0.0.1:{free.getsockname()[1]}"
    box = Box([dead, server.url], client_context(server.folder / "ca.pem", *server.client_files()), timeout=2.0)
    send(box, "k", {"a": 1})
    box.close()
    with pytest.raises(RetryLater):
        Box([dead], client_context(server.folder / "ca.pem")).request("POST", BATCH_PATH, b"", {})
