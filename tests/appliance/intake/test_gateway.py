"""The real gateway: its own process, real certificates, real sockets."""

from __future__ import annotations

import http.client
import ssl
import time
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

from agent.wire.envelope import BATCH_PATH, ENROL_PATH, HEARTBEAT_PATH, KEY_HEADER, RENEW_PATH, SENT_HEADER, pack
from agent.wire.limits import MAX_BODY, MAX_INFLATED, MAX_RECORD, MAX_RECORDS
from appliance import clock
from appliance.home import Home
from appliance.journal import Batch, DeadLetters, Journal
from appliance.pki import ensure_pki, load_authority, sign_agent
from appliance.state.models import Agent, AgentState
from tests.appliance.intake.box import LINE, NUMBERS, Box, Station, exchange, make_request, refused, until


def journal_of(box: Box, station: Station) -> list[Batch]:
    journal = Journal(box.home.journal, 1 << 40)
    try:
        return [batch for batch in journal.read(0, 100_000, 1 << 30) if batch.source == station.id]
    finally:
        journal.close()


def test_an_answered_batch_is_in_the_journal_as_it_came(box: Box, station: Station) -> None:
    lines = [LINE, b'{"x": "za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87"}']
    status, answer, _ = box.call(station, BATCH_PATH, pack(lines), {KEY_HEADER: "k:1", SENT_HEADER: "1234567"})
    assert (status, answer) == (200, {"records": 2, "duplicate": False})
    (batch,) = journal_of(box, station)
    assert (batch.key, batch.sent_at, batch.records, batch.body) == ("k:1", 1234567, 2, pack(lines))
    assert abs(batch.received_at - clock.now()) < clock.MINUTE


def test_a_replay_is_told_from_news(box: Box, station: Station) -> None:
    answers = [box.send(station, key, [LINE])[1]["duplicate"] for key in ("1", "2", "1", "3", "2")]
    assert answers == [False, False, True, False, True]
    assert [batch.key for batch in journal_of(box, station)] == ["1", "2", "3"]


def test_batches_out_of_order_are_all_taken(box: Box, station: Station) -> None:
    for key in ("3", "1", "2"):
        assert box.send(station, key, [LINE])[0] == 200
    assert [batch.key for batch in journal_of(box, station)] == ["3", "1", "2"]


def test_without_a_certificate_only_two_doors_are_open(box: Box) -> None:
    for path in (BATCH_PATH, RENEW_PATH, HEARTBEAT_PATH, "/", "/v1/nothing"):
        assert box.call(None, path, b"{}")[0] == 401
    status, answer, _ = box.call(None, "/v1/ca", None, method="GET")
    assert (status, answer["text"]) == (200, box.home.ca.read_text())
    request = make_request(ec.generate_private_key(ec.SECP256R1())).decode()
    assert box.call(None, ENROL_PATH, {"secret": "x", "csr": request, "hostname": "x"})[0] == 403


def foreigner(box: Box) -> Station:
    """A station of another box."""
    home = Home(box.home.root / "foreign")
    ensure_pki(home, [], clock.now())
    key, identity = ec.generate_private_key(ec.SECP256R1()), "00000000-0000-4000-8000-000000000001"
    issued = sign_agent(load_authority(home), make_request(key), identity, now=clock.now())
    thief = Station(identity, home.root / "thief.pem", key)
    thief.keep(issued.pem)
    return thief


def test_a_foreign_certificate_is_refused(box: Box) -> None:
    assert refused(box, foreigner(box))


def test_an_expired_certificate_is_refused(box: Box) -> None:
    late = box.station(next(NUMBERS), expires_in_days=-1)
    status, answer, _ = box.send(late, "k", [LINE])
    assert (status, "has expired" in str(answer)) == (403, True)
    assert box.call(late, HEARTBEAT_PATH, {"hostname": "x"})[0] == 403


