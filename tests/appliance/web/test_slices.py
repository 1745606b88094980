"""Packets through the API and on the pages: who may have them, what they show, what is written down."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from agent.wire.event import event_id
from appliance.alerts.grouping import Hit, apply
from appliance.pki import importer_id
from appliance.slices import asked, kept
from appliance.slices.look import INSTALL, Summary
from appliance.state.database import writing
from appliance.state.models import Agent, Operation, Role
from appliance.state.slices import SliceState
from appliance.web.policy import Scope
from tests.appliance.alerts.conftest import hit
from tests.appliance.web.conftest import AGENT, TestBox

UID = "CabcDEF0123456789"
CONTENT = kept.MAGIC + b"packets"
NASTY = "<script>alert(1)</script>"
SUMMARY = Summary(
    packets=2, bytes=140, first=1_790_000_000_000_000, last=1_790_000_001_000_000, more=False, broken=True,
    protocols=[("ip", 2), ("dns", 1)], fields=[("dns.qry.name", ["urzad.example", NASTY], 4)],
    warnings=[("Error", f"Malformed {NASTY}", 3)],
    rows=[("1", "0.000", "10.0.0.1", "10.0.0.2", "DNS", "70", f"Standard query {NASTY}")],
)  # fmt: skip


class Seen:
    """A box with an alert on a flow that a sensor saw."""

    def __init__(self, box: TestBox, agent: str = AGENT) -> None:
        self.box = box
        self.event: dict[str, Any] = dict(hit(77).event) | {
            "event.id": event_id("slices", agent), "event.module": "network", "zeek.uid": UID, "agent.id": agent,
            "source.ip": "10.0.0.1", "source.port": 40000, "destination.ip": "fd00::2", "destination.port": 53,
            "network.transport": "udp", "host.name": "czujnik", "@timestamp": box.context.now(),
        }  # fmt: skip
        rule = box.context.rules().rules[0]
        with writing(box.context.sessions) as session:
            (self.alert,) = apply(session, [Hit(rule, self.event)], box.context.now(), box.context.settings)

    @property
    def id(self) -> str:
        return str(self.event["event.id"])

    def answered(self, number: int, summary: Summary | None = SUMMARY, reason: str = "") -> None:
        """Do what the sensor and tshark do."""
        context = self.box.context
        with kept.drafted(context.home.packets, CONTENT) as draft, writing(context.sessions) as session:
            row = asked.get(session, number)
            asked.taken(session, row, draft, whole=False, now=context.now())
            asked.read(session, row, summary, reason, context.now())

    def logged(self) -> list[tuple[str, str]]:
        with self.box.context.sessions() as session:
            query = select(Operation).where(Operation.action.startswith("slice.")).order_by(Operation.id)
            return [(one.who, one.action) for one in session.scalars(query)]


@pytest.fixture
def seen(box: TestBox) -> Seen:
    with writing(box.context.sessions) as session:
        agent = session.get_one(Agent, AGENT)
        agent.sensors = [{"name": "network", "state": "on", "reason": ""}]
    return Seen(box)


def test_packets_are_asked_for_read_and_taken_away_through_the_api(seen: Seen) -> None:
    box, token = seen.box, seen.box.token(Scope.PACKETS_TAKE)
    made = box.post("/slices", token, {"event_id": seen.id}).json()
    assert (made["state"], made["uid"], made["agent_id"], made["summary"]) == ("waiting", UID, AGENT, None)
    assert box.post("/slices", token, {"event_id": seen.id}).json() == made
    assert box.get(f"/slices/{made['id']}/pcap", token).json()["code"] == "slice_absent"
    seen.answered(made["id"])
    done = box.get(f"/slices/{made['id']}", token).json()
    assert (done["state"], done["whole"], done["size"]) == ("read", False, len(CONTENT))
    assert Summary.model_validate(done["summary"]) == SUMMARY
    answer = box.get(f"/slices/{made['id']}/pcap", token)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-disposition"] == f'attachment; filename="czujka-pakiety-{UID}.pcapng"'
    assert seen.logged() == [
        ("token:robot", "slice.asked"), (f"agent:{AGENT}", "slice.taken"), ("token:robot", "slice.downloaded"),
    ]  # fmt: skip
    kept.path_of(box.context.home.packets, made["id"]).unlink()
    assert box.get(f"/slices/{made['id']}/pcap", token).status_code == 404


def test_what_is_no_flow_is_said(seen: Seen) -> None:
    token = seen.box.token(Scope.PACKETS_TAKE)
    assert seen.box.post("/slices", token, {"event_id": "0" * 32}).json()["code"] == "event_unknown"
    plain = hit(1).event["event.id"]
    assert seen.box.post("/slices", token, {"event_id": plain}).json()["code"] == "slice_no_flow"
    assert seen.box.post("/slices", token, {"event_id": "../x"}).status_code == 422
    assert seen.box.get("/slices/999", token).json()["code"] == "slice_unknown"
    assert seen.box.post("/slices", seen.box.token(Scope.ALERTS_WRITE), {"event_id": seen.id}).status_code == 403


def test_the_alert_asks_shows_progress_and_then_what_tshark_made_of_it(seen: Seen) -> None:
    box, anna = seen.box, seen.box.person(Role.OPERATOR)
    page = f"/alerty/{seen.alert}"
    text = box.ask("GET", page, anna).text
    assert "Zapis pakietów" in text
    assert "10.0.0.1:40000 → [fd00::2]:53 (udp)" in text
    done = box.ask("POST", f"/zdarzenia/{seen.id}/pakiety", anna, data={"back": page})
    assert (done.status_code, done.headers["location"]) == (303, f"{page}?ok=slice_asked#pakiety")
    part = box.ask("GET", f"{page}/pakiety/na-zywo", anna).text
    assert "<progress" in part
    assert "<form" not in part
    with box.context.sessions() as session:
        row = asked.latest(session, UID, AGENT)
        assert row is not None
    seen.answered(row.id)
    part = box.ask("GET", f"{page}/pakiety/na-zywo", anna).text
    assert f'href="/pakiety/{row.id}/plik"' in part
    assert "urzad.example" in part
    assert "Plik jest ucięty" in part
    assert NASTY not in part
    assert part.count("&lt;script&gt;") == 3
    assert box.ask("GET", f"/pakiety/{row.id}/plik", anna).content == CONTENT
    assert seen.logged()[-1] == (anna.name, "slice.downloaded")


def test_a_dispute_about_an_address_is_named_by_the_address_and_who_claims_it(seen: Seen) -> None:
    for name in ("source.port", "destination.ip", "destination.port", "network.transport"):
        del seen.event[name]
    seen.event |= {"event.id": event_id("slices", "arp"), "zeek.uid": UID[::-1], "zeek.notice.src_mac": NASTY}
    box = seen.box
    with writing(box.context.sessions) as session:
        (alert,) = apply(
            session, [Hit(box.context.rules().rules[0], seen.event)], box.context.now(), box.context.settings
        )
    part = box.ask("GET", f"/alerty/{alert}/pakiety/na-zywo", box.person(Role.OPERATOR)).text
    assert "<h3>10.0.0.1 (&lt;script&gt;alert(1)&lt;/script&gt;)</h3>" in part


def test_a_summary_that_is_missing_has_its_reason_and_its_command(seen: Seen) -> None:
    box, anna = seen.box, seen.box.person(Role.OPERATOR)
    ask = f"/zdarzenia/{seen.id}/pakiety"
    box.ask("POST", ask, anna)
    seen.answered(1, None, "no_tshark")
    part = box.ask("GET", f"{ask}/na-zywo", anna).text
    assert INSTALL in part
    assert "Spróbuj ponownie" in part
    box.ask("POST", ask, anna)
    with box.context.sessions() as session:
        assert asked.get(session, 1).state == SliceState.TAKEN


@pytest.mark.parametrize("state", [SliceState.NONE, SliceState.FAILED])
def test_packets_that_did_not_come_may_be_asked_for_again(seen: Seen, state: SliceState) -> None:
    box, anna = seen.box, seen.box.person(Role.OPERATOR)
    ask = f"/zdarzenia/{seen.id}/pakiety"
    box.ask("POST", ask, anna)
    with writing(box.context.sessions) as session:
        asked.ended(session, asked.get(session, 1), state, "late" if state == SliceState.FAILED else "", 5)
    part = box.ask("GET", f"{ask}/na-zywo", anna).text
    assert "Spróbuj ponownie" in part
    assert ("10 minut" in part) == (state == SliceState.FAILED)
    box.ask("POST", ask, anna)
    with box.context.sessions() as session:
        assert asked.get(session, 2).state == SliceState.WAITING


def test_an_auditor_sees_no_packets(seen: Seen) -> None:
    box, ewa = seen.box, seen.box.person(Role.AUDITOR)
    assert "Zapis pakietów" not in box.ask("GET", f"/alerty/{seen.alert}", ewa).text
    assert box.ask("POST", f"/zdarzenia/{seen.id}/pakiety", ewa).status_code == 403


def test_only_who_keeps_packets_is_asked(box: TestBox) -> None:
    anna = box.person(Role.OPERATOR)
    station, own = Seen(box), Seen(box, importer_id(box.context.home))
    # The station of this box has no network sensor; imports have the box's own ring.
    assert "nie widział czujnik" in box.ask("GET", f"/zdarzenia/{station.id}/pakiety/na-zywo", anna).text
    assert "Pobierz pakiety" in box.ask("GET", f"/zdarzenia/{own.id}/pakiety/na-zywo", anna).text
