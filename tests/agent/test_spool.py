"""The spool: nothing leaves before its acknowledgement, a batch is always the same, losses are counted."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.wire.chain import FIRST
from agent.wire.event import Record
from agent.wire.limits import MAX_RECORD
from agent.wire.sending import run
from agent.wire.sending.sensor import Bookmark, Gap
from agent.wire.sending.spool import DROPPED_FIRST, Spool, Spooled, spooled
from agent.wire.sending.spoolfile import SpoolFull


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool.db", keep_free=0)
    yield made
    made.close()


def records(count: int, priority: int = 1, size: int = 10) -> list[Spooled]:
    return [spooled({"n": number, "@timestamp": 1000 + number, "x": "y" * size}, priority) for number in range(count)]


def test_rows_leave_only_after_the_acknowledgement(spool: Spool) -> None:
    spool.add(records(5))
    batch = spool.batch("boot", 3, 10_000)
    assert batch is not None
    assert len(batch.lines) == 3
    assert spool.depth == 5
    spool.acknowledged(batch)
    assert spool.depth == 2
    rest = spool.batch("boot", 3, 10_000)
    assert rest is not None
    assert rest.key != batch.key
    spool.acknowledged(rest)
    assert (spool.depth, spool.size) == (0, 0)
    assert spool.batch("boot", 3, 10_000) is None


def test_a_fixed_batch_stays_the_same_whatever_comes(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.db", keep_free=0)
    spool.add(records(3))
    batch = spool.batch("boot", 100, 10_000)
    spool.add(records(3))
    spool.close()
    again = Spool(tmp_path / "s.db", keep_free=0)
    assert again.batch("another boot", 100, 10_000) == batch
    assert again.depth == 6
    again.close()


def test_a_batch_is_bounded_in_bytes_but_takes_at_least_one(spool: Spool) -> None:
    spool.add(records(4, size=1000))
    small = spool.batch("b", 100, 10)
    assert small is not None
    assert len(small.lines) == 1
    spool.acknowledged(small)
    two = spool.batch("b", 100, 2200)
    assert two is not None
    assert len(two.lines) == 2


def test_bookmark_and_records_are_one_transaction(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.db", keep_free=0)
    spool.add(records(1), [Bookmark("file:/x", "7")])
    with pytest.raises(TypeError):
        spool.add([*records(1), spooled({"bad": object()}, 1)], [Bookmark("file:/x", "8")])  # type: ignore[dict-item]
    assert spool.bookmarks() == {"file:/x": "7"}
    assert spool.depth == 1
    spool.close()


def test_the_oldest_of_the_least_important_go_first_and_are_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.db", max_bytes=4000, keep_free=0)
    spool.add(records(5, priority=1, size=200))
    spool.add(records(5, priority=2, size=200))
    spool.add(records(7, priority=1, size=200))
    assert spool.size <= 4000
    (gap,) = spool.gaps()
    assert gap.cause == "spool_full"
    assert gap.lost == 17 - spool.depth
    assert (gap.first, gap.last) == (1000, 1000 + gap.lost - 1)
    kept = sqlite3.connect(tmp_path / "s.db")
    assert kept.execute("SELECT count(*) FROM records WHERE priority = 1").fetchone() == (12,)
    kept.close()
    spool.close()


def test_a_batch_under_way_is_not_dropped(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.db", max_bytes=2000, keep_free=0)
    spool.add(records(3, size=200))
    batch = spool.batch("b", 100, 100_000)
    spool.add(records(20, size=200))
    assert spool.batch("b", 100, 100_000) == batch
    spool.close()


def test_a_full_disk_leaves_its_reserve_free(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.db", keep_free=1 << 60)
    spool.add(records(5))
    assert spool.size <= sum(len(item.body) + 64 for item in records(5))
    spool.add(records(5))
    assert spool.gaps()[0].cause == "spool_full"
    spool.close()


def test_a_folder_that_is_gone_for_a_while_loses_nothing(tmp_path: Path) -> None:
    """Somebody moves it, or its file system does not answer."""
    folder = tmp_path / "agent"
    folder.mkdir()
    spool = Spool(folder / "s.db", keep_free=0)
    spool.add(records(3))
    folder.rename(tmp_path / "moved")
    assert 0 <= spool.share <= 1
    spool.add(records(2))
    (tmp_path / "moved").rename(folder)
    spool.add(records(1))
    spool.close()
    assert Spool(folder / "s.db", keep_free=0).depth == 6


def test_losses_add_up_and_become_events_once(spool: Spool) -> None:
    spool.add([], gaps=[Gap("audit_lost", 3, 10, 20), Gap("audit_lost", 4, 5, 15), Gap("disk_full", 1, 1, 1)])
    gaps = spool.gaps()
    assert Gap("audit_lost", 7, 5, 20) in gaps
    spool.gaps_to_records([(gap, {"event.action": "telemetry_gap", "gap.count": gap.lost}) for gap in gaps])
    assert spool.gaps() == []
    assert spool.depth == 2


def test_a_loss_that_grew_meanwhile_stays_noted(spool: Spool) -> None:
    spool.add([], gaps=[Gap("audit_lost", 3, 10, 20)])
    seen = spool.gaps()
    spool.add([], gaps=[Gap("audit_lost", 1, 21, 22)])
    spool.gaps_to_records([(gap, {"event.action": "telemetry_gap"}) for gap in seen])
    assert spool.gaps() == [Gap("audit_lost", 4, 10, 22)]


def test_a_record_past_the_bound_is_a_counted_loss(spool: Spool) -> None:
    spool.add([spooled({"x": "y" * (MAX_RECORD + 1), "@timestamp": 5}, 1), *records(1)])
    assert spool.depth == 1
    assert spool.gaps() == [Gap("record_too_large", 1, 5, 5)]


def test_a_refused_batch_is_halved_to_its_record(spool: Spool) -> None:
    spool.add(records(5))
    batch = spool.batch("b", 100, 10_000)
    assert batch is not None
    keys = {batch.key}
    while len(batch.lines) > 1:
        spool.split(batch, "b")
        batch = spool.batch("b", 100, 10_000)
        assert batch is not None
        keys.add(batch.key)
    assert len(keys) == 4
    spool.refused(batch, 99)
    assert spool.depth == 4
    assert spool.gaps() == [Gap("refused_by_box", 1, 99, 99)]


def test_an_emptied_spool_gives_the_disk_back(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    spool = Spool(path, keep_free=0)
    spool.add(records(1500, size=10_000))
    while (batch := spool.batch("b", 500, 4 << 20)) is not None:
        spool.acknowledged(batch)
    spool.tidy(77)
    assert spool.state("alive") == "77"
    other = sqlite3.connect(path)
    assert other.execute("PRAGMA freelist_count").fetchone()[0] <= 1024
    assert other.execute("PRAGMA page_count").fetchone()[0] < 1200
    other.close()
    spool.close()


def test_an_older_spool_is_taken_over(tmp_path: Path) -> None:
    """Before, an index of all rows served the order of dropping."""
    path = tmp_path / "s.db"
    Spool(path, keep_free=0).close()
    old = sqlite3.connect(path)
    old.executescript("DROP INDEX less_important; CREATE INDEX by_priority ON records(priority, seq);")
    old.close()
    spool = Spool(path, max_bytes=4000, keep_free=0)
    spool.add(records(5, priority=2, size=200))
    spool.add(records(15, priority=1, size=200))
    assert spool.gaps()[0].cause == "spool_full"
    names = [name for (name,) in spool._file.db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")]
    assert "by_priority" not in names
    plan = spool._file.db.execute(f"EXPLAIN QUERY PLAN {DROPPED_FIRST[0]}", (0,)).fetchall()
    assert "less_important" in str(plan)
    spool.close()


def test_noted_losses_are_known_without_asking(spool: Spool) -> None:
    assert spool.gaps() == []
    assert not spool.has_gaps
    spool.add(records(1))
    batch = spool.batch("b", 10, 1000)
    assert batch is not None
    spool.refused(batch, 5)
    assert spool.has_gaps
    assert spool.gaps() == [Gap("refused_by_box", 1, 5, 5)]


def test_two_spools_never_share_a_key(tmp_path: Path) -> None:
    keys = set()
    for name in ("a.db", "b.db"):
        spool = Spool(tmp_path / name, keep_free=0)
        spool.add(records(1))
        batch = spool.batch("boot", 10, 10_000)
        assert batch is not None
        assert len(batch.key) <= 100
        keys.add(batch.key)
        spool.close()
    assert len(keys) == 2


def test_an_unwritable_disk_is_said_and_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.db", keep_free=0)
    spool.add(records(2))
    blocker = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    spool._file.db.execute("PRAGMA busy_timeout=10")
    spool._file.db.execute("PRAGMA max_page_count=12")
    with pytest.raises(SpoolFull, match="full"):
        spool.add(records(40, size=5000))
    assert spool.depth == 2
    blocker.close()
    spool.close()


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"this is no database, not at all\n" * 200)
    spool = run.open_spool(path)
    assert [gap.cause for gap in spool.gaps()] == ["spool_damaged"]
    assert len(list(tmp_path.glob("spool.db.damaged-*"))) == 1
    spool.close()


WRITER = """
import sys
from pathlib import Path
from agent.wire.sending.spool import Spool, spooled
spool = Spool(Path(sys.argv[1]), keep_free=0)
n = 0
while True:
    spool.add([spooled({"n": n}, 1)])
    print(n, flush=True)
    n += 1
