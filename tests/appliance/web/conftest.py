"""A whole app over real parts in a fresh state folder, and people and tokens to ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

import rules
from appliance.accounts import sessions as browsers
from appliance.accounts import tokens
from appliance.accounts.passwords import hash_password
from appliance.alerts.grouping import Hit, apply
from appliance.clock import now
from appliance.detect import RuleSet, load_rules
from appliance.home import Home
from appliance.journal import DeadLetter, DeadLetters, Journal, NewBatch
from appliance.logs import configure
from appliance.ops.health import ROLES, beat
from appliance.ops.losses import record_gap
from appliance.pki import ensure_pki
from appliance.settings import Settings
from appliance.state.database import open_sessions, writing
from appliance.state.models import Agent, AgentState, Role, User
from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore
from appliance.store.shape import encode
from appliance.web.app import create_app, stand_on
from appliance.web.auth import COOKIE, CSRF_HEADER
from appliance.web.context import Context
from appliance.web.policy import Scope
from tests.appliance.alerts.conftest import hit
from tests.appliance.state.fresh import fresh_state

ORIGIN = "https://box"
AGENT = "00000000-0000-4000-8000-000000000001"
T = TypeVar("T")
EVENT = hit(1).event["event.id"]
RULE = """
title: Shell
id: 11111111-1111-4111-8111-111111111111
status: stable
level: high
tags: [attack.t1059]
logsource: {product: linux, category: process_creation}
detection:
  selection:
    Image|endswith: /sh
  condition: selection
"""


def app_over(context: Context) -> FastAPI:
    """Return the app of this process, as if it were new: FastAPI takes a quarter of a second to make one ready."""
    if not _made:
        _made.append(create_app(context))
    stand_on(_made[0], context)
    return _made[0]


_made: list[FastAPI] = []


@cache
def known_hash() -> str:
    """Return the hash of the one password that everybody here has."""
    return hash_password("koń bateria zszywka")


@dataclass(frozen=True)
class Party:
    """Somebody who asks: headers that prove it."""

    name: str
    headers: dict[str, str]


@dataclass(frozen=True)
class TestBox:
    """The app and what it stands on."""

    __test__ = False
    app: FastAPI
    context: Context
    rule: str
    alert: int

    def beat(self) -> None:
        """Let every role say that it lives."""
        for role in ROLES:
            beat(self.context.sessions, role, {"events": 3}, self.context.now())

    def person(self, role: Role, login: str = "") -> Party:
        """Sign somebody of a role in."""
        login = login or role.value
        with writing(self.context.sessions) as session:
            user = session.scalar(select(User).where(User.login == login))
            if user is None:
                user = User(
                    login=login, name=login, role=role, password_hash=known_hash(), created_at=now(), language="pl"
                )
                session.add(user)
                session.flush()
            signed = browsers.open_session(session, user, self.context.now())
        headers = {"Cookie": f"{COOKIE}={signed.token}", CSRF_HEADER: signed.csrf, "Origin": ORIGIN}
        return Party(login, headers)

    def token(self, *scopes: Scope) -> Party:
        """Make a token."""
        with writing(self.context.sessions) as session:
            secret = tokens.create_token(session, "robot", scopes, now())
        return Party("token:robot", {"Authorization": f"Bearer {secret}"})

    def ask(self, method: str, path: str, party: Party | None = None, **options: Any) -> httpx.Response:
        """Send one request to the app."""

        async def send() -> httpx.Response:
            self.app.state.context = self.context
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
                headers = (party.headers if party else {}) | options.pop("headers", {})
                return await client.request(method, path, headers=headers, **options)

        return run(send())

    def ask_all(self, calls: Sequence[tuple[str, str, Party | None]]) -> list[int]:
        """Send requests one after another in one loop; return their statuses, 401 for the way to the sign-in."""

        async def send() -> list[int]:
            self.app.state.context = self.context
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
                answers = []
                for method, path, party in calls:
                    headers = (party.headers if party else {}) | {"Accept": "application/json"}
                    answer = await client.request(method, path, headers=headers)
                    door = answer.headers.get("location", "").startswith("/zaloguj?dalej=")
                    answers.append(401 if door else answer.status_code)
                    client.cookies.clear()
                return answers

        return run(send())

    def get(self, path: str, party: Party | None = None, **options: Any) -> httpx.Response:
        """Send a GET to the API."""
        return self.ask("GET", f"/api/v1{path}", party, **options)

    def post(self, path: str, party: Party | None = None, body: Any = None, **options: Any) -> httpx.Response:
        """Send a POST with JSON to the API."""
        return self.ask("POST", f"/api/v1{path}", party, json=body, **options)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(work)


@pytest.fixture(scope="session", autouse=True)
def logging() -> None:
    configure(keep=False)


@pytest.fixture(scope="module")
def ruleset(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "shell.yml").write_text(RULE)
    return load_rules([folder])


MakeContext = Callable[[Home], Context]


@pytest.fixture
def context(tmp_path: Path, ruleset: RuleSet) -> Iterator[Context]:
    assert rules.ROOT.is_dir()
    home = Home(tmp_path / "home")
    home.create()
    ensure_pki(home, ["localhost"], now())
    settings = Settings()
    engine = fresh_state(settings.database(home))
    store = EmbeddedReader(home.store)
    journal, letters = Journal(home.journal, settings.journal.max_bytes), DeadLetters(home.dead_letters)
    yield Context(home, settings, open_sessions(engine), store, journal, letters, lambda: ruleset)
    for part in (store, journal, letters):
        part.close()
    engine.dispose()


def fill(context: Context) -> int:
    """Put one of everything into the box; return the alert's number."""
    moment, rule = context.now(), context.rules().rules[0]
    events = [dict(hit(number, moment - number * 1000).event) | {"event.ingested": moment} for number in range(1, 4)]
    gap = events[0] | {"gap.cause": "audit_lost", "gap.count": 5, "gap.from": moment - 1, "gap.to": moment}
    (appended,) = context.journal.append_many([NewBatch(AGENT, "batch-1", moment, moment, 3, b"body")])
    writer = EmbeddedStore(context.home.store)
    writer.append(encode(events), [BatchResult(appended.seq, AGENT, 4, 3, 0, 1)], appended.seq)
    writer.close()
    context.dead_letters.add([DeadLetter(AGENT, appended.seq, 4, "not JSON", b"<script>\xff", moment)])
    with writing(context.sessions) as session:
        session.add(agent(moment))
        record_gap(session, gap)
        numbers = apply(session, [Hit(rule, event) for event in events], moment, context.settings)
    for role in ROLES:
        beat(context.sessions, role, {"events": 3}, moment)
    return numbers[0]


def agent(moment: int) -> Agent:
    return Agent(
        id=AGENT,
        hostname="PC-7",
        certificate="0" * 64,
        expires_at=moment,
        state=AgentState.ACTIVE,
        enrolled_at=moment,
        seen_at=moment,
        event_at=moment,
        sensors=[{"name": "audit", "state": "on", "reason": ""}],
    )


@pytest.fixture
def box(context: Context) -> TestBox:
    alert = fill(context)
    return TestBox(app_over(context), context, context.rules().rules[0].id, alert)


def at(box: TestBox, moment: int) -> TestBox:
    """Return the same box at another time."""
    context = replace(box.context, now=lambda: moment)
    return replace(box, context=context, app=app_over(context))
