"""What the API answers, on real parts."""

from __future__ import annotations

import base64
import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import DAY, HOUR, rfc3339
from appliance.normalise.model import Event
from appliance.normalise.times import EARLIEST
from appliance.state.models import Role
from appliance.store import EmbeddedStore
from appliance.store.shape import encode
from appliance.web.api.common import parse_moment
from appliance.web.export import csv_rows, harmless
from appliance.web.policy import Scope
from tests.appliance.web.conftest import AGENT, EVENT, TestBox, at


def test_health_says_little_to_nobody_and_more_to_who_may(box: TestBox) -> None:
    assert box.get("/health").json() == {"status": "ok"}
    known = box.get("/health", box.token(Scope.HEALTH_READ)).json()
    assert known["faults"] == []
    assert {role["role"] for role in known["roles"]} == {"gateway", "pipeline", "web", "jobs"}


def test_a_silent_role_makes_the_box_unwell(box: TestBox) -> None:
    later = at(box, box.context.now() + HOUR)
    assert (later.get("/health").status_code, later.get("/health").json()) == (503, {"status": "failing"})
    known = later.get("/health", box.token(Scope.HEALTH_READ))
    assert known.json()["faults"] == ["gateway", "pipeline", "web", "jobs"]


def test_status_counts_everything(box: TestBox) -> None:
    status = box.get("/status", box.token(Scope.HEALTH_READ)).json()
    assert status["ok"] is True
    assert status["alerts"] == {"new": 1, "received": 0, "in_progress": 0, "closed": 0}
    assert status["losses"]["day"] == 5
    assert status["dead_letters"]["count"] == 1
    assert status["journal"]["batches"] == 1
    assert status["rules"] == {"loaded": 1, "faults": 0}
    assert status["agents"][0]["alive"] is True
    assert status["store"]["events"] == 3


def test_an_alert_from_list_to_close(box: TestBox) -> None:
    anna, jan = box.person(Role.ADMIN, "anna"), box.person(Role.OPERATOR, "jan")
    (listed,) = box.get("/alerts?state=new&min_level=3&text=pc-7", anna).json()["items"]
    path = f"/alerts/{listed['id']}"
    assert (listed["count"], listed["owner"], listed["host"]) == (3, None, "PC-7")
    assert box.post(f"{path}/take", jan).json()["owner"] == "jan"
    late = box.post(f"{path}/close", anna, {"outcome": "threat", "reason": "x"})
    assert (late.status_code, late.json()["code"], late.json()["who"]) == (409, "alert_taken", "jan")
    people = {user["login"]: user["id"] for user in box.get("/users", anna).json()}
    assert box.post(f"{path}/assign", anna, {"user_id": people["anna"]}).json()["owner"] == "anna"
    assert box.post(f"{path}/note", jan, {"text": "<b>"}).status_code == 200
    closed = box.post(f"{path}/close", anna, {"outcome": "permitted", "reason": "Zlecenie 7"}).json()
    assert (closed["state"], closed["outcome"]) == ("closed", "permitted")
    assert box.post(f"{path}/acknowledge", jan).json()["code"] == "alert_state"
    assert box.post(f"{path}/reopen", jan, {"reason": "again"}).json()["owner"] == "jan"
    history = box.get(f"{path}/history", jan).json()
    assert [row["action"] for row in history] == ["created", "taken", "assigned", "noted", "closed", "reopened"]
    log = box.get("/operations?limit=3", anna).json()
    assert [row["action"] for row in log["items"]] == ["alert.reopened", "alert.closed", "alert.noted"]
    following = box.get(f"/operations?limit=3&after={log['next']}", anna).json()["items"]
    assert [row["action"] for row in following] == ["alert.assigned", "alert.taken"]


def test_evidence_explanation_and_deliveries(box: TestBox) -> None:
    party = box.token(Scope.ALERTS_READ)
    path = f"/alerts/{box.alert}"
    page = box.get(f"{path}/events?limit=2", party).json()
    rest = box.get(f"{path}/events?limit=2&after={page['next']}", party).json()
    assert len({row["event_id"] for row in page["items"] + rest["items"]}) == 3
    assert page["items"][0]["event"]["process.executable"] == "/bin/sh"
    explanation = box.get(f"{path}/explanation", party).json()
    tree = explanation["tree"]
    assert tree["truth"] is True
    assert [leaf["kind"] for leaf in explanation["changes"]] == ["leaf"]
    assert "/bin/sh" in json.dumps(tree)
    assert box.get(f"{path}/deliveries", party).json()[0]["channel"] == "email"


