"""A spool whose pages are damaged: whatever is left of it, the agent lives, says so, and sends what comes."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.wire.sending.sensor import Bookmark, Gap
from agent.wire.sending.spool import Outgoing, Spool, Spooled
from agent.wire.sending.spoolfile import SpoolAnew, SpoolFull
from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.real import RealAgent

PAGE = 4096
ROWS = 1500
DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "zeros": lambda _page, _chance: bytes(PAGE),
    "noise": lambda _page, chance: chance.randbytes(PAGE),
    "bits": lambda page, chance: bytes(one ^ (chance.random() < 0.01) << chance.randrange(8) for one in page),
    "head": lambda page, chance: chance.randbytes(16) + page[16:],
}


def test_a_folder_in_its_place_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "spool.db" / "below").mkdir(parents=True)
    spool = Spool(tmp_path / "spool.db", keep_free=0)
    assert [gap.cause for gap in spool.gaps()] == ["spool_damaged"]
    spool.close()
    (aside,) = tmp_path.glob("spool.db.damaged-*")
    assert (aside / "below").is_dir()


def record(number: int) -> Spooled:
    size = 9000 if number % 50 == 0 else 200
    return Spooled(b'{"@timestamp":%d,"n":%d,"x":"%s"}' % (number + 1, number, b"a" * size), number % 3 + 1, number + 1)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spool with all its tables in use."""
    path = tmp_path_factory.mktemp("filled") / "spool.db"
    spool = Spool(path, keep_free=0)
    spool.add([record(number) for number in range(ROWS)], [Bookmark(f"log:{n}", f"place {n}") for n in range(9)])
    spool.add([], [], [Gap("fim_overflow", 3, 1, 2)])
    spool.set_state("stopped", "no")
    assert spool.batch("boot", 50, 1 << 20) is not None
    spool.close()
    return path


