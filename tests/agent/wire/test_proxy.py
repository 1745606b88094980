"""The way through a proxy, and whoever pretends to be the box on it."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agent.wire.proxy import Proxy, proxy_for
from agent.wire.transport import Box, RetryLater, client_context
from tests.agent.box import FakeBox

NO_PROXIES = {"NO_PROXY": "gmina.pl, .lan,10.1.0.0/16,stacja,fd00::/8"}


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy:8080", Proxy("proxy", 8080, {})),
        ("proxy:8080", Proxy("proxy", 8080, {})),
        ("http://proxy", Proxy("proxy", 3128, {})),
        ("http://jan:za%3A1@proxy:1/", Proxy("proxy", 1, {"Proxy-Authorization": "Basic amFuOnphOjE="})),
        ("", None),
    ],
)
def test_where_the_proxy_is(text: str, proxy: Proxy | None) -> None:
    assert proxy_for("box", {"HTTPS_PROXY": text}) == proxy
    assert proxy_for("box", {"https_proxy": text, "NO_PROXY": "boxes,other.box"}) == proxy
    assert proxy_for("box", {"HTTPS_PROXY": text, "NO_PROXY": "*"}) is None


@pytest.mark.parametrize(
    ("host", "left"),
    [("gmina.pl", True), ("czujka.gmina.pl", True), ("zlagmina.pl", False), ("box.lan", True), ("STACJA", True),
     ("10.1.2.3", True), ("10.2.2.3", False), ("fd00::1", True), ("stacja2", False)],
)  # fmt: skip
def test_who_goes_without_it(host: str, left: bool) -> None:
    assert (proxy_for(host, {"HTTPS_PROXY": "http://proxy:1", **NO_PROXIES}) is None) == left


@pytest.mark.parametrize("text", ["socks5://proxy:1", "https://proxy", "http://"])
def test_another_kind_of_proxy_is_a_fault(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY"):
        proxy_for("box", {"HTTPS_PROXY": text})
    box = FakeBox(tmp_path)
    try:
        client = Box([box.url], client_context(tmp_path / "ca.pem"), environment={"HTTPS_PROXY": text})
        with pytest.raises(RetryLater, match="HTTPS_PROXY"):
            client.heartbeat({})
    finally:
        box.down()


class Middle:
    """A proxy on 127.0.0.1 that gives each CONNECT an answer and then, if it is a 200, the way to the box."""

    def __init__(self, answer: bytes, *, through: bool = True) -> None:
        self.asked: list[bytes] = []
        self._answer, self._through = answer, through
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client:
                client.settimeout(5.0)
                self._connection(client)

    def _connection(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head and (part := client.recv(4096)):
            head += part
        self.asked.append(head)
        client.sendall(self._answer)
        if not self._through:
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port)), 5.0) as box:
            ends = {client: box, box: client}
            while True:
                ready, _, _ = select.select(list(ends), [], [], 5.0)
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    ends[one].sendall(data)
                if not ready:
                    return

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path / "box")
    yield made
    made.down()


def beat(server: FakeBox, middle: Middle, extra: Mapping[str, str], timeout: float = 3.0) -> dict[str, object]:
    context = client_context(server.folder / "ca.pem", *server.client_files())
    environment = {"HTTPS_PROXY": f"http://jan:x1@127.0.0.1:{middle.port}", **extra}
    try:
        with Box([server.url], context, timeout=timeout, environment=environment) as box:
            return box.heartbeat({"n": 1})
    finally:
        middle.close()


def test_the_box_is_reached_through_the_proxy(server: FakeBox) -> None:
    middle = Middle(b"HTTP/1.1 200 Connection established\r\n\r\n")
    assert beat(server, middle, {}) == {}
    assert server.seen.heartbeats == [{"n": 1}]
    assert middle.asked[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1." % server.port)
    assert b"Proxy-Authorization: Basic amFuOngx" in middle.asked[0]


def test_a_box_of_the_own_network_is_reached_without_it(server: FakeBox) -> None:
    middle = Middle(b"")
    assert beat(server, middle, {"NO_PROXY": "127.0.0.0/8"}) == {}
    assert middle.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://portal.hotel/\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Witamy w sieci hotelu</html>",
        b"HTTP/1.1 200 OK\r\n" + b"X-Endless: 1\r\n" * 500 + b"\r\n",
        b"not even HTTP\r\n\r\n",
        b"",
    ],
    ids=["proxy wants a password", "portal leads away", "portal answers itself", "endless head", "nonsense", "nothing"],
)
def test_a_captive_portal_gets_nothing_and_costs_nothing(server: FakeBox, answer: bytes) -> None:
    with pytest.raises(RetryLater):
        beat(server, Middle(answer, through=False), {})
    assert server.seen.heartbeats == []


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 407 \x1b]0;forged\x07 " + b"x" * 9000 + b"\r\n\r\n", b"\x1b[2J" + b"y" * 9000 + b"\r\n\r\n"],
    ids=["reason", "nonsense"],
)
def test_what_a_portal_says_is_told_short_and_without_control_characters(server: FakeBox, answer: bytes) -> None:
    with pytest.raises(RetryLater) as caught:
        beat(server, Middle(answer, through=False), {})
    assert caught.value.reason.isprintable()
    assert 20 < len(caught.value.reason) < 300


class Dripping(Middle):
    """A proxy that takes a CONNECT and goes on with its head for ever."""

    def _connection(self, client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        with contextlib.suppress(OSError):
            while True:
                time.sleep(0.05)
                client.sendall(b"X-More: and more\r\n")


def test_a_proxy_that_never_comes_to_its_point_is_left_in_time(server: FakeBox) -> None:
    began = time.monotonic()
    with pytest.raises(RetryLater, match="too long"):
        beat(server, Dripping(b""), {}, timeout=0.5)
    assert time.monotonic() - began < 3.0
    assert server.seen.heartbeats == []
