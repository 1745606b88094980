"""Hits, and people, to put into the state database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from agent.wire.event import event_id
from appliance.alerts.grouping import Hit
from appliance.clock import HOUR
from appliance.detect import Logsource, Rule
from appliance.detect.nodes import Const
from appliance.settings import Settings
from appliance.state.models import Role, User

NOW = 1_780_000_000_000_000
MakeHit = Callable[..., Hit]


@pytest.fixture
def settings() -> Settings:
    return Settings(min_level=2)


def rule(number: int = 1, level: int = 3) -> Rule:
    return Rule(
        id=f"rule-{number}",
        title=f"Rule {number}",
        level=level,
        status="stable",
        tags=("attack.t1059",),
        logsource=Logsource(product="linux", category="process_creation"),
        source_file="rule.yml",
        line=1,
        condition=Const(True),
    )


def hit(
    number: int, at: int = NOW, fields: Mapping[str, Any] | None = None, *, rule_number: int = 1, level: int = 3
) -> Hit:
    event: dict[str, Any] = {
        "event.id": event_id("test", number),
        "@timestamp": at,
        "event.created": at,
        "event.ingested": NOW,
        "event.module": "linux.audit",
        "event.category": "process",
        "audit.type": "EXECVE",
        "host.name": "PC-7",
        "user.name": "anna",
        "agent.id": "00000000-0000-4000-8000-000000000001",
        "process.executable": "/bin/sh",
        "process.args": ("sh", "-c", "id"),
    }
    return Hit(rule(rule_number, level), event | dict(fields or {}))


@pytest.fixture
def people(sessions: sessionmaker[Session]) -> dict[str, int]:
    with sessions.begin() as session:
        users = [
            User(login=login, name=login.title(), role=role, password_hash="-", created_at=NOW - HOUR)
            for login, role in (("anna", Role.ADMIN), ("jan", Role.OPERATOR), ("ewa", Role.AUDITOR))
        ]
        session.add_all(users)
        session.flush()
        return {user.login: user.id for user in users}
