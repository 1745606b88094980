"""Saved searches over the API and on their page: roles, times that stay relative, and what is refused."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest

from appliance.clock import HOUR
from appliance.state.models import Operation, Role
from appliance.web.policy import Scope
from tests.appliance.web.conftest import TestBox

BODY = {"name": "kadry", "query": "host:PC-7", "span": "7d", "columns": ["process.pid", "_opis"], "shared": True}


def test_a_search_is_kept_read_changed_and_deleted(box: TestBox) -> None:
    ala, jan = box.person(Role.OPERATOR, "ala"), box.person(Role.ADMIN, "jan")
    made = box.post("/searches", ala, BODY)
    assert made.status_code == 201
    number = made.json()["id"]
    (listed,) = box.get("/searches", jan).json()
    assert listed == box.get(f"/searches/{number}", ala).json()
    assert {name: listed[name] for name in BODY} == BODY
    assert (listed["since"], listed["until"], listed["author"]) == (None, None, "ala")
    renamed = box.ask("PATCH", f"/api/v1/searches/{number}", jan, json={"name": "kadry i płace"})
    assert renamed.json()["name"] == "kadry i płace"
    taken = box.ask("PATCH", f"/api/v1/searches/{number}", jan, json={"shared": False})
    assert (taken.status_code, taken.json()["code"]) == (409, "search_author")
    assert box.ask("DELETE", f"/api/v1/searches/{number}", jan).status_code == 204
    assert (box.get(f"/searches/{number}", ala).status_code, box.get("/searches", ala).json()) == (404, [])


def test_who_only_reads_uses_what_is_shared(box: TestBox) -> None:
    ala = box.person(Role.OPERATOR, "ala")
    box.post("/searches", ala, BODY)
    box.post("/searches", ala, BODY | {"name": "moje", "shared": False})
    for party in (box.person(Role.AUDITOR), box.token(Scope.EVENTS_READ)):
        assert [one["name"] for one in box.get("/searches", party).json()] == ["kadry"]
        assert box.post("/searches", party, BODY | {"name": "x"}).status_code == 403
    text = box.ask("GET", "/zdarzenia/zapisane", box.person(Role.AUDITOR)).text
    assert "kadry" in text
    assert "moje" not in text
    assert "/usun" not in text
    assert 'id="keep"' not in box.ask("GET", "/zdarzenia", box.person(Role.AUDITOR)).text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": ""}, 422),
        ({"name": "x", "query": "(a"}, 422),
        ({"name": "x", "span": "7d", "since": 1}, 422),
        ({"name": "x", "since": 2, "until": 1}, 422),
        ({"name": "x", "columns": ["a"] * 13}, 422),
        ({"name": "x", "columns": ["<script>"]}, 422),
        ({"name": "kadry"}, 409),
        ({"name": "x", "since": 1}, 201),
        ({"name": "x"}, 201),
    ],
)
def test_what_cannot_be_kept_is_refused(box: TestBox, body: dict[str, object], status: int) -> None:
    who = box.person(Role.OPERATOR)
    box.post("/searches", who, BODY)
    answer = box.post("/searches", who, body)
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["span"] == ("" if "since" in body else "24h")


def form(box: TestBox, address: str, **more: str) -> dict[str, str]:
    """The fields of the form that keeps what a page was asked."""
    text = box.ask("GET", address, box.person(Role.OPERATOR)).text
    inside = text[text.index('id="keep"') :]
    inside = inside[: inside.index("</form>")]
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', inside)}
    return {name: value for name, value in fields.items() if name != "csrf"} | more


@pytest.mark.parametrize("address", [
    "/zdarzenia?q=host%3APC-7&okres=30d&kol=process.pid,_opis&wg=host.name",
    "/zdarzenia?q=&od=21.11.2026&do=22.11.2026,+14:03:05&wg=brak",
])  # fmt: skip
def test_the_page_keeps_what_it_was_asked_and_asks_it_again(box: TestBox, address: str) -> None:
    who = box.person(Role.OPERATOR)
    kept = box.ask("POST", "/zdarzenia/zapisane", who, data=form(box, address, name="<b>moje</b>", shared="1"))
    assert (kept.status_code, kept.headers["location"].endswith("ok=search_saved")) == (303, True)
    for page in ("/zdarzenia", "/zdarzenia/zapisane"):
        text = box.ask("GET", page, who).text
        assert "<b>moje" not in text
        link = unescape(re.search(r'href="(/zdarzenia\?[^"]+)">&lt;b&gt;moje', text)[1])  # type: ignore[index] # there is one
        said, wanted = (dict(parse_qsl(urlsplit(one).query, keep_blank_values=True)) for one in (link, address))
        wanted = {name: text for name, text in wanted.items() if text}
        if "od" in wanted:
            wanted["od"] += ", 00:00:00"
        assert said == wanted


def test_a_relative_time_stays_relative(box: TestBox) -> None:
    who = box.person(Role.OPERATOR)
    box.ask("POST", "/zdarzenia/zapisane", who, data={"name": "x", "okres": "1h"})
    (row,) = box.get("/searches", who).json()
    assert (row["span"], row["since"], row["until"]) == ("1h", None, None)
    box.ask(
        "POST", "/zdarzenia/zapisane", who, data={"name": "y", "od": "21.11.2026, 12:00", "do": "21.11.2026, 13:00"}
    )
    row = box.get("/searches", who).json()[1]
    assert (row["span"], row["until"] - row["since"]) == ("", HOUR)


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        ({"name": " "}, 422, "od 1 do 120 znaków"),
        ({"name": "x" * 121}, 422, "od 1 do 120 znaków"),
        ({"name": "x", "q": "(a"}, 422, "nie da się zadać"),
        ({"name": "x", "od": "kiedyś"}, 422, "nie da się odczytać"),
        ({"name": "kadry"}, 409, "już jest"),
    ],
)
def test_the_page_says_why_it_did_not_keep(box: TestBox, data: dict[str, str], status: int, said: str) -> None:
    who = box.person(Role.OPERATOR)
    box.post("/searches", who, BODY)
    answer = box.ask("POST", "/zdarzenia/zapisane", who, data=data)
    assert answer.status_code == status
    assert said in answer.text.replace("\u00a0", " ")
    assert len(box.get("/searches", who).json()) == 1


def test_the_page_renames_shares_and_deletes(box: TestBox) -> None:
    ala, jan = box.person(Role.OPERATOR, "ala"), box.person(Role.OPERATOR, "jan")
    number = box.post("/searches", ala, BODY | {"shared": False}).json()["id"]
    path = f"/zdarzenia/zapisane/{number}"
    assert box.ask("POST", path, jan, data={"name": "moje"}).status_code == 404
    assert box.ask("POST", path, ala, data={"name": "wspólne", "shared": "1"}).status_code == 303
    assert [(one["name"], one["shared"]) for one in box.get("/searches", jan).json()] == [("wspólne", True)]
    assert box.ask("POST", path, jan, data={"name": "wspólne"}).status_code == 409
    assert box.ask("POST", f"{path}/usun", jan).status_code == 303
    with box.context.sessions() as session:
        acts = [one.action for one in session.query(Operation).order_by(Operation.id)]
    assert acts == ["search.saved", "search.changed", "search.deleted"]
