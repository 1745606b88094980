"""What comes over the wire and should not: bombs, replays, halves, wrong certificates, HTML for a name."""

from __future__ import annotations

import html
import json
import socket
import time
import zlib
from pathlib import Path
from unittest.mock import ANY

import httpx
import pytest

from agent.wire.envelope import BATCH_PATH, KEY_HEADER, encode_record, pack
from agent.wire.event import Record
from agent.wire.inventory import canonical, item_record, state_record
from agent.wire.limits import MAX_BODY
from tests.e2e.bad.identities import Station, enrolled, expired, foreign, unknown
from tests.e2e.bad.tools import alerts_of, cleared, letters, still_works, stored
from tests.e2e.box import Box, wait_for

HTML = '<img src=x onerror="alert(1)">'
SCRIPT = "</script><script>alert('host')</script>"


@pytest.fixture(scope="module")
def station(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Station:
    return enrolled(box, tmp_path_factory.mktemp("station"), HTML)


def _post(station: Station, key: str, body: bytes) -> httpx.Response:
    with station.client() as client:
        return client.post(BATCH_PATH, content=body, headers={KEY_HEADER: key})


@pytest.mark.parametrize(
    ("key", "body", "word"),
    [
        ("bomba", zlib.compress(bytes(256 << 20), 9), "inflates past"),
        ("nie-deflate", b"to nie jest deflate", "not a deflate stream"),
        ("ucieta", pack([encode_record(cleared("ucieta"))])[:-4], "truncated"),
        ("z-ogonem", pack([encode_record(cleared("z-ogonem"))]) + b"x", "trailing"),
        ("za-duzo", pack([b"{}"] * 2001), "2001 records"),
    ],
)
def test_a_batch_past_a_bound_is_refused_and_stays_visible(
    box: Box, station: Station, key: str, body: bytes, word: str
) -> None:
    assert len(body) <= MAX_BODY
    answer = _post(station, key, body)
    assert answer.status_code == 400
    assert word in answer.json()["error"]
    letter = letters(box)[0]
    assert f"batch {key}" in letter["reason"]
    assert word in letter["reason"]
    assert letter["source"] == station.id
    assert _post(station, key, body).status_code == 400
    assert sum(f"batch {key}:" in one["reason"] for one in letters(box)) == 1


def test_a_body_past_the_bound_is_refused_unread(station: Station) -> None:
    assert _post(station, "gruba", bytes(MAX_BODY + 1)).status_code == 413


def test_bad_records_cost_themselves_and_not_their_batch(box: Box, station: Station) -> None:
    good = [encode_record(cleared("mieszane", number)) for number in (1, 2)]
    bad = [b"{", b'{"a":' * 1000 + b"1" + b"}" * 1000, b"\xff", b'{"a":1,"a":2}', b'{"a":NaN}', b"[]"]
    before = len(letters(box))
    answer = _post(station, "mieszane", pack([good[0], *bad, good[1]]))
    assert answer.json() == {"records": 8, "duplicate": False}
    wait_for("the good records are stored", lambda: stored(box, "host.name:mieszane") == 2)
    found = letters(box)
    fresh = found[: len(found) - before]
    assert sorted(letter["line_no"] for letter in fresh) == [2, 3, 4, 5, 6, 7]
    assert all(letter["source"] == station.id and letter["reason"] for letter in fresh)
    (alert,) = alerts_of(box, "mieszane")
    assert alert["count"] == 2


def test_replays_and_another_order_change_nothing(box: Box, station: Station) -> None:
    batches = {
        f"porzadek-{n}": [cleared("porzadek", 2 * n + k, "2026-11-20T10:00:00Z") for k in (0, 1)] for n in (1, 2)
    }
    for key in ("porzadek-2", "porzadek-1"):
        assert station.send(key, batches[key]).json() == {"records": 2, "duplicate": False}
    for key in ("porzadek-1", "porzadek-2", "porzadek-1"):
        assert station.send(key, batches[key]).json() == {"records": 2, "duplicate": True}
    # The same records under a key that the journal has not seen: known to the store, not to the journal.
    assert station.send("porzadek-3", batches["porzadek-1"]).json() == {"records": 2, "duplicate": False}
    still_works(box)
    assert stored(box, "host.name:porzadek") == 4
    assert [alert["count"] for alert in alerts_of(box, "porzadek")] == [4]


def test_a_half_sent_batch_counts_once_it_is_whole(box: Box, station: Station) -> None:
    body = pack([encode_record(cleared("polowa"))])
    head = f"POST {BATCH_PATH} HTTP/1.1\r\nHost: czujka\r\n{KEY_HEADER}: polowa\r\nContent-Length: {len(body)}\r\n\r\n"
    context = box.trust()
    context.load_cert_chain(station.pair)
    for part in (head.encode()[:40], head.encode(), head.encode() + body[:-1]):
        plain = socket.create_connection(("127.0.0.1", box.gateway_port), 10)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
            wrapped.sendall(part)
    still_works(box)
    assert stored(box, "host.name:polowa") == 0
    assert _post(station, "polowa", body).json() == {"records": 1, "duplicate": False}
    wait_for("the whole batch is stored", lambda: stored(box, "host.name:polowa") == 1)


def test_a_foreign_certificate_ends_the_handshake_an_expired_one_is_refused_and_both_are_told(
    box: Box, tmp_path: Path
) -> None:
    with pytest.raises(httpx.TransportError):
        foreign(box, tmp_path).send("obcy", [cleared("obcy")])
    wait_for("the refusal is in the log", lambda: _logged(box, "certificate_refused", "unable to get"), 5)
    assert expired(box, tmp_path).send("obcy", [cleared("obcy")]).status_code == 403
    wait_for("the refusal is in the log", lambda: _logged(box, "request_refused", "has expired"), 5)
    still_works(box)
    assert stored(box, "host.name:obcy") == 0


def _logged(box: Box, event: str, word: str) -> bool:
    return any(event in line and word in line for line in box.log.splitlines())


def test_no_certificate_and_an_unknown_one_are_refused(box: Box, tmp_path: Path) -> None:
    stranger = unknown(box, tmp_path)
    answer = stranger.send("nieznany", [cleared("nieznany")])
    assert answer.status_code == 403
    with httpx.Client(base_url=f"https://127.0.0.1:{box.gateway_port}", verify=box.trust()) as client:
        assert client.post(BATCH_PATH, content=b"", headers={KEY_HEADER: "k"}).status_code == 401
    wait_for("the refusal is in the log", lambda: _logged(box, "request_refused", stranger.id), 5)
    still_works(box)
    assert stored(box, "host.name:nieznany") == 0


def test_a_revoked_station_is_refused_from_the_next_request_on(box: Box, tmp_path: Path, officer: httpx.Client) -> None:
    revoked = enrolled(box, tmp_path, "cofnieta")
    assert revoked.send("raz", [cleared("cofnieta")]).status_code == 200
    with revoked.client() as kept:
        assert _batch(kept, "dwa") == 200
        page = officer.get("/stacje").text
        csrf = page.split('name="csrf" value="')[1].split('"')[0]
        answer = officer.post(f"/stacje/{revoked.id}/cofnij", data={"csrf": csrf})
        assert answer.status_code in (200, 303), answer.text
        assert _batch(kept, "trzy") == 403
    assert "revoked" in revoked.send("cztery", [cleared("cofnieta", 4)]).json()["error"]
    wait_for("the refusal is in the log", lambda: _logged(box, "request_refused", revoked.id), 5)
    (row,) = [agent for agent in box.get("status")["agents"] if agent["id"] == revoked.id]
    assert row["state"] == "revoked"
    still_works(box)
    assert stored(box, "host.name:cofnieta") == 2


def test_an_inventory_is_kept_and_nonsense_in_it_is_only_an_event(
    box: Box, station: Station, officer: httpx.Client
) -> None:
    item = {"package.name": SCRIPT, "package.version": "1"}
    good = [
        item_record("software", "x", item, present=True, revision=1),
        state_record("software", {"x": canonical(item)}, 1),
    ]
    bad: list[Record] = [
        {**good[0], **more}
        for more in ({"inventory.key": "k" * 5000}, {"inventory.section": "../x"}, {"inventory.revision": -1})
    ]
    assert station.send("spis", [*bad, *good]).status_code == 200
    query = f'agent.id:"{station.id}" AND event.action:(inventory_item OR inventory_state)'
    wait_for("all five are stored", lambda: stored(box, query) == 5)
    assert box.get(f"agents/{station.id}/inventory")["items"] == [
        {"name": "software", "count": 1, "revision": 1, "told_at": ANY, "agrees": True, "refused": 0, "problem": ""}
    ]
    for path in (f"/stacje/{station.id}", f"/stacje/{station.id}/spis?dzial=software"):
        page = officer.get(path)
        assert (page.status_code, "<script>alert" in page.text) == (200, False)


def _batch(client: httpx.Client, key: str) -> int:
    body = pack([encode_record(cleared("cofnieta", {"dwa": 2, "trzy": 3}[key]))])
    return client.post(BATCH_PATH, content=body, headers={KEY_HEADER: key}).status_code


def test_a_host_name_that_is_html_is_only_text(box: Box, station: Station, officer: httpx.Client) -> None:
    assert station.heartbeat(HTML).status_code == 200
    record = {**cleared(SCRIPT), "SubjectUserName": HTML, "SubjectDomainName": HTML}
    assert station.send("html", [record]).status_code == 200
    still_works(box)
    (alert,) = alerts_of(box, SCRIPT)
    (event,) = [one["event"] for one in box.get(f"alerts/{alert['id']}/events")["items"]]
    shown = {
        "/stacje": HTML,
        "/alerty": SCRIPT,
        f"/alerty/{alert['id']}": SCRIPT,
        f"/zdarzenia/{event['event.id']}": SCRIPT,
        "/zdarzenia": SCRIPT,
        "/": "Pulpit",
    }
    for path, name in shown.items():
        page = officer.get(path)
        assert page.status_code == 200
        assert "<img src=x" not in page.text, path
        assert "<script>alert" not in page.text, path
        assert html.escape(name, quote=False)[:20] in page.text, path
        assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_clock_of_the_sender_that_is_a_day_off_is_kept_apart(box: Box, station: Station) -> None:
    moment = time.time_ns() // 1000
    for number, sent in enumerate((moment - 86_400_000_000, moment + 86_400_000_000), 1):
        with station.client() as client:
            body = {"hostname": HTML, "os": "x", "version": "1", "sent_at": sent}
            assert client.post("/v1/heartbeat", content=json.dumps(body)).status_code == 200
        (row,) = [agent for agent in box.get("agents")["items"] if agent["id"] == station.id]
        assert abs(abs(row["skew_us"]) - 86_400_000_000) < 60_000_000, number
        assert abs(row["seen_at"] - moment) < 60_000_000
