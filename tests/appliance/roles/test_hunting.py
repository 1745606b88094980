"""Hunts in the process of the jobs: over the box's own rules and store, behind everything else."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from agent.wire.event import event_id
from appliance.alerts.service import Actor
from appliance.clock import DAY, HOUR, MINUTE, SECOND, now
from appliance.deliver.texts import Writer, load_catalogue
from appliance.home import Home
from appliance.hunt import asked, plans
from appliance.indicators import book
from appliance.indicators.book import Wanted
from appliance.indicators.values import Kind, Value
from appliance.journal import Journal, NewBatch
from appliance.normalise import Event
from appliance.roles.hunting import LAG, NICE, Hunting, behind
from appliance.rulesets import active_rules
from appliance.settings import Mail, Settings, Webhook
from appliance.state.database import open_sessions, writing
from appliance.state.hunts import HuntAlert, HuntRun, HuntState
from appliance.state.indicators import Indicator
from appliance.state.models import Alert, Outbox
from appliance.store import EmbeddedStore
from appliance.store.shape import encode
from tests.appliance.hunt.kit import event
from tests.appliance.rulesets import kit
from tests.appliance.state.fresh import fresh_state

ANNA = Actor("anna", 1)
DOMAIN_ASKED = "fdc8bdf5-fae1-5d2c-982a-058f34b40fcc"
"""The rule rules/sigma/indicators/indicator_domain_asked.yml."""
HOOK = "https://szyna.urzad.pl/alerty"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product's rules, compiled once."""
    home = Home(tmp_path_factory.mktemp("compiled"))
    home.create()
    active_rules(home, Settings())
    return home.cache


@pytest.fixture
def hunting(tmp_path: Path, compiled: Path) -> Iterator[Hunting]:
    home, settings = (
        Home(tmp_path / "box"),
        Settings(
            names=["czujka.urzad.pl"],
            mail=Mail(recipients=["a@b", "c@d"]),
            webhooks=[Webhook.model_validate({"url": HOOK})],
        ),
    )
    home.create()
    shutil.copytree(compiled, home.cache, dirs_exist_ok=True)
    engine = fresh_state(settings.database(home))
    (home.rules / "own.yml").write_text(kit.rule_text(1, image="/strange"))
    store = EmbeddedStore(home.store)
    store.append(encode([event(n, now() - n * 3 * HOUR, "/opt/strange") for n in range(1, 5)]), [], 1)
    store.close()
    yield Hunting(home, settings, open_sessions(engine), Writer(load_catalogue(), settings, lambda *_: None))
    engine.dispose()


def ask(hunting: Hunting, *numbers: int) -> int:
    with writing(hunting.sessions) as session:
        wish = asked.Wish("Próba <b>", tuple(map(kit.uuid, numbers)), now() - DAY, now())
        return asked.ask(session, wish, ANNA, now()).id


def run(hunting: Hunting) -> None:
    """Run what waits as the box does: in a thread of its own, which alone goes behind all others."""
    thread = threading.Thread(target=hunting.run)
    thread.start()
    thread.join()


def test_what_a_hunt_finds_is_one_message_with_the_way_there(hunting: Hunting) -> None:
    number = ask(hunting, 1)
    run(hunting)
    with hunting.sessions() as session:
        assert asked.get(session, number).state == HuntState.DONE
        assert len(session.scalars(select(HuntAlert)).all()) == 4
        messages = session.scalars(select(Outbox).order_by(Outbox.id)).all()
    assert [(one.target, one.channel, one.alert_id) for one in messages] == [
        ("a@b", "email", None), ("c@d", "email", None), (HOOK, "webhook", None),
    ]  # fmt: skip
    letter = messages[0].letter
    assert letter is not None
    assert letter["subject"] == "Znaleziono później: 4 alerty – Próba <b> [Czujka]"
    assert f"https://czujka.urzad.pl:8443/poszukiwania/{number}\n" in letter["body"]


def test_what_is_below_the_office_s_level_is_not_sent(hunting: Hunting) -> None:
    (hunting.home.rules / "own.yml").write_text(kit.rule_text(1, image="/strange", level="low"))
    ask(hunting, 1)
    run(hunting)
    with hunting.sessions() as session:
        assert len(session.scalars(select(HuntAlert)).all()) == 4
        assert session.scalars(select(Outbox)).all() == []