def test_an_unknown_agent_of_our_ca_is_refused(box: Box) -> None:
    key, identity = ec.generate_private_key(ec.SECP256R1()), "00000000-0000-4000-8000-00000000ffff"
    issued = sign_agent(load_authority(box.home), make_request(key), identity, now=clock.now())
    unknown = Station(identity, box.home.root / "unknown.pem", key)
    unknown.keep(issued.pem)
    assert box.send(unknown, "k", [LINE])[0] == 403


def test_refusals_are_told_but_not_without_an_end(box: Box) -> None:
    log = box.home.root / "gateway.log"
    assert refused(box, foreigner(box))
    until(
        lambda: any("certificate_refused" in line and "unable to get" in line for line in log.read_text().splitlines())
    )
    stranger = box.station(next(NUMBERS))
    with Session(box.engine) as session, session.begin():
        session.get_one(Agent, stranger.id).state = AgentState.REVOKED
    for _ in range(8):
        assert box.send(stranger, "k", [LINE])[0] == 403
    told = [line for line in log.read_text().splitlines() if "request_refused" in line and stranger.id in line]
    assert len(told) == 3
    assert "revoked" in told[0]


def test_the_servers_own_certificate_is_no_agents(box: Box) -> None:
    pair = box.home.root / "server-pair.pem"
    pair.write_bytes((box.home.pki / "server.pem").read_bytes() + (box.home.pki / "server.key").read_bytes())
    assert refused(box, Station("", pair, ec.generate_private_key(ec.SECP256R1())))


def test_revocation_counts_from_the_next_request_on_the_same_connection(box: Box, station: Station) -> None:
    connection = box.connect(station)
    assert exchange(connection, BATCH_PATH, pack([LINE]), {KEY_HEADER: "1"})[0] == 200
    with Session(box.engine) as session, session.begin():
        session.get_one(Agent, station.id).state = AgentState.REVOKED
    assert exchange(connection, BATCH_PATH, pack([LINE]), {KEY_HEADER: "2"})[0] == 403
    connection.close()
    assert [batch.key for batch in journal_of(box, station)] == ["1"]


def test_the_local_importer_is_known_by_its_certificate(box: Box) -> None:
    importer = box.importer()
    assert box.send(importer, "import-1", [LINE])[0] == 200
    assert [batch.key for batch in journal_of(box, importer)] == ["import-1"]
    assert box.call(importer, HEARTBEAT_PATH, {"hostname": "x"})[0] == 403


def test_tls_below_1_3_is_refused(box: Box, station: Station) -> None:
    context = box.tls(station.pair)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    connection = http.client.HTTPSConnection("127.0.0.1", box.port, timeout=10, context=context)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connection.request("GET", "/v1/ca")
    connection.close()


# --- bounds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * (MAX_BODY + 1), 413),
        (zlib.compress(b"\n" * (MAX_INFLATED + 1)), 400),
        (pack([LINE] * (MAX_RECORDS + 1)), 400),
        (pack([b"x" * (MAX_RECORD + 1)]), 400),
        (b"not deflated", 400),
        (pack([LINE])[:-3], 400),
        (pack([LINE]) + b"x", 400),
        (b"", 400),
    ],
    ids=["long", "bomb", "many records", "long record", "not deflated", "truncated", "trailing", "empty"],
)
def test_a_batch_past_a_bound_is_refused_for_good(box: Box, station: Station, body: bytes, status: int) -> None:
    answer = box.call(station, BATCH_PATH, body, {KEY_HEADER: "k"})
    assert answer[0] == status
    assert answer[1]["error"]
    assert journal_of(box, station) == []
    assert box.send(station, "k2", [LINE])[0] == 200


@pytest.mark.parametrize("size", [MAX_RECORDS, 1])
def test_a_batch_at_the_bound_is_taken(box: Box, station: Station, size: int) -> None:
    assert box.send(station, "k", [LINE] * size)[1] == {"records": size, "duplicate": False}