@pytest.mark.parametrize(
    "path",
    [
        "/alerts/99",
        "/alerts/99/events",
        "/alerts/99/history",
        "/alerts/99/explanation",
        f"/events/{'0' * 32}",
        f"/events/{'0' * 32}/around",
        "/agents/00000000-0000-4000-8000-000000000009",
        "/rules/none",
        "/dead-letters/99",
        "/dead-letters/99/original",
        "/users/99",
        "/nothing",
    ],
)
def test_what_is_not_there_is_said_not_to_be(box: TestBox, path: str) -> None:
    answer = box.get(path, box.token(Scope.ADMIN))
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        "/alerts/0",
        "/alerts/9223372036854775808",
        "/alerts?limit=0",
        "/alerts?limit=501",
        "/alerts?after=%00",
        "/alerts?after=MQ",
        "/alerts?state=old",
        "/alerts?from=yesterday",
        f"/alerts?text={'x' * 201}",
        "/events?q=(",
        "/events?after=x.y",
        f"/events?after=99999999999999999999.{'0' * 32}",
        "/events?from=99999999999999999999",
        "/events/histogram?from=5&to=5",
        "/events/top?field=%22;drop",
        "/events/not-an-id",
        "/dead-letters?after=eA",
        "/imports?source=x",
    ],
)
def test_wrong_input_is_named(box: TestBox, path: str) -> None:
    answer = box.get(path, box.token(Scope.ADMIN))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_fault_in_a_query_says_where(box: TestBox) -> None:
    fault = box.get("/events?q=user:(a", box.token(Scope.EVENTS_READ), headers={"Accept-Language": "pl"}).json()
    assert fault["code"] == "query"
    assert isinstance(fault["position"], int)
    assert str(fault["position"]) in fault["detail"]


def test_events_are_found_counted_and_exported(box: TestBox) -> None:
    party = box.token(Scope.EVENTS_READ)
    page = box.get("/events?limit=2", party).json()
    rest = box.get(f"/events?limit=2&after={page['next']}", party).json()
    assert len({event["event.id"] for event in page["items"] + rest["items"]}) == 3
    moment = box.context.now()
    span = f"from={rfc3339(moment - DAY)}&to={rfc3339(moment + DAY)}"
    assert box.get(f"/events/count?{span}", party).json() == {"count": 3, "missing": None}
    buckets = box.get(f"/events/histogram?{span}&buckets=10", party).json()
    assert sum(bucket["count"] for bucket in buckets["items"]) == 3
    assert buckets["missing"] is None
    top = box.get("/events/top?field=host.name", party).json()
    assert top == {"items": [{"value": "PC-7", "count": 3}], "missing": None}
    assert box.get(f"/events/{EVENT}", party).json()["host.name"] == "PC-7"
    assert len(box.get(f"/events/{EVENT}/around", party).json()) == 3
    lines = box.get("/events/export", party)
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    assert len([json.loads(line) for line in lines.text.splitlines()]) == 3
    table = list(csv.DictReader(io.StringIO(box.get("/events/export?format=csv", party).text.removeprefix("\ufeff"))))
    assert [row["host.name"] for row in table] == ["PC-7"] * 3
    chosen = box.get("/events/export?format=csv&fields=event.id&fields=host.name", party).text.splitlines()[0]
    assert chosen.removeprefix("\ufeff") == "event.id,host.name"


