"""Groups, trees, suggestions and files of events over the API, and questions that nobody waits for any more."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from appliance.store import EmbeddedStore
from appliance.store.shape import encode
from appliance.web.policy import Scope
from tests.appliance.alerts.conftest import hit
from tests.appliance.web.conftest import EVENT, TestBox, run


def test_groups_with_measures(box: TestBox) -> None:
    party = box.token(Scope.EVENTS_READ)
    path = "/events/groups?by=host.name&by=process.args&measure=distinct:event.id&measure=max:@timestamp&n=2"
    found = box.get(path, party).json()
    newest = box.get("/events?limit=1", party).json()["items"][0]["@timestamp"]
    assert [row["key"] for row in found["items"]] == [["PC-7", "-c"], ["PC-7", "id"]]
    assert [row["count"] for row in found["items"]] == [3, 3]
    assert [row["measures"] for row in found["items"]] == [[3, newest]] * 2
    assert found["more"] is True


WRONG = (
    "/events/groups",
    "/events/groups?by=a&by=b&by=c&by=d&by=e",
    "/events/groups?by=usr.name",
    "/events/groups?by=host.name&measure=avg:event.code",
    "/events/groups?by=host.name&n=1001",
    "/events/groups?by=host.name%22%3B--",
    "/events/suggestions?at=-1",
    f"/events/{EVENT}/process-tree?up=51",
)


def test_wrong_questions_are_named(box: TestBox) -> None:
    party = box.token(Scope.EVENTS_READ)
    assert {path: box.get(path, party).status_code for path in WRONG} == dict.fromkeys(WRONG, 422)


def test_a_tree_of_processes(box: TestBox) -> None:
    party = box.token(Scope.EVENTS_READ)
    found = box.get(f"/events/{EVENT}/process-tree", party).json()
    assert [(node["event"]["event.id"], node["parent"]) for node in found["items"]] == [(EVENT, None)]
    assert found["complete"] is True
    assert box.get(f"/events/{'0' * 32}/process-tree", party).status_code == 404


def test_names_and_values_are_suggested(box: TestBox) -> None:
    party = box.token(Scope.EVENTS_READ)

    def asked(query: str) -> dict[str, Any]:
        found: dict[str, Any] = box.get("/events/suggestions", party, params={"q": query, "at": len(query)}).json()
        return found

    names = asked("NOT hos")
    assert (names["kind"], names["start"], names["end"]) == ("field", 4, 7)
    assert names["items"][0] == {"text": "host:", "count": None}
    values = asked("host.name:p")
    assert values["items"] == [{"text": "PC-7", "count": 3}]
    assert asked('process.executable:"/b')["items"] == [{"text": '"/bin/sh"', "count": 3}]
    assert [one["text"] for one in asked("time:now/")["items"]] == ["now/d", "now/w", "now/M"]
    assert asked("usr.name:x")["items"] == []
    assert asked('"free')["kind"] == "none"


def test_a_question_ends_when_its_asker_has_gone(box: TestBox) -> None:
    writer = EmbeddedStore(box.context.home.store)
    long = [hit(n, fields={"process.command_line": f"{n}" + "ab" * 4000}).event for n in range(100, 5000)]
    writer.append(encode([dict(event) for event in long]), [], 99)
    writer.close()
    query = "%20OR%20".join(f"x{n}*b?c*{n}" for n in range(40))
    headers = [(name.lower().encode(), value.encode()) for name, value in box.token(Scope.EVENTS_READ).headers.items()]
    sent: list[Any] = []

    async def ask() -> None:
        gone = asyncio.Event()
        began = False

        async def receive() -> dict[str, Any]:
            nonlocal began
            if not began:
                began = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/api/v1/events/count", "raw_path": b"/api/v1/events/count",
                 "query_string": b"q=" + query.encode(), "headers": headers, "http_version": "1.1", "scheme": "https",
                 "server": ("box", 443), "client": ("::1", 1), "root_path": "", "asgi": {"version": "3.0"}}  # fmt: skip
        asyncio.get_running_loop().call_later(0.2, gone.set)
        await box.app(scope, receive, send)

    began = time.process_time()
    run(ask())
    assert sent[0]["status"] == 503
    assert time.process_time() - began < 8
