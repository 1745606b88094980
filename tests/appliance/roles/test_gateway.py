"""The gateway's process: crashes under load, full journal and disk, slow clients, start and stop."""

from __future__ import annotations

import asyncio
import http.client
import random
import resource
import signal
import socket
import ssl
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from sqlalchemy.orm import Session

from agent.wire.chain import CHAIN_HEADER, FIRST
from agent.wire.envelope import BATCH_PATH, KEY_HEADER, pack
from appliance import clock
from appliance.home import Home
from appliance.intake import protocol
from appliance.intake.protocol import GatewayProtocol
from appliance.intake.replies import Receive, Reply, Scope, Send
from appliance.journal import Journal
from appliance.pki import ensure_pki
from appliance.state.models import RoleHealth
from tests.appliance.intake.box import Box, Station, exchange, prepared_box, running_box, until

KILLS = 10
LINE = b'{"event.module":"json","message":"zdarzenie"}'


class Sender(threading.Thread):
    """Sends chained batches until told to stop; what fails is sent again, what is answered is noted."""

    def __init__(self, box: Box, station: Station, stop: threading.Event) -> None:
        super().__init__()
        self.box, self.station, self.stop = box, station, stop
        self.answered: list[str] = []

    def run(self) -> None:
        claim = FIRST
        while not self.stop.is_set():
            connection = self.box.connect(self.station)
            try:
                while not self.stop.is_set():
                    key = f"boot:{self.station.id}:{claim.number}"
                    headers = {KEY_HEADER: key, CHAIN_HEADER: claim.text}
                    if exchange(connection, BATCH_PATH, pack([LINE] * 50), headers)[0] == 200:
                        self.answered.append(key)
                        claim = claim.after(key, [LINE] * 50)
            except (OSError, http.client.HTTPException, ssl.SSLError):
                self.stop.wait(0.05)
            finally:
                connection.close()


def answered_by(senders: list[Sender]) -> int:
    return sum(len(sender.answered) for sender in senders)


def progressed(senders: list[Sender], before: int) -> bool:
    return answered_by(senders) > before


def keys_in_journal(home: Home) -> Counter[str]:
    journal = Journal(home.journal, 1 << 40)
    try:
        return Counter(batch.key for batch in journal.read(0, 1_000_000, 1 << 40))
    finally:
        journal.close()


def test_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    box = prepared_box(tmp_path / "box")
    stop, chance = threading.Event(), random.Random(7)
    senders = [Sender(box, box.station(number), stop) for number in range(1, 4)]
    box.start()
    for sender in senders:
        sender.start()
    try:
        for _ in range(KILLS):
            until(partial(progressed, senders, answered_by(senders)))
            time.sleep(chance.uniform(0, 0.12))  # the moment of the kill, not a wait for anything
            assert box.stop(signal.SIGKILL) == -signal.SIGKILL
            box.start()
    finally:
        stop.set()
        for sender in senders:
            sender.join()
    assert box.stop() == 0
    answered = [key for sender in senders for key in sender.answered]
    found = keys_in_journal(box.home)
    print(f"kills {KILLS}, answered batches {len(answered)}, in the journal {len(found)}")
    assert len(answered) >= KILLS
    assert set(answered) <= set(found)
    assert set(found.values()) == {1}


def test_a_full_journal_asks_senders_to_wait_and_recovers(tmp_path: Path) -> None:
    with running_box(tmp_path / "box", CZUJKA_JOURNAL__MAX_BYTES=str(1 << 20)) as box:
        station, noise = box.station(), random.Random(1)
        bodies = {f"k{number}": [noise.randbytes(300_000).replace(b"\n", b" ")] for number in range(6)}
        answers = {key: box.send(station, key, lines) for key, lines in bodies.items()}
        statuses = [status for status, _, _ in answers.values()]
        assert set(statuses) == {200, 503}
        turned_away = next(key for key, answer in answers.items() if answer[0] == 503)
        assert int(answers[turned_away][2]["retry-after"]) > 0
        assert box.send(station, "k0", bodies["k0"])[1]["duplicate"]
        journal = Journal(box.home.journal, 1 << 20)
        journal.forget(journal.read(0, 100, 1 << 30)[-1].seq)
        journal.close()
        assert box.send(station, turned_away, bodies[turned_away])[1] == {"records": 1, "duplicate": False}


