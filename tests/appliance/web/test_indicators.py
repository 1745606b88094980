"""Indicators through the API: lists in by each form, faults by line, found, removed, and who may."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from appliance.clock import DAY
from appliance.indicators import book
from appliance.indicators.files import MAX_BYTES
from appliance.state.models import Operation, Role
from appliance.web.policy import Scope
from appliance.web.security import LARGER, MAX_BODY
from tests.appliance.web.conftest import Party, TestBox

IMPORT = "/api/v1/indicators/import"
BAD = "zly.example.com"


@pytest.fixture
def operator(box: TestBox) -> Party:
    return box.person(Role.OPERATOR)


def send(box: TestBox, who: Party | None, content: bytes, **asked: Any) -> httpx.Response:
    return box.ask("POST", IMPORT, who, content=content, params={"source": "CSIRT NASK"} | asked)


def operations(box: TestBox) -> list[tuple[str, str, str]]:
    with box.context.sessions() as session:
        rows = session.scalars(select(Operation).order_by(Operation.id)).all()
        return [(one.who, one.action, one.target) for one in rows]


def test_a_list_comes_is_found_and_goes(box: TestBox, operator: Party) -> None:
    before = box.context.now()
    answer = send(box, operator, b"hxxp://zly[.]example[.]com\n8.8.4.4 # serwer\n", days=30, comment=" pismo 12 ")
    assert answer.status_code == 201
    assert answer.json() == {"new": {"domain": 1, "address": 1}, "known": 0, "refused": 0, "faults": []}
    told = box.get("/indicators/sources", operator).json()
    assert told["total"] == 2
    assert [(one["name"], one["kind"], one["acting"], one["expired"]) for one in told["items"]] == [
        ("CSIRT NASK", "address", 1, 0),
        ("CSIRT NASK", "domain", 1, 0),
    ]
    (found,) = box.get("/indicators?value=ZLY[.]EXA", box.token(Scope.RULES_READ)).json()["items"]
    assert (found["value"], found["source"], found["comment"], found["in_force"]) == (
        BAD, "CSIRT NASK", "pismo 12", True,
    )  # fmt: skip
    assert before <= found["added_at"] <= found["expires_at"] - 30 * DAY <= box.context.now()
    (other,) = box.get("/indicators?value=8.8", operator).json()["items"]
    assert other["comment"] == "serwer"
    again = send(box, operator, b"zly.example.com\nzly.example.net\n")
    assert (again.json()["new"], again.json()["known"]) == ({"domain": 1}, 1)
    gone = box.post("/indicators/remove", operator, {"values": ["hxxp://ZLY[.]example.com"]})
    assert (gone.status_code, gone.json()) == (200, {"removed": 1})
    assert box.post("/indicators/remove", operator, {"values": [BAD]}).json()["code"] == "indicator_unknown"
    assert box.post("/indicators/remove", operator, {"source": "CSIRT NASK"}).json() == {"removed": 2}
    assert box.post("/indicators/remove", operator, {}).json()["code"] == "indicators_unnamed"
    assert box.get("/indicators", operator).json() == {"items": [], "next": None}
    assert operations(box) == [
        ("operator", "indicators.imported", "CSIRT NASK"),
        ("operator", "indicators.imported", "CSIRT NASK"),
        ("operator", "indicators.removed", BAD),
        ("operator", "indicators.removed", "CSIRT NASK"),
    ]


def test_pages_of_values_hang_together(box: TestBox, operator: Party) -> None:
    send(box, operator, "\n".join(f"z{n}.example.com" for n in range(7)).encode())
    seen: list[str] = []
    after = ""
    while after is not None:
        page = box.get(f"/indicators?limit=3{after and '&after=' + after}", operator).json()
        seen += [one["value"] for one in page["items"]]
        after = page["next"]
    assert sorted(seen) == [f"z{n}.example.com" for n in range(7)]
    assert box.get("/indicators?after=x", operator).json()["code"] == "cursor"
    whole = box.get("/indicators?value=z1.example.com&whole=true", operator).json()["items"]
    assert [one["value"] for one in whole] == ["z1.example.com"]
    assert box.get("/indicators?source=CERT", operator).json()["items"] == []


@pytest.mark.parametrize(
    ("content", "name", "found"),
    [
        (b"domain;comment\nzly.example.com;x\n", "lista.csv", BAD),
        (json.dumps({"Event": {"Attribute": [{"type": "md5", "value": "ab" * 16}]}}).encode(), "", "ab" * 16),
        (json.dumps({"type": "bundle", "objects": [{"type": "indicator", "pattern": f"[domain-name:value='{BAD}']"}]})
         .encode(), "x.json", BAD),
    ],
    ids=["csv", "misp", "stix"],
)  # fmt: skip
def test_every_form_of_the_command_is_taken(
    box: TestBox, operator: Party, content: bytes, name: str, found: str
) -> None:
    assert send(box, operator, content, name=name).status_code == 201
    assert [one["value"] for one in box.get("/indicators", operator).json()["items"]] == [found]


def test_what_is_refused_is_told_by_line_and_the_rest_is_taken(box: TestBox, operator: Party) -> None:
    box.context.home.lists.mkdir(parents=True)
    (box.context.home.lists / "own_domains.txt").write_text("gmina.example.pl\n")
    answer = send(box, operator, b"# x\nzly.example.com\n10.0.0.1\nbip.gmina.example.pl\n")
    assert answer.status_code == 201
    told = answer.json()
    assert (told["new"], told["refused"], [one["line"] for one in told["faults"]]) == ({"domain": 1}, 2, [3, 4])
    assert told["faults"][0]["message"].startswith("“10.0.0.1”: the address is private")


@pytest.mark.parametrize(
    ("content", "name", "code", "fields"),
    [
        (b"10.0.0.1\n\npl\n", "", "indicators_broken", ["line 1", "line 3"]),
        (b'{"Event": {\n "Attribute": [}', "a.json", "indicators_broken", ["line 2"]),
        (b"a.example.com\n\xff", "", "indicators_broken", ["line 2"]),
        (b"", "", "indicators_empty", []),
    ],
    ids=["refused", "json", "utf8", "empty"],
)
def test_a_list_of_which_nothing_is_taken_is_a_problem_with_its_lines(
    box: TestBox, operator: Party, content: bytes, name: str, code: str, fields: list[str]
) -> None:
    answer = send(box, operator, content, name=name)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["field"] for one in answer.json()["faults"]] == fields
    assert operations(box) == []


@pytest.mark.parametrize(
    "asked",
    [{"source": " "}, {"source": "a\nb"}, {"source": "x" * 121}, {"days": 0}, {"days": 4000}, {"comment": "x" * 301}],
)
def test_what_describes_a_list_is_bounded(box: TestBox, operator: Party, asked: dict[str, Any]) -> None:
    assert send(box, operator, b"zly.example.com", **asked).status_code == 422


def test_more_than_may_be_kept_are_refused(box: TestBox, operator: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MOST", 1)
    answer = send(box, operator, b"a.example.com\nb.example.com\n")
    assert (answer.status_code, answer.json()["code"], answer.json()["there"]) == (409, "indicators_full", 0)


def test_a_list_may_be_larger_than_other_bodies_and_is_bounded_too(box: TestBox, operator: Party) -> None:
    line = b"# " + b"x" * 1000 + b"\n"
    assert send(box, operator, line * 3000 + b"zly.example.com\n").status_code == 201
    over = send(box, operator, b"x" * (MAX_BYTES + 2))
    assert (over.status_code, over.json()["limit"]) == (413, LARGER[IMPORT])
    assert box.post("/indicators/remove", operator, {"values": ["x" * MAX_BODY]}).json()["limit"] == MAX_BODY


@pytest.mark.parametrize("path", [IMPORT, "/wskazniki"])
@pytest.mark.parametrize("who", [None, Role.AUDITOR, Scope.RULES_READ, Scope.HUNTS_WRITE])
def test_who_may_not_is_refused_before_the_list_is_read(box: TestBox, who: Role | Scope | None, path: str) -> None:
    party = None if who is None else box.person(who) if isinstance(who, Role) else box.token(who)
    asked: list[int] = []

    async def told() -> int:
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            asked.append(1)
            return {"type": "http.request", "body": b"zly.example.com\n", "more_body": False}

        async def answer(message: Any) -> None:
            messages.append(message)

        headers = {"host": "box", "content-type": "multipart/form-data; boundary=x"} | (party.headers if party else {})
        pairs = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "scheme": "https",
            "query_string": b"source=x", "root_path": "", "http_version": "1.1", "client": ("1.2.3.4", 1),
            "server": ("box", 443), "headers": pairs,
        }  # fmt: skip
        box.app.state.context = box.context
        await box.app(scope, receive, answer)
        return int(messages[0]["status"])

    assert asyncio.run(told()) == (401 if party is None else 403)
    assert asked == []


def test_a_token_of_its_scope_may(box: TestBox) -> None:
    robot = box.token(Scope.INDICATORS_WRITE)
    assert send(box, robot, b"zly.example.com").status_code == 201
    assert box.get("/indicators", robot).status_code == 200
    assert operations(box) == [("token:robot", "indicators.imported", "CSIRT NASK")]