def test_events_of_1601_are_found_page_by_page(box: TestBox) -> None:
    """Windows tells a time that it does not know as the moment when it begins to count."""
    events: list[Event] = [
        {"event.id": f"{n:032x}", "@timestamp": EARLIEST + n // 2, "host.name": "PC-OLD"} for n in range(7)
    ]
    store = EmbeddedStore(box.context.home.store)
    store.append(encode(events), [], 0)
    store.close()
    party = box.token(Scope.EVENTS_READ)
    for span in ("to=0", f"from={EARLIEST}&to=-1", "from=1601-01-01T00:00:00Z&to=1601-01-02T00:00:00Z"):
        for order in ("newest", "oldest"):
            path = f"/events?{span}&limit=2&order={order}"
            pages = [box.get(path, party).json()]
            while pages[-1]["next"]:
                pages.append(box.get(f"{path}&after={pages[-1]['next']}", party).json())
            found = [event["event.id"] for page in pages for event in page["items"]]
            assert sorted(found) == [event["event.id"] for event in events]
        assert box.get(f"/events/count?{span}", party).json() == {"count": 7, "missing": None}
    assert box.get(f"/events?from={EARLIEST - 1}", party).status_code == 422
    assert box.get(f"/events?after={EARLIEST - 1}.{'0' * 32}", party).status_code == 422
    buckets = box.get(f"/events/histogram?from={EARLIEST}&to={EARLIEST + 4}&buckets=2", party).json()
    assert [bucket["count"] for bucket in buckets["items"]] == [4, 3]


def test_dead_letters_are_shown_and_never_rendered(box: TestBox) -> None:
    party = box.token(Scope.HEALTH_READ)
    (letter,) = box.get("/dead-letters", party).json()["items"]
    assert (letter["reason"], letter["start"]) == ("not JSON", "<script>�")
    whole = box.get(f"/dead-letters/{letter['id']}", party).json()
    assert base64.b64decode(whole["original"]) == b"<script>\xff"
    file = box.get(f"/dead-letters/{letter['id']}/original", party)
    assert (file.content, file.headers["content-type"]) == (b"<script>\xff", "application/octet-stream")
    assert file.headers["content-disposition"].startswith("attachment")


def test_the_result_of_an_import(box: TestBox) -> None:
    party = box.token(Scope.HEALTH_READ)
    found = box.get(f"/imports?source={AGENT}&keys=batch-1&keys=batch-2", party).json()
    assert found == [{"key": "batch-1", "read": 4, "stored": 3, "known": 0, "dead": 1}]


def test_a_station_is_revoked_and_the_log_knows_by_whom(box: TestBox) -> None:
    admin = box.person(Role.ADMIN)
    assert box.get("/agents", admin).json()["items"][0]["state"] == "active"
    assert box.post(f"/agents/{AGENT}/revoke", admin).json()["state"] == "revoked"
    entry = box.get("/operations", admin).json()["items"][0]
    assert (entry["who"], entry["action"], entry["target"]) == ("admin", "agent.revoked", AGENT)


def test_rules_and_losses(box: TestBox) -> None:
    party = box.token(Scope.ADMIN)
    (rule,) = box.get("/rules", party).json()["items"]
    assert (rule["title"], rule["hits"], rule["level"]) == ("Shell", 3, 3)
    assert box.get(f"/rules/{rule['id']}", party).json()["falsepositives"] == []
    (loss,) = box.get("/losses", party).json()
    assert (loss["host"], loss["cause"], loss["count"]) == ("PC-7", "audit_lost", 5)


def test_a_token_through_its_life(box: TestBox) -> None:
    admin = box.person(Role.ADMIN)
    made = box.post("/tokens", admin, {"name": "soar", "scopes": ["alerts:read"]})
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    assert box.get("/alerts", headers=headers).status_code == 200
    assert "token" not in box.get("/tokens", admin).json()[0]
    assert box.ask("DELETE", f"/api/v1/tokens/{made.json()['id']}", admin).json()["revoked_at"] is not None
    assert box.get("/alerts", headers=headers).status_code == 401


def test_people_through_the_api(box: TestBox) -> None:
    admin = box.person(Role.ADMIN)
    body = {"login": "Nowa", "name": "Nowa Osoba", "role": "operator", "password": "koń bateria zszywka"}
    made = box.post("/users", admin, body)
    assert (made.status_code, made.json()["login"]) == (201, "nowa")
    assert box.post("/users", admin, body).json()["code"] == "login_taken"
    assert box.post("/users", admin, body | {"password": "haslo123456"}).json()["code"] == "weak_password"
    path = f"/api/v1/users/{made.json()['id']}"
    assert box.ask("PATCH", path, admin, json={"role": "auditor"}).json()["role"] == "auditor"
    own = next(user["id"] for user in box.get("/users", admin).json() if user["login"] == "admin")
    last = box.ask("PATCH", f"/api/v1/users/{own}", admin, json={"disabled": True})
    assert (last.status_code, last.json()["code"]) == (409, "last_admin")


@given(st.text())
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    assert not harmless(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    heading, row = csv_rows([{"message": text, "n": ("=1",)}], ["message", "n"])
    assert heading.startswith("\ufeff".encode())
    cells = next(csv.reader(io.StringIO(row.decode(), newline="")))
    assert cells[1] == "'=1"
    assert cells[0] == harmless(text.replace("\x00", "")).encode("utf-8", "replace").decode()


@given(st.text(max_size=50) | st.integers() | st.none())
def test_a_moment_is_parsed_or_refused(value: object) -> None:
    try:
        found = parse_moment(value)
    except ValueError:
        return
    assert found == value or isinstance(found, int)