def test_a_full_disk_is_503_and_recovers(tmp_path: Path) -> None:
    with running_box(tmp_path / "box") as box:
        station = box.station()
        assert box.send(station, "before", [LINE])[0] == 200
        assert box.process is not None
        # A limit on file sizes makes every write fail as a full disk does.
        hard = resource.prlimit(box.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(box.process.pid, resource.RLIMIT_FSIZE, (8192, hard))
        status, _, headers = box.send(station, "during", [random.Random(2).randbytes(100_000).replace(b"\n", b" ")])
        assert status == 503
        assert int(headers["retry-after"]) > 0
        resource.prlimit(box.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert box.send(station, "after", [LINE])[0] == 200
        assert sorted(keys_in_journal(box.home)) == ["after", "before"]


def test_it_says_how_it_fares_and_stays_small(tmp_path: Path) -> None:
    with running_box(tmp_path / "box") as box:
        station = box.station()
        box.send(station, "1", [LINE] * 3)
        box.call(station, BATCH_PATH, b"rubbish", {KEY_HEADER: "2"})

        def detail() -> dict[str, object]:
            with Session(box.engine) as session:
                row = session.get(RoleHealth, "gateway")
                return row.detail if row else {}

        until(lambda: detail().get("records") == 3)
        assert {name: detail()[name] for name in ("batches", "refused", "journal_batches")} == {
            "batches": 1,
            "refused": 1,
            "journal_batches": 1,
        }
        assert box.process is not None
        lines = Path(f"/proc/{box.process.pid}/status").read_text().splitlines()
        resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        assert resident < 110_000


def test_a_renewed_server_certificate_is_used_without_a_restart(tmp_path: Path) -> None:
    with running_box(tmp_path / "box") as box:

        def shown() -> bytes:
            with (
                socket.create_connection(("127.0.0.1", box.port)) as plain,
                box.tls(None).wrap_socket(plain, server_hostname="127.0.0.1") as tls,
            ):
                return tls.getpeercert(binary_form=True) or b""

        before = shown()
        ensure_pki(box.home, ["nowa.nazwa.pl"], clock.now())
        until(lambda: shown() != before)


def test_an_occupied_port_is_named(tmp_path: Path) -> None:
    box = prepared_box(tmp_path / "box")
    with socket.create_server(("127.0.0.1", box.port)):
        box.start()
        assert box.process is not None
        assert box.process.wait(20) == 1
    log = (box.home.root / "gateway.log").read_text()
    assert f"port {box.port}" in log
    assert "--gateway-port" in log


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    box = prepared_box(tmp_path / "box")
    box.home.journal.write_bytes(b"rubbish" * 1000)
    with pytest.raises(AssertionError, match=r"journal\.db jest uszkodzony"):
        box.start()


# --- slow clients: the protocol itself, with short times ------------------------------------------------------------


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await Reply(200, {}).send(send)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"POST / HTTP/1.1\r\nHost: x\r\nX-A: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT",
    ],
    ids=["silent", "headers", "body", "second request"],
)
def test_a_client_that_takes_its_time_is_cut_off(monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.4)

    async def talk() -> None:
        config = uvicorn.Config(hello, http=GatewayProtocol, log_config=None, lifespan="off", interface="asgi3")
        config.load()
        state = uvicorn.server.ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: GatewayProtocol(config, state, {}), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(start)
        began = loop.time()
        try:
            async with asyncio.timeout(10):
                while await reader.read(1000):
                    pass
        except ConnectionError:
            pass
        finally:
            writer.close()
            server.close()
        assert loop.time() - began < 3

    asyncio.run(talk())
