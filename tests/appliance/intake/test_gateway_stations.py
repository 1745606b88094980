"""The real gateway: enrolment, renewal and heartbeats."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

from agent.wire.chain import CHAIN_HEADER, FIRST
from agent.wire.clocks import CLOCK_HEADER, TIME_HEADER
from agent.wire.commands import parse
from agent.wire.envelope import BATCH_PATH, ENROL_PATH, HEARTBEAT_PATH, KEY_HEADER, RENEW_PATH, pack, unpack
from agent.wire.inventory import state_record
from agent.wire.policy import AT_FIRST, digest
from agent.wire.policy import parse as parse_policy
from agent.wire.sending.home import AgentHome, Identity
from agent.wire.sending.kept_policy import KeptPolicy, keep
from appliance import clock
from appliance.journal import Journal
from appliance.pki import ca_pin
from appliance.state.models import Agent, AgentState
from appliance.stations.asked import ask
from appliance.stations.collecting import switch
from appliance.stations.quarantine import Reason, held, release
from appliance.stations.sink import take
from tests.appliance.intake.box import LINE, Box, Station, agent_row, key_pem, make_request, until

# --- enrolment ------------------------------------------------------------------------------------------------------


def enrolment(token: str, key: ec.EllipticCurvePrivateKey, **facts: str) -> dict[str, object]:
    text = token.removeprefix("czujka1.")
    content = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return {
        "secret": content["s"],
        "csr": make_request(key).decode(),
        "hostname": "PC-1",
        "os": "Debian 12",
        "version": "1",
        "machine": "abc",
        **facts,
    }


def test_a_token_names_the_box_and_pins_its_ca(box: Box) -> None:
    text = box.token().removeprefix("czujka1.")
    content = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert content["u"] == [f"https://127.0.0.1:{box.port}"]
    assert content["p"] == ca_pin(box.home.ca.read_bytes())
    assert len(content["s"]) >= 40


def test_an_enrolled_agent_may_send(box: Box) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    status, answer, _ = box.call(None, ENROL_PATH, enrolment(box.token(), key, hostname="<b>żółw\n</b>"))
    assert status == 200
    agent = Station(str(answer["agent_id"]), box.home.root / "enrolled.pem", key)
    agent.keep(str(answer["certificate"]))
    assert answer["ca"] == box.home.ca.read_text()
    assert box.send(agent, "1", [LINE])[0] == 200
    row = agent_row(box, agent.id)
    assert (row.hostname, row.os, row.address, row.expires_at) == (
        "<b>żółw</b>",
        "Debian 12",
        "127.0.0.1",
        answer["expires_at"],
    )


def test_an_enrolment_is_answered_with_what_may_be_collected(box: Box) -> None:
    with Session(box.engine) as session, session.begin():
        switch(session, "anna", "scripts", False, agent=None, now=5)
    key = ec.generate_private_key(ec.SECP256R1())
    answer = box.call(None, ENROL_PATH, enrolment(box.token(), key))[1]
    told = answer["policy"]
    assert isinstance(told, dict)
    found = parse_policy(told["statement"])
    assert (found.agent, found.number, found.categories) == (answer["agent_id"], 1, frozenset({"dns", "scripts"}))
    agent = AgentHome(box.home.root / "station")
    agent.create()
    agent.ca.write_text(str(answer["ca"]))
    agent.save_identity(Identity(found.agent, (), 1, 2))
    keep(agent, told)
    assert KeptPolicy(agent).now == found, "the station finds it signed"


def test_a_token_serves_so_many_agents_and_no_more(box: Box) -> None:
    token = box.token(uses=2)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    answers = [box.call(None, ENROL_PATH, enrolment(token, key)) for key in keys]
    assert [status for status, _, _ in answers] == [200, 200, 403]
    assert answers[0][1]["agent_id"] != answers[1][1]["agent_id"]


def test_an_agent_whose_answer_was_lost_asks_again(box: Box) -> None:
    token, key = box.token(uses=1), ec.generate_private_key(ec.SECP256R1())
    first, second = (box.call(None, ENROL_PATH, enrolment(token, key))[1] for _ in range(2))
    assert first["agent_id"] == second["agent_id"]
    agent = Station(str(second["agent_id"]), box.home.root / "again.pem", key)
    agent.keep(str(second["certificate"]))
    assert box.send(agent, "1", [LINE])[0] == 200


def test_wrong_and_expired_secrets_are_refused(box: Box) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    assert box.call(None, ENROL_PATH, enrolment(box.token(ttl=-1), key))[0] == 403
    assert box.call(None, ENROL_PATH, {**enrolment(box.token(), key), "secret": "x" * 43})[0] == 403


def test_a_revoked_agent_cannot_come_back_with_its_token(box: Box) -> None:
    token, key = box.token(uses=5), ec.generate_private_key(ec.SECP256R1())
    identity = str(box.call(None, ENROL_PATH, enrolment(token, key))[1]["agent_id"])
    with Session(box.engine) as session, session.begin():
        session.get_one(Agent, identity).state = AgentState.REVOKED
    assert box.call(None, ENROL_PATH, enrolment(token, key))[0] == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"[" * 60000, b'{"hostname":5}', b'{"hostname":"x","secret":1,"csr":2}', b"\xff" * 50],
)
def test_a_malformed_enrolment_is_refused(box: Box, body: bytes) -> None:
    assert box.call(None, ENROL_PATH, body)[0] == 400


def test_a_bad_request_costs_no_use(box: Box) -> None:
    token, key = box.token(uses=1), ec.generate_private_key(ec.SECP256R1())
    assert box.call(None, ENROL_PATH, {**enrolment(token, key), "csr": "rubbish"})[0] == 400
    assert box.call(None, ENROL_PATH, enrolment(token, key))[0] == 200


def test_an_enrolment_past_the_bound_is_refused_unread(box: Box) -> None:
    assert box.call(None, ENROL_PATH, b"x" * (65 << 10))[0] == 413


# --- renewal --------------------------------------------------------------------------------------------------------


def test_the_old_certificate_lives_until_the_new_one_is_used(box: Box, station: Station) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    status, answer, _ = box.call(station, RENEW_PATH, {"csr": make_request(key).decode()})
    assert status == 200
    assert box.send(station, "1", [LINE])[0] == 200
    renewed = Station(station.id, box.home.root / f"renewed-{station.id}.pem", key)
    renewed.pair.write_text(str(answer["certificate"]) + key_pem(key))
    assert box.send(renewed, "2", [LINE])[0] == 200
    assert box.send(station, "3", [LINE])[0] == 403
    row = agent_row(box, station.id)
    assert row.expires_at == answer["expires_at"]
    assert x509.load_pem_x509_certificate(str(answer["certificate"]).encode()).subject.rfc4514_string().endswith(row.id)


def test_a_lost_renewal_is_asked_again(box: Box, station: Station) -> None:
    box.call(station, RENEW_PATH, {"csr": make_request(station.key).decode()})
    answer = box.call(station, RENEW_PATH, {"csr": make_request(station.key).decode()})[1]
    station.keep(str(answer["certificate"]))
    assert box.send(station, "1", [LINE])[0] == 200


def test_a_malformed_renewal_is_refused(box: Box, station: Station) -> None:
    assert box.call(station, RENEW_PATH, {"csr": "rubbish"})[0] == 400
    assert box.call(station, RENEW_PATH, {})[0] == 400


# --- heartbeat ------------------------------------------------------------------------------------------------------


def test_a_heartbeat_says_how_the_agent_fares(box: Box, station: Station) -> None:
    beat = {
        "hostname": "<script>alert(1)</script>",
        "os": "Windows 11",
        "version": "1.2",
        "spooled": 17,
        "sensors": [{"name": "audit", "state": "limited", "reason": "no_root", "more": "dropped"}],
        "sent_at": clock.now() - 5 * clock.MINUTE,
        "boot_id": "x",
    }
    status, answer, _ = box.call(station, HEARTBEAT_PATH, beat)
    assert status == 200
    assert isinstance(answer["time"], int)
    row = agent_row(box, station.id)
    assert (row.hostname, row.os, row.version, row.spooled) == ("<script>alert(1)</script>", "Windows 11", "1.2", 17)
    assert row.sensors == [{"name": "audit", "state": "limited", "reason": "no_root"}]
    assert abs(row.skew_us - 5 * clock.MINUTE) < clock.MINUTE
    assert row.seen_at is not None


def test_the_clock_is_measured_by_each_exchange(box: Box) -> None:
    station = box.station(14)
    behind = {KEY_HEADER: "boot:spool:1", CLOCK_HEADER: "120000000 4000"}
    _, _, headers = box.call(station, BATCH_PATH, pack([LINE]), behind)
    assert abs(int(headers[TIME_HEADER.lower()]) - clock.now()) < clock.MINUTE
    until(lambda: agent_row(box, station.id).rtt_us == 4000)
    row = agent_row(box, station.id)
    assert row.skew_us == 120_000_000
    assert row.skew_at is not None
    beat: dict[str, object] = {"hostname": "PC-14", "sent_at": clock.now() - clock.MINUTE}
    box.call(station, HEARTBEAT_PATH, beat, {CLOCK_HEADER: "-7 5"})
    assert (agent_row(box, station.id).skew_us, agent_row(box, station.id).rtt_us) == (-7, 5)
    assert box.call(station, HEARTBEAT_PATH, beat, {CLOCK_HEADER: "rubbish"})[0] == 200
    row = agent_row(box, station.id)
    assert abs(row.skew_us - clock.MINUTE) < clock.MINUTE
    assert row.rtt_us == 0


def test_a_sensor_of_the_network_says_its_figures(box: Box, station: Station) -> None:
    sensors = [{"name": name, "state": "on", "reason": ""} for name in ("network", "audit")]
    figures = {"network": {"frames": 10, "bits": 8000, "drops": 0, "two_way": 97, "more": 1}, "unknown": {"frames": 1}}
    beat: dict[str, object] = {"hostname": "SENSOR", "sensors": sensors, "figures": figures}
    assert box.call(station, HEARTBEAT_PATH, beat)[0] == 200
    kept = {"frames": 10, "bits": 8000, "drops": 0, "two_way": 97}
    assert agent_row(box, station.id).sensors == [{**sensors[0], "figures": kept}, sensors[1]]


@pytest.mark.parametrize(
    "change",
    [
        {"hostname": ""},
        {"spooled": -1},
        {"spooled": 1 << 70},
        {"spooled": True},
        {"sensors": [{"name": "x", "state": "sleepy"}]},
        {"sensors": [{"name": "x", "state": "on"}] * 65},
        {"sensors": {}},
        {"figures": []},
        {"sensors": [{"name": "x", "state": "on"}], "figures": {"x": {"drops": -1}}},
        {"sensors": [{"name": "x", "state": "on"}], "figures": {"x": {"bits": "many"}}},
        {"sent_at": "now"},
        {"sent_at": 1e30},
    ],
)
def test_a_malformed_heartbeat_is_refused(box: Box, station: Station, change: dict[str, object]) -> None:
    assert box.call(station, HEARTBEAT_PATH, {"hostname": "PC", **change})[0] == 400


def test_long_texts_are_cut(box: Box, station: Station) -> None:
    assert box.call(station, HEARTBEAT_PATH, {"hostname": "h" * 5000, "os": "o" * 5000, "version": "v" * 99})[0] == 200
    row = agent_row(box, station.id)
    assert (len(row.hostname), len(row.os), len(row.version)) == (255, 120, 32)


def test_what_agents_send_is_counted(box: Box, station: Station) -> None:
    for key in ("1", "2", "1"):
        box.send(station, key, [LINE] * 5)
    until(lambda: agent_row(box, station.id).records == 10)
    assert agent_row(box, station.id).seen_at is not None


def test_a_station_hears_what_it_may_collect_and_what_it_is_asked_until_it_has_it(box: Box) -> None:
    station = box.station(8)
    with Session(box.engine) as session, session.begin():
        switch(session, "anna", "scripts", False, agent=station.id, now=clock.now())
        number = ask(session, "anna", station.id, "refresh", argument="posture", now=clock.now())
        session.flush()
        number_of = number.id
    beat: dict[str, object] = {"hostname": "PC-8", "policy": digest(AT_FIRST.off)}
    _, answer, _ = box.call(station, HEARTBEAT_PATH, beat)
    offered, orders = answer["policy"], answer["commands"]
    assert isinstance(offered, dict)
    assert isinstance(orders, list)
    taken = parse_policy(offered["statement"])
    off = taken.off
    assert taken.number == 1
    assert {one.category for one in off} == {"dns", "scripts"}
    assert parse(orders[0]["statement"])[:4] == (number_of, station.id, "refresh", "posture")
    _, answer, _ = box.call(
        station, HEARTBEAT_PATH, {**beat, "policy": digest(off), "commands": [[number_of, "done"], ["x", 5], 7]}
    )
    assert answer["commands"] == []
    assert "policy" not in answer
    with Session(box.engine) as session, session.begin():
        switch(session, "anna", "scripts", True, agent=station.id, now=1)
    said = {**beat, "policy": digest(off), "policy_number": taken.number}
    _, answer, _ = box.call(station, HEARTBEAT_PATH, said)
    later = answer["policy"]
    assert isinstance(later, dict)
    assert parse_policy(later["statement"]).follows(taken)
    assert box.call(station, HEARTBEAT_PATH, {**beat, "commands": [[1, "done"]] * 65})[0] == 400


def test_two_machines_with_one_certificate_wait_for_a_decision(box: Box) -> None:
    station = box.station(9)
    statuses = [box.send(station, f"{boot}:spool:{n}", [LINE])[0] for n, boot in enumerate("ABAB")]
    assert statuses == [200, 200, 200, 403]
    assert agent_row(box, station.id).state == AgentState.QUARANTINE
    status, answer, _ = box.send(station, "B:spool:3", [LINE])
    assert (status, "a person decides" in str(answer)) == (403, True)
    with Session(box.engine) as session, session.begin():
        release(session, "anna", station.id, clock.now())
    assert box.send(station, "B:spool:3", [LINE])[0] == 200


def test_a_broken_chain_is_told_and_one_that_forks_again_and_again_is_held(box: Box) -> None:
    station, claims = box.station(11), {"A": FIRST, "B": FIRST}

    def send(side: str) -> int:
        claim = claims[side]
        key = f"boot:spool:{claim.number}{side}"
        headers = {KEY_HEADER: key, CHAIN_HEADER: claim.text}
        status = box.call(station, BATCH_PATH, pack([LINE]), headers)[0]
        claims[side] = claim.after(key, [LINE])
        return status

    # One boot and one spool: a running machine was copied, which no key shows.
    assert [send(side) for side in "AABABA"] == [200] * 5 + [403]
    assert agent_row(box, station.id).state == AgentState.QUARANTINE
    journal = Journal(box.home.journal, 1 << 40)
    told = [unpack(batch.body) for batch in journal.read(0, 100_000, 1 << 30) if " " in batch.key]
    journal.close()
    records = [json.loads(line) for (line,) in told]
    assert {record["host.name"] for record in records} == {"PC-11"}
    assert [record["gap.cause"] for record in records] == ["chain_forked"] * 3
    with Session(box.engine) as session, session.begin():
        release(session, "anna", station.id, clock.now())
    assert send("B") == 200


def test_a_laptop_from_a_drawer_renews_its_certificate_and_waits_for_a_decision(box: Box) -> None:
    station = box.station(10, expires_in_days=-170)
    status, answer, _ = box.call(station, RENEW_PATH, {"csr": make_request(station.key).decode()})
    assert status == 200
    station.keep(str(answer["certificate"]))
    with Session(box.engine) as session:
        assert [reason for agent, reason in held(session) if agent.id == station.id] == [Reason.EXPIRED]
    assert box.send(station, "k", [LINE])[0] == 403
    with Session(box.engine) as session, session.begin():
        release(session, "anna", station.id, clock.now())
    assert box.send(station, "k", [LINE])[0] == 200
    long_ago = box.station(12, expires_in_days=-181)
    assert box.call(long_ago, RENEW_PATH, {"csr": make_request(long_ago.key).decode()})[0] == 403


def test_a_station_whose_inventory_differs_is_asked_for_all_of_it_once(box: Box) -> None:
    station = box.station(41)
    with Session(box.engine) as session, session.begin():
        told = state_record("package", {"bash": "{}"}, 1) | {"agent.id": station.id, "@timestamp": clock.now()}
        take(session, [told], clock.now())
    beat: dict[str, object] = {"hostname": "PC-41"}
    orders: object = None
    for _ in range(2):
        _, answer, _ = box.call(station, HEARTBEAT_PATH, beat)
        orders = answer["commands"]
        assert isinstance(orders, list)
        assert [parse(one["statement"])[1:4] for one in orders] == [(station.id, "refresh", "inventory")]
    assert isinstance(orders, list)
    number = parse(orders[0]["statement"]).id
    _, answer, _ = box.call(station, HEARTBEAT_PATH, {**beat, "commands": [[number, "done"]]})
    assert answer["commands"] == []
