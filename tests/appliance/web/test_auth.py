"""Sessions, tokens, CSRF, origins, lockout and the set-up link, through the app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from appliance.accounts import sessions as browsers
from appliance.accounts import tokens
from appliance.clock import MINUTE
from appliance.state.database import writing
from appliance.state.models import ApiToken, Role, User
from appliance.web.app import create_app
from appliance.web.auth import COOKIE, CSRF_HEADER
from appliance.web.limits import REQUESTS
from appliance.web.policy import Scope
from tests.appliance.web.conftest import Party, TestBox, at


def without(party: Party, name: str) -> Party:
    return Party(party.name, {key: value for key, value in party.headers.items() if key != name})


def test_a_change_from_a_browser_needs_its_csrf_token(box: TestBox) -> None:
    operator = box.person(Role.OPERATOR)
    other = box.person(Role.OPERATOR, "other")
    path = f"/alerts/{box.alert}/acknowledge"
    assert box.post(path, without(operator, CSRF_HEADER)).status_code == 403
    stolen = operator.headers | {CSRF_HEADER: other.headers[CSRF_HEADER]}
    assert box.post(path, Party("x", stolen)).json()["code"] == "csrf"
    assert box.get(f"/alerts/{box.alert}", operator).json()["state"] == "new"
    assert box.post(path, operator).json()["state"] == "received"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://box"},
        {"Origin": "null"},
        {"Origin": "https://box:8443"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_change_from_another_site_is_refused(box: TestBox, headers: dict[str, str]) -> None:
    operator = without(box.person(Role.OPERATOR), "Origin")
    answer = box.post(f"/alerts/{box.alert}/acknowledge", operator, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


def test_reading_needs_no_csrf_token(box: TestBox) -> None:
    party = box.person(Role.AUDITOR)
    assert box.get("/alerts", Party("x", {"Cookie": party.headers["Cookie"]})).status_code == 200


def test_a_session_ends_when_idle_when_old_and_when_its_person_is_disabled(box: TestBox) -> None:
    party, moment = box.person(Role.OPERATOR), box.context.now() - MINUTE
    assert at(box, moment + browsers.IDLE - 1).get("/alerts", party).status_code == 200
    assert at(box, moment + browsers.IDLE - 1 + browsers.IDLE // 4).get("/alerts", party).status_code == 200
    assert at(box, moment + MINUTE + browsers.LIFETIME).get("/alerts", party).status_code == 401
    late = box.person(Role.OPERATOR)
    assert at(box, box.context.now() + browsers.IDLE).get("/alerts", late).status_code == 401
    last = box.person(Role.OPERATOR)
    with writing(box.context.sessions) as session:
        session.scalars(select(User).where(User.login == last.name)).one().disabled = True
    assert box.get("/alerts", last).status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "x" * 10_000, "\x7f", "a=b; c"])
def test_a_wrong_cookie_is_nobody(box: TestBox, cookie: str) -> None:
    assert box.get("/alerts", Party("x", {"Cookie": f"{COOKIE}={cookie}"})).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer czj_x", "Basic czj_x", "x" * 5000, "Bearer czj_ż"])
def test_a_wrong_token_is_refused_even_where_nobody_needs_one(box: TestBox, header: str) -> None:
    answer = box.get("/health", Party("x", {"Authorization": header.encode()}))  # type: ignore[dict-item]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_opens_nothing(box: TestBox) -> None:
    party = box.token(Scope.ALERTS_READ)
    assert box.get("/alerts", party).status_code == 200
    with writing(box.context.sessions) as session:
        row = session.scalars(select(ApiToken)).one()
        assert row.used_at is not None
        tokens.revoke_token(session, row, 1)
    assert box.get("/alerts", party).status_code == 401


def test_a_token_needs_neither_csrf_nor_origin(box: TestBox) -> None:
    party = box.token(Scope.ALERTS_WRITE)
    answer = box.post(f"/alerts/{box.alert}/acknowledge", party, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 200
    assert box.get(f"/alerts/{box.alert}/history", party).json()[-1]["who"] == "token:robot"


def test_headers_stand_on_every_answer(box: TestBox) -> None:
    answers = [
        box.get("/health"),
        box.get("/alerts"),
        box.ask("GET", "/api/v1/nothing"),
        box.ask("PUT", "/api/v1/health"),
        box.ask("POST", "/api/v1/alerts", content=b"x" * 2_000_000),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 404, 405, 413]
    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_a_body_past_the_bound_is_refused(box: TestBox) -> None:
    operator = box.person(Role.OPERATOR)
    answer = box.post(f"/alerts/{box.alert}/note", operator, {"text": "x" * (1 << 20)})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * (1 << 16)

    path = f"/api/v1/alerts/{box.alert}/note"
    unannounced = box.ask("POST", path, operator, content=pieces(), headers={"Content-Type": "application/json"})
    assert (unannounced.status_code, unannounced.json()["code"]) == (413, "too_large")


def test_an_unforeseen_error_is_answered_and_keeps_its_secrets(box: TestBox) -> None:
    def broken() -> None:
        raise RuntimeError("secret")

    own = replace(box, app=create_app(box.context))
    own.app.add_api_route("/api/v1/broken", broken)
    answer = own.get("/broken", headers={"Accept-Language": "pl"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert answer.json()["incident"] in answer.json()["detail"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_problems_speak_the_language_asked_for(box: TestBox) -> None:
    assert box.get("/alerts").json()["detail"] == "Sign in, or give an API token."
    polish = box.get("/alerts", headers={"Accept-Language": "pl-PL,en;q=0.5"}).json()
    assert polish["detail"] == "Zaloguj się albo podaj token API."
    assert (polish["type"], polish["status"], polish["instance"]) == (
        "urn:czujka:problem:unauthenticated",
        401,
        "/api/v1/alerts",
    )


def test_an_address_that_asks_too_much_is_told_to_wait(box: TestBox) -> None:
    rates = box.app.state.rates
    for _ in range(3000):
        rates.check("request", "127.0.0.1", REQUESTS)
    answer = box.get("/health")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many")
    assert int(answer.headers["retry-after"]) >= 1