def test_a_bomb_that_fits_the_body_limit_is_refused(box: Box, station: Station) -> None:
    bomb = zlib.compress(b"\0" * (200 << 20), 9)
    assert len(bomb) < MAX_BODY
    assert box.call(station, BATCH_PATH, bomb, {KEY_HEADER: "k"})[0] == 400
    assert box.process is not None
    lines = Path(f"/proc/{box.process.pid}/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    assert peak < 220_000


def test_a_refused_batch_stays_visible(box: Box, station: Station) -> None:
    for _ in range(2):
        box.call(station, BATCH_PATH, b"\xff rubbish", {KEY_HEADER: "bad-1"})
    letters = DeadLetters(box.home.dead_letters)
    (kept,) = [letter for letter in letters.list(limit=1000) if letter.source == station.id]
    assert kept.original == b"\xff rubbish"
    assert "bad-1" in kept.reason
    assert kept.batch_seq < 0
    letters.close()


def test_depth_inside_a_record_is_the_normalisers_affair(box: Box, station: Station) -> None:
    assert box.send(station, "deep", [b"[" * 1000 + b"]" * 1000, LINE])[1]["records"] == 2


def test_a_chunked_body_is_bounded_while_it_comes(box: Box, station: Station) -> None:
    connection = box.connect(station)
    connection.putrequest("POST", BATCH_PATH)
    connection.putheader(KEY_HEADER, "k")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for _ in range(MAX_BODY // 0x10000 + 1):
        connection.send(chunk)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_half_sent_body_is_never_taken(box: Box, station: Station) -> None:
    body = pack([LINE] * 100)
    connection = box.connect(station)
    connection.putrequest("POST", BATCH_PATH)
    connection.putheader(KEY_HEADER, "half")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    connection.send(body[: len(body) // 2])
    connection.close()
    assert box.send(station, "half", [LINE])[1] == {"records": 1, "duplicate": False}
    assert [batch.records for batch in journal_of(box, station)] == [1]


@pytest.mark.parametrize("key", [None, "", "x" * 101, "a b", "zażółć".encode().decode("latin-1"), "<b>"])
def test_a_key_of_another_form_is_refused(box: Box, station: Station, key: str | None) -> None:
    headers = {} if key is None else {KEY_HEADER: key}
    assert box.call(station, BATCH_PATH, pack([LINE]), headers)[0] == 400


@pytest.mark.parametrize("sent", ["-5", "x", "9" * 400, "1.5"])
def test_a_senseless_clock_costs_only_itself(box: Box, station: Station, sent: str) -> None:
    assert box.call(station, BATCH_PATH, pack([LINE]), {KEY_HEADER: "k", SENT_HEADER: sent})[0] == 200
    assert journal_of(box, station)[0].sent_at is None


def test_headers_are_bounded(box: Box, station: Station) -> None:
    connection = box.connect(station)
    connection.putrequest("POST", BATCH_PATH)
    for number in range(50):
        connection.putheader(f"X-Filler-{number}", "x" * 8000)
    try:
        connection.endheaders()
        assert connection.getresponse().status == 400
    except (ConnectionError, ssl.SSLError):
        pass  # the gateway hung up while the headers were still on their way
    connection.close()
    assert journal_of(box, station) == []


def test_other_methods_and_paths(box: Box, station: Station) -> None:
    assert box.call(station, BATCH_PATH, None, method="GET")[0] == 405
    assert box.call(station, "/v1/nothing", b"")[0] == 404


def test_a_flood_is_told_to_wait(box: Box, station: Station) -> None:
    connection = box.connect(station)
    started, taken, answer = time.monotonic(), 0, exchange(connection, HEARTBEAT_PATH, {"hostname": "PC"})
    while answer[0] == 200 and taken < 500:
        taken += 1
        answer = exchange(connection, HEARTBEAT_PATH, {"hostname": "PC"})
    elapsed = time.monotonic() - started
    connection.close()
    assert answer[0] == 429
    assert 20 <= taken <= 21 + elapsed  # twenty at once, then one a second: a slow disk lets more through
    assert int(answer[2]["retry-after"]) >= 1