def test_a_new_rule_of_the_office_looks_through_the_past(hunting: Hunting) -> None:
    for _ in range(2):
        hunting.follow()
    with hunting.sessions() as session:
        (first,) = session.scalars(select(HuntRun)).all()
        assert kit.uuid(1) in first.rules
        assert len(first.rules) > 50, "the first start over a full store: all rules in one hunt"
    (hunting.home.rules / "new.yml").write_text(kit.rule_text(2, image="/odd"))
    for _ in range(3):
        hunting.follow()
    with hunting.sessions() as session:
        assert session.scalars(select(HuntRun.rules).order_by(HuntRun.id.desc())).first() == [kit.uuid(2)]


def resolved(number: int, name: str) -> Event:
    """A question for a name, three days ago."""
    at = now() - 3 * DAY + number
    about: Event = {"event.id": event_id(number), "@timestamp": at, "event.ingested": at, "host.name": "czujnik-1"}
    return about | {"event.module": "network", "event.category": "dns", "dns.question.name": name}


def test_indicators_that_come_look_through_the_past_and_those_that_go_do_not(hunting: Hunting) -> None:
    store = EmbeddedStore(hunting.home.store)
    store.append(encode([resolved(70, "www.zly.example.com"), resolved(71, "dobry.example.com")]), [], 2)
    store.close()
    bad = [Wanted(Value(Kind.DOMAIN, name), "", now() + DAY) for name in ("zly.example.com", "inny.example.com")]
    for _ in range(2):
        hunting.follow()
    run(hunting)
    with writing(hunting.sessions) as session:
        session.execute(delete(HuntAlert))
        assert book.take(session, "CSIRT NASK", bad, "local", now()).known == 0
    for _ in range(3):
        hunting.follow()
    with hunting.sessions() as session:
        first, second = session.scalars(select(HuntRun).order_by(HuntRun.id)).all()
    assert set(second.rules) < set(first.rules)
    assert DOMAIN_ASKED in second.rules
    assert kit.uuid(1) not in second.rules
    run(hunting)
    with hunting.sessions() as session:
        found = select(Alert.rule_id).join(HuntAlert, HuntAlert.alert_id == Alert.id)
        assert session.scalars(found).all() == [DOMAIN_ASKED]
    with writing(hunting.sessions) as session:
        assert book.take(session, "CERT", bad[:1], "local", now()).known == 1
        assert book.remove(session, None, ["inny.example.com"], "local", now()) == 1
        session.execute(update(Indicator).values(expires_at=now() - SECOND))
    for _ in range(3):
        hunting.follow()
    with hunting.sessions() as session:
        assert len(session.scalars(select(HuntRun)).all()) == 2


def test_a_box_without_events_has_no_past(hunting: Hunting, tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    home.create()
    EmbeddedStore(home.store).close()
    hunting.home = home
    for _ in range(3):
        hunting.follow()
    with hunting.sessions() as session:
        assert session.scalars(select(HuntRun)).all() == []


def test_plans_ask_for_their_hunts(hunting: Hunting) -> None:
    with writing(hunting.sessions) as session:
        plans.add(session, ANNA, "Co dzień", (kit.uuid(1),), (), None, 3, now() - 3 * DAY)
    hunting.plan()
    hunting.plan()
    with hunting.sessions() as session:
        (row,) = session.scalars(select(HuntRun)).all()
    assert (row.windows, row.rules) == (3, [kit.uuid(1)])


def test_hunts_wait_while_batches_wait(hunting: Hunting) -> None:
    journal = Journal(hunting.home.journal, 1 << 20)
    assert not hunting._lagging()
    journal.append_many([NewBatch("a", "k", now() - LAG + MINUTE, None, 1, b"body")])
    assert not hunting._lagging()
    journal.forget(1)
    journal.append_many([NewBatch("a", "l", now() - LAG - SECOND, None, 1, b"body")])
    assert hunting._lagging()
    journal.close()


def test_a_thread_goes_behind_all_others_and_takes_nobody_along() -> None:
    seen: list[int] = []

    def work() -> None:
        behind()
        behind()
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [NICE]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine


def test_rules_that_changed_while_the_line_was_full_are_hunted_when_there_is_room(
    hunting: Hunting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "MOST_WAITING", 0)
    for _ in range(3):
        hunting.follow()
    monkeypatch.setattr(asked, "MOST_WAITING", 1)
    hunting.follow()
    with hunting.sessions() as session:
        assert len(session.scalars(select(HuntRun)).all()) == 1
