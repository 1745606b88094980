"""A full disk: what was acknowledged is kept, the rest is told to wait, and space is all that it takes to go on."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from agent.wire.envelope import BATCH_PATH, KEY_HEADER, encode_record, pack
from tests.e2e.bad.tools import PASSWORD, alerts_of, cleared, signed_in, still_works, stored
from tests.e2e.box import Box, wait_for
from tests.e2e.station import Station

pytestmark = pytest.mark.root
NO_SPACE = "nie ma miejsca"


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk in memory on a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "czujka-test", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Leave not one free byte on a disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as handle, contextlib.suppress(OSError):
        while True:
            handle.write(bytes(4096))
    try:
        yield
    finally:
        ballast.unlink()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_disk(tmp_path_factory.mktemp("disk") / "home", "48m") as folder:
        yield folder


@pytest.fixture(scope="module")
def store_disk(disk: Path) -> Iterator[Path]:
    with small_disk(disk / "store", "4m") as folder:
        yield folder


@pytest.fixture(scope="module")
def small(disk: Path, store_disk: Path) -> Iterator[Box]:
    del store_disk
    with Box(disk.parent) as made:
        yield made


def _try_to_send(box: Box, key: str, host: str) -> httpx.Response:
    context = box.trust()
    context.load_cert_chain(box.home.pki / "importer.pem", box.home.pki / "importer.key")
    with httpx.Client(base_url=f"https://127.0.0.1:{box.gateway_port}", verify=context, timeout=30) as client:
        body = pack([encode_record({**cleared(host), "x": "y" * 20_000})])
        return client.post(BATCH_PATH, content=body, headers={KEY_HEADER: key})


def _pids(box: Box) -> dict[str, int]:
    return {name: process.pid for name, process in box.roles().items()}


def test_the_stores_disk_is_full(small: Box, store_disk: Path) -> None:
    before = _pids(small)
    with full(store_disk):
        answer = _try_to_send(small, "bez-historii", "bez-historii")
        assert answer.status_code == 200
        wait_for("the alert is there all the same", lambda: alerts_of(small, "bez-historii"))
        wait_for("the log says what is wrong", lambda: "sink_unavailable" in small.log)
        assert stored(small, "host.name:bez-historii") == 0
        assert small.get("status")["journal"]["batches"] > 0
    wait_for("the event is stored", lambda: stored(small, "host.name:bez-historii") == 1)
    (alert,) = alerts_of(small, "bez-historii")
    assert alert["count"] == 1
    still_works(small)
    assert _pids(small) == before
    assert "Traceback" not in small.log


def test_every_disk_is_full(small: Box, disk: Path, store_disk: Path) -> None:
    before = _pids(small)
    taken: list[str] = []
    refused: list[str] = []
    with contextlib.closing(signed_in(small)) as browser, full(disk), full(store_disk):
        for number in range(60):
            answer = _try_to_send(small, f"pelno-{number}", f"pelno-{number}")
            (taken if answer.status_code == 200 else refused).append(f"pelno-{number}")
            if answer.status_code != 200:
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
            if len(refused) == 3:
                break
        assert len(refused) == 3
        wait_for("the log says what is wrong", lambda: NO_SPACE in small.log)
        assert browser.get("/zdarzenia").status_code == 200
        assert small.get("alerts")["items"]
        assert _sign_in(small) == 503
        assert "Traceback" not in small.run("status").stderr
    wait_for("the box is well again", lambda: _is_well(small), 40)
    for host in refused:
        assert _try_to_send(small, host, host).status_code == 200
    for host in taken + refused:
        wait_for(f"{host} is stored", partial(_is_stored, small, host), 40)
        assert [alert["count"] for alert in alerts_of(small, host)] == [1]
    assert _sign_in(small) == 303
    still_works(small)
    assert _pids(small) == before


def _is_well(box: Box) -> bool:
    with box.api() as client:
        answer = client.get("health")
    return answer.status_code == 200 and answer.json()["status"] == "ok"


def _is_stored(box: Box, host: str) -> bool:
    return stored(box, f"host.name:{host}") == 1


def _sign_in(box: Box) -> int:
    with httpx.Client(base_url=box.base, verify=box.trust(), headers={"Origin": box.base}, timeout=30) as client:
        return client.post("/zaloguj", data={"login": "anna", "password": PASSWORD}).status_code


def test_no_mail_is_lost_for_want_of_space(small: Box) -> None:
    def delivered() -> bool:
        messages = small.get("status")["messages"]
        return bool(messages["waiting"] == 0 and messages["failed"] == 0)

    wait_for("all mail lies in the mailbox", delivered, 40)
    assert len(list((small.home.mailbox / "new").iterdir())) == len(small.get("alerts", limit=200)["items"])


def test_the_stations_disk_is_full(small: Box, tmp_path: Path) -> None:
    station = Station(small, tmp_path, "stacja-bez-miejsca")
    with small_disk(station.home, "2m") as disk:
        station.begin()
        try:
            station.append(20)
            station.check_all_stored_once()
            with full(disk):
                wait_for("the agent says what is wrong", lambda: _spool_is_full(station))
            station.append(20)
            station.check_all_stored_once()
            assert "spool_writes_again" in station.log
            assert "Traceback" not in station.log
        finally:
            assert station.stop() == 0


def _spool_is_full(station: Station) -> bool:
    """Add lines until one no longer fits; what was added is kept for later all the same."""
    station.append(20)
    return "spool_not_writable" in station.log


def test_a_box_does_not_start_on_a_full_disk_and_says_why(tmp_path: Path) -> None:
    with small_disk(tmp_path / "home", "1m") as folder, full(folder):
        done = Box(tmp_path).run("up", "--no-agent")
    assert done.returncode == 69
    assert NO_SPACE in done.stderr
    assert str(folder) in done.stderr
    assert "Traceback" not in done.stderr