def roots(path: Path) -> dict[str, int]:
    database = sqlite3.connect(path)
    found = {str(n): int(p) for n, p in database.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0")}
    database.close()
    return found


def damage(path: Path, page: int, how: str, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        old = file.read(PAGE)
        file.seek((page - 1) * PAGE)
        file.write(DAMAGES[how](old, chance))


def sent(spool: Spool) -> list[Outgoing]:
    found: list[Outgoing] = []
    while True:
        try:
            batch = spool.batch("boot", 500, 1 << 17)
            if batch is None:
                return found
            spool.acknowledged(batch)
        except SpoolAnew:  # as the sending thread does
            continue
        found.append(batch)


def lives(spool: Spool) -> list[bytes]:
    """Use a spool as the agent does; return what it sent."""
    spool.bookmarks()
    spool.state("stopped")
    spool.number("alive")
    spool.set_state("stopped", "no")
    spool.add([Spooled(b'{"new":1}', 1, 5)], [Bookmark("log:0", "place 1")])
    gaps = spool.gaps()
    spool.gaps_to_records([(gap, {"cause": gap.cause}) for gap in gaps])
    found = [line for batch in sent(spool) for line in batch.lines]
    spool.tidy(7)
    assert spool.depth == 0
    assert spool.newest
    assert spool.bookmarks()["log:0"] == "place 1"
    return found


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("seed", range(12))
def test_whatever_page_is_damaged_new_records_are_sent(filled: Path, tmp_path: Path, how: str, seed: int) -> None:
    chance = random.Random(f"{how} {seed}")
    path = tmp_path / "spool.db"
    shutil.copy(filled, path)
    pages = path.stat().st_size // PAGE
    for page in {chance.randint(1, pages) for _ in range(chance.choice((1, 1, 2, 5)))} | {seed % 20 + 1}:
        damage(path, page, how, chance)
    for _ in range(2):
        spool = Spool(path, keep_free=0)
        assert b'{"new":1}' in lives(spool)
        spool.close()
    assert len(list(tmp_path.glob("spool.db.damaged-*"))) <= 2


@pytest.mark.parametrize("how", ["zeros", "noise"])
def test_damage_that_comes_while_it_is_open_costs_what_is_on_the_page(filled: Path, tmp_path: Path, how: str) -> None:
    chance = random.Random(how)
    for name, page in roots(filled).items():
        folder = tmp_path / name
        folder.mkdir()
        path = folder / "spool.db"
        shutil.copy(filled, path)
        spool = Spool(path, keep_free=0)
        spool._file.db.execute("PRAGMA shrink_memory")
        damage(path, page, how, chance)
        assert b'{"new":1}' in lives(spool), name
        spool.close()


def test_what_is_on_both_sides_of_the_damage_is_saved(filled: Path, tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    shutil.copy(filled, path)
    database = sqlite3.connect(path)
    leaves = [n for (n,) in database.execute("SELECT pageno FROM dbstat WHERE name='records' AND pagetype='leaf'")]
    database.close()
    damage(path, leaves[len(leaves) // 2], "zeros", random.Random(1))
    spool = Spool(path, keep_free=0)
    assert ROWS - 30 < spool.depth < ROWS
    assert spool.bookmarks() == {f"log:{n}": f"place {n}" for n in range(9)}
    assert spool.state("stopped") == "no"
    assert {gap.cause for gap in spool.gaps()} == {"fim_overflow", "spool_damaged"}
    (first, *_) = sent(spool)
    assert first.claim.damaged
    spool.close()


def test_a_batch_of_the_damaged_file_forgets_nothing_of_the_new_one(filled: Path, tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    shutil.copy(filled, path)
    spool = Spool(path, keep_free=0)
    batch = spool.batch("boot", 50, 1 << 20)
    assert batch is not None
    spool._file.db.execute("PRAGMA shrink_memory")
    damage(path, roots(filled)["losses"], "zeros", random.Random(1))
    assert spool.gaps()
    depth = spool.depth
    assert depth == ROWS
    spool.acknowledged(batch)
    spool.refused(batch, 1)
    spool.split(batch, "boot")
    assert spool.depth == depth
    spool.close()


def test_a_disk_that_takes_no_new_file_is_tried_again_and_loses_nothing(filled: Path, tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    shutil.copy(filled, path)
    spool = Spool(path, keep_free=0)
    spool._file.db.execute("PRAGMA shrink_memory")
    damage(path, roots(filled)["losses"], "zeros", random.Random(1))
    bounds = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, bounds[1]))
    try:
        for _ in range(2):
            with pytest.raises(SpoolFull):
                spool.gaps()
            with pytest.raises(SpoolFull):
                spool.add([record(1)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, bounds)
    assert [gap.cause for gap in spool.gaps()] == ["spool_damaged"]
    assert spool.depth == ROWS
    assert b'{"new":1}' in lives(spool)
    spool.close()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path / "box")
    yield made
    made.down()


@pytest.fixture
def agent(tmp_path: Path, box: FakeBox) -> Iterator[RealAgent]:
    """An agent that follows one log file and has stopped after its first line."""
    log = tmp_path / "logs" / "auth.log"
    log.parent.mkdir()
    log.write_text("Nov 23 06:00:00 host sshd[1]: first\n")
    made = RealAgent(tmp_path, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(log.parent))
    made.start()
    log.write_text(log.read_text() + "Nov 23 06:00:01 host sshd[1]: second\n")
    until(lambda: told(box, "second"), 10, "the first line")
    assert made.stop() == 0
    yield made
    made.stop()


def told(box: FakeBox, text: str) -> list[object]:
    return [one for one in box.seen.records if text in str(one.get("message", ""))]


@pytest.mark.parametrize("how", ["zeros", "noise"])
def test_the_real_agent_beats_and_sends_whatever_page_was_damaged(
    agent: RealAgent, box: FakeBox, tmp_path: Path, how: str
) -> None:
    chance, spool = random.Random(how), agent.home.spool
    log = tmp_path / "logs" / "auth.log"
    pages = sorted({*roots(spool).values(), chance.randint(1, spool.stat().st_size // PAGE)})
    pages = pages if how == "zeros" else chance.sample(pages, 2)
    for number, page in enumerate(pages):
        damage(spool, page, how, chance)
        agent.start()
        with log.open("a") as file:
            file.write(f"Nov 23 06:00:02 host sshd[1]: page {number}.\n")
        until(partial(told, box, f"page {number}."), 10, f"what came after the damage of page {page}")
        assert agent.stop() == 0, page
    causes = [one.get("gap.cause") for one in agent.own_events("telemetry_gap")]
    assert "spool_damaged" in causes
    assert "agent_killed" not in causes
    assert 1 <= len(list(agent.home.folder.glob("spool.db.damaged-*"))) <= 2
