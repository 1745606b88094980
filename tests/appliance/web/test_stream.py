"""The live stream over a real server with TLS, as roles/web.py makes it."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
import uvicorn

from appliance.alerts.grouping import apply
from appliance.clock import now
from appliance.roles.web import make_server
from appliance.state.database import writing
from appliance.web.context import Context
from appliance.web.policy import Scope
from appliance.web.problem import Problem
from appliance.web.stream import LISTENERS, Broadcaster, Change
from tests.appliance.alerts.conftest import hit
from tests.appliance.web.conftest import Party, TestBox, fill, run

DEADLINE = 15.0


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def served(context: Context) -> Iterator[TestBox]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = replace(context, settings=context.settings.model_copy(update={"port": port}))
    alert = fill(context)
    server: uvicorn.Server = make_server(context)
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield TestBox(server.config.loaded_app, context, "", alert)
    server.should_exit = True
    thread.join(DEADLINE)
    assert not thread.is_alive()


def client(box: TestBox, party: Party) -> httpx.Client:
    trust = ssl.create_default_context(cafile=str(box.context.home.ca))
    base = f"https://127.0.0.1:{box.context.settings.port}/api/v1"
    return httpx.Client(base_url=base, verify=trust, headers=party.headers, timeout=DEADLINE)


def events(lines: Iterator[str]) -> Iterator[tuple[int, dict[str, object]]]:
    number = 0
    for line in lines:
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            yield number, json.loads(line[6:])


def new_alert(context: Context, number: int) -> int:
    with writing(context.sessions) as session:
        return apply(session, [hit(number, now(), rule_number=number)], now(), context.settings)[0]


def test_an_alert_arrives_within_a_second_and_a_return_misses_nothing(served: TestBox) -> None:
    party = served.token(Scope.ALERTS_READ)
    with client(served, party) as asker:
        with asker.stream("GET", "/stream") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            assert next(lines) == "retry: 2000"
            began = time.monotonic()
            alert = new_alert(served.context, 50)
            last, told = next(events(lines))
            assert time.monotonic() - began < 1
            assert told == {"alert_id": alert, "kind": "alert.new", "level": 3, "title": "Rule 50", "host": "PC-7"}
        missed = [new_alert(served.context, number) for number in (51, 52)]
        with asker.stream("GET", "/stream", headers={"Last-Event-ID": str(last)}) as answer:
            back = events(answer.iter_lines())
            assert [next(back)[1]["alert_id"] for _ in missed] == missed
            live = new_alert(served.context, 53)
            assert next(back)[1]["alert_id"] == live
        until(lambda: served.app.state.broadcaster.listeners == 0)


def test_nobody_listens_without_the_right(served: TestBox) -> None:
    with client(served, Party("", {})) as asker:
        assert asker.get("/stream").status_code == 401
    with client(served, served.token(Scope.RULES_READ)) as asker:
        assert asker.get("/stream").status_code == 403
        assert asker.get("/health").status_code == 200


def test_tls_1_2_is_the_oldest_that_is_taken(served: TestBox) -> None:
    old = ssl.create_default_context(cafile=str(served.context.home.ca))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    address = ("127.0.0.1", served.context.settings.port)
    with socket.create_connection(address) as plain, old.wrap_socket(plain, server_hostname="localhost") as tls:
        assert tls.version() == "TLSv1.2"


def test_listeners_are_bounded_and_a_slow_one_is_let_go(context: Context) -> None:
    async def scenario() -> None:
        broadcaster = Broadcaster(context.settings.database(context.home), context.sessions)
        queues = [broadcaster.subscribe() for _ in range(LISTENERS)]
        with pytest.raises(Problem):
            broadcaster.subscribe()
        changes = [Change(number, "alert.new", 1, 3, "x", "y") for number in range(queues[0].maxsize + 1)]
        broadcaster._put(queues[0], changes)
        assert broadcaster.listeners == LISTENERS - 1
        left = [queues[0].get_nowait() for _ in range(queues[0].qsize())]
        assert left[-1] is None

    run(scenario())


def test_a_title_cannot_break_the_framing() -> None:
    text = Change(1, "alert.new", 2, 3, "a\n\ndata: {}\r\n", "h\u2028").encode()
    assert text.count(b"\n") == 4
    assert text.endswith(b"\n\n")
    assert json.loads(text.split(b"data: ", 1)[1].decode())["title"] == "a\n\ndata: {}\r\n"