"""


def test_kill_9_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(20)]
        os.kill(child.pid, signal.SIGKILL)
        said += child.stdout.readlines()
        child.wait()
        child.stdout.close()
        spool = Spool(path, keep_free=0)
        assert spool.depth >= len([line for line in said if line.endswith(b"\n")])
        batch = spool.batch("b", 100_000, 1 << 30)
        assert batch is not None
        spool.acknowledged(batch)
        assert spool.depth == 0
        spool.close()


SENDER = """
import sys
from pathlib import Path
from agent.wire.sending.spool import Spool
spool = Spool(Path(sys.argv[1]), keep_free=0)
while (batch := spool.batch("boot", 1, 1000)) is not None:
    spool.acknowledged(batch)
    print(batch.key, batch.lines[0].decode(), flush=True)
"""


def test_kill_9_keeps_rows_and_chain_in_step(tmp_path: Path) -> None:
    path, claim, left = tmp_path / "s.db", FIRST, records(2000)
    spool = Spool(path, keep_free=0)
    spool.add(left)
    spool.close()
    child = subprocess.Popen([sys.executable, "-c", SENDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(20)]
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    spool = Spool(path, keep_free=0)
    next_ = spool.batch("boot", 1, 1000)
    assert next_ is not None
    assert next_.claim.number == 2000 - spool.depth
    for line in said[: next_.claim.number]:
        key, _, record = line.rstrip("\n").partition(" ")
        claim = claim.after(key, [record.encode()])
    if next_.claim.number == claim.number + 1:  # killed between its word kept and its word said
        name, _, number = key.rpartition(":")
        claim = claim.after(f"{name}:{int(number) + 1}", [left[claim.number].body])
    assert next_.claim == claim
    spool.close()


def test_each_priority_has_its_own_loss_with_its_exact_span(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.db", max_bytes=4000, keep_free=0)
    moments = [5000, 9000, 7000]  # a clock that was set back lies between
    spool.add([spooled({"@timestamp": at, "x": "y" * 200}, 3) for at in moments])
    spool.add(records(4, priority=2, size=200))
    spool.add(records(13, priority=1, size=200))
    assert spool.gaps() == [Gap("spool_full", 4, 1000, 1003, 2), Gap("spool_full", 3, 5000, 9000, 3)]
    assert spool.depth == 13
    events: list[tuple[Gap, Record]] = [(gap, {"gap.count": gap.lost}) for gap in spool.gaps()]
    spool.gaps_to_records(events)
    assert len({str(record["event.id"]) for _, record in events}) == 2
    assert [gap.priority for gap in spool.gaps()] == [1]
    spool.close()


def test_rows_of_a_batch_under_way_are_kept_wherever_they_stand(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.db", max_bytes=4000, keep_free=0)
    spool.add(records(5, size=200))
    mark = spool.newest
    spool.add(records(3, priority=3, size=200))
    batch = spool.batch("b", 100, 100_000, after=mark)
    assert batch is not None
    assert len(batch.lines) == 3
    for _ in range(4):
        spool.add(records(3, size=200))
    assert spool.batch("b", 100, 100_000) == batch
    assert spool.size <= 4000
    (gap,) = spool.gaps()
    assert gap.priority == 1
    spool.acknowledged(batch)
    oldest = spool.batch("b", 1, 100_000)
    assert oldest is not None
    rows = spool._file.db.execute("SELECT min(seq) FROM records WHERE priority = 1").fetchone()
    assert oldest.first == rows[0] == gap.lost + (0 if gap.lost < mark else 3) + 1
    spool.close()


def test_losses_that_an_older_spool_noted_are_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    Spool(path, keep_free=0).close()
    old = sqlite3.connect(path)
    old.executescript(
        "CREATE TABLE gaps(cause TEXT PRIMARY KEY, count INTEGER NOT NULL, first INTEGER NOT NULL,"
        " last INTEGER NOT NULL) WITHOUT ROWID; INSERT INTO gaps VALUES ('audit_lost', 3, 10, 20);"
    )
    old.close()
    for _ in range(2):
        spool = Spool(path, keep_free=0)
        assert spool.gaps() == [Gap("audit_lost", 3, 10, 20)]
        spool.close()


def test_the_share_that_is_used_counts_the_disk_too(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.db", max_bytes=10_000, keep_free=0)
    assert spool.share == 0.0
    spool.add(records(10, size=436))
    assert 0.4 < spool.share < 0.7
    spool.close()
    full = Spool(tmp_path / "s.db", keep_free=1 << 60)
    assert full.share == 1.0
    full.close()
