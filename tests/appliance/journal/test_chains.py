"""The chain of batches between a real spool and a real journal: what breaks it, and that nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.chain import parse_claim
from agent.wire.envelope import pack, unpack
from agent.wire.sending.run import open_spool
from agent.wire.sending.spool import Outgoing, Spool, spooled
from appliance.intake.chain import break_told, counted
from appliance.journal import Appended, Fault, Journal, NewBatch

AGENT = "00000000-0000-4000-8000-000000000001"
CLOCK = count(1_790_000_000_000_000, 1_000_000)


def journal_at(path: Path) -> Journal:
    journal = Journal(path, 1 << 30, break_told)
    journal._connection.execute("PRAGMA synchronous=OFF")  # the machine lives through each test
    return journal


def spool_at(path: Path) -> Spool:
    spool = open_spool(path)
    spool._file.db.execute("PRAGMA synchronous=OFF")
    return spool


@dataclass
class Office:
    """A station, its box, and what travels between them."""

    folder: Path
    boot: str = "boot"
    numbers: Iterator[int] = field(default_factory=count)
    made: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spool, self.journal = spool_at(self.folder / "spool.db"), journal_at(self.folder / "journal.db")

    def close(self) -> None:
        self.spool.close()
        self.journal.close()

    def add(self, many: int = 1, priority: int = 1) -> None:
        numbers = [next(self.numbers) for _ in range(many)]
        self.made += numbers
        self.spool.add([spooled({"n": n, "@timestamp": next(CLOCK)}, priority) for n in numbers])

    def batch(self) -> Outgoing:
        batch = self.spool.batch(self.boot, 3, 10_000)
        assert batch is not None
        return batch

    def arrives(self, batch: Outgoing, *, chained: bool = True) -> Appended:
        records, claim = counted(pack(batch.lines), batch.key, batch.claim.text if chained else None)
        new = NewBatch(AGENT, batch.key, next(CLOCK), None, records, pack(batch.lines), claim, "PC-1")
        (answer,) = self.journal.append_many([new])
        return answer

    def sends(self, *, chained: bool = True) -> Appended:
        """One new record goes all the way."""
        self.add()
        batch = self.batch()
        answer = self.arrives(batch, chained=chained)
        self.spool.acknowledged(batch)
        return answer

    def restarts(self) -> None:
        self.spool.close()
        self.spool = spool_at(self.folder / "spool.db")

    def box_restarts(self) -> None:
        self.journal.close()
        self.journal = journal_at(self.folder / "journal.db")

    def got(self) -> list[dict[str, object]]:
        batches = self.journal.read(0, 100_000, 1 << 30)
        return [json.loads(line) for batch in batches for line in unpack(batch.body)]

    def told(self) -> list[str]:
        return [str(record["gap.cause"]) for record in self.got() if "gap.cause" in record]

    def snapshot(self) -> None:
        self.spool.close()
        copyfile(self.folder / "spool.db", self.folder / "snapshot.db")
        self.restarts()

    def reverts(self, boot: str) -> None:
        self.spool.close()
        copyfile(self.folder / "snapshot.db", self.folder / "spool.db")
        for suffix in ("-wal", "-shm"):
            (self.folder / f"spool.db{suffix}").unlink(missing_ok=True)
        self.boot = boot
        self.restarts()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.close()


ORDINARY = ("send", "lost answer", "agent killed before its word was kept", "restart", "box restart", "dropped",
            "refused", "split", "delayed copy", "box forgets")  # fmt: skip


@given(st.lists(st.sampled_from(ORDINARY), max_size=12))
def test_nothing_that_happens_on_an_ordinary_day_breaks_the_chain(days: list[str]) -> None:
    with TemporaryDirectory() as folder:
        office = Office(Path(folder))
        try:
            for what in days:
                happens(office, what)
            office.sends()
            while office.spool.depth:
                batch = office.batch()
                office.arrives(batch)
                office.spool.acknowledged(batch)
            assert office.told() == []
            assert sorted(int(str(record["n"])) for record in office.got()) == office.made
        finally:
            office.close()


def happens(office: Office, what: str) -> None:
    if what == "send":
        office.sends()
        return
    if what in {"restart", "box restart"}:
        office.restarts() if what == "restart" else office.box_restarts()
        return
    office.add(4)
    batch = office.batch()
    if what == "dropped":
        # What a full spool drops is told by the agent itself, and was never in a batch.
        office.spool._max_bytes = 0
        office.add(1, priority=3)
        office.spool._max_bytes = 1 << 20
        kept = {json.loads(line)["n"] for (line,) in office.spool._file.db.execute("SELECT body FROM records")}
        office.made[:] = [n for n in office.made if n in kept or n in {record.get("n") for record in office.got()}]
        return
    if what in {"refused", "split"}:
        if what == "split":
            office.spool.split(batch, office.boot)
            return
        gone = {json.loads(line)["n"] for line in batch.lines}
        office.made[:] = [n for n in office.made if n not in gone]
        office.spool.refused(batch, 1)
        return
    office.arrives(batch)
    if what == "agent killed before its word was kept":
        office.restarts()
    elif what == "box forgets":
        office.journal.forget_keys(0)
    assert office.batch() == batch
    assert office.arrives(batch).duplicate
    office.spool.acknowledged(batch)
    if what == "delayed copy":
        office.sends()
        assert office.arrives(batch).duplicate


def test_a_box_that_lied_about_its_answer_is_seen(office: Office) -> None:
    """Somebody answered in the box's place, or the box lost what it had: two batches are on no disk of ours."""
    office.sends()
    for _ in range(2):
        office.add()
        office.spool.acknowledged(office.batch())
    answer = office.sends()
    assert answer.broken is not None
    assert (answer.broken.fault, answer.broken.batches) == (Fault.MISSING, 2)
    assert office.sends().broken is None
    (told,) = [record for record in office.got() if "gap.cause" in record]
    assert told["host.name"] == "PC-1"
    assert (told["gap.batches"], told["gap.count"]) == (2, 0)
    assert int(str(told["gap.from"])) < int(str(told["gap.to"]))


def test_a_batch_with_other_content_is_seen_with_the_next(office: Office) -> None:
    office.sends()
    office.add()
    batch = office.batch()
    office.arrives(batch._replace(lines=[b'{"n":"another"}']))
    office.spool.acknowledged(batch)
    answer = office.sends()
    assert answer.broken is not None
    assert answer.broken.fault is Fault.REPLACED
    assert office.sends().broken is None


def test_two_copies_of_one_machine_fork_the_chain_each_time(office: Office, tmp_path: Path) -> None:
    office.sends()
    office.snapshot()
    (tmp_path / "copy").mkdir()
    copyfile(tmp_path / "snapshot.db", tmp_path / "copy" / "spool.db")
    other = Office(tmp_path / "copy", boot="another boot", numbers=count(1000))
    other.journal.close()
    other.journal = office.journal
    assert office.sends().broken is None
    faults = []
    for side in (other, office, other, office):
        broken = side.sends().broken
        faults.append(broken.fault if broken else None)
    assert faults == [Fault.FORKED, Fault.REPLACED, Fault.FORKED, Fault.REPLACED]
    assert office.told() == [fault.value for fault in faults if fault]
    other.spool.close()


@pytest.mark.parametrize("boot", ["boot", "another boot"], ids=["with its memory", "its disk alone"])
def test_a_machine_set_back_to_a_snapshot_loses_nothing(office: Office, boot: str) -> None:
    """With its memory it has the same boot, and so the same keys for other records: these are no duplicates."""
    office.sends()
    office.snapshot()
    for _ in range(3):
        office.sends()
    office.reverts(boot)
    answers = [office.sends() for _ in range(5)]
    assert not any(answer.duplicate for answer in answers)
    assert [answer.broken.fault for answer in answers if answer.broken] == [Fault.FORKED]
    assert sorted(int(str(record["n"])) for record in office.got() if "n" in record) == office.made
    office.add()
    last = office.batch()
    assert [office.arrives(last).duplicate for _ in range(2)] == [False, True]


def test_a_spool_that_somebody_took_away_is_seen(office: Office, tmp_path: Path) -> None:
    office.sends()
    office.spool.close()
    for path in tmp_path.glob("spool.db*"):
        path.unlink()
    office.restarts()
    answer = office.sends()
    assert answer.broken is not None
    assert answer.broken.fault is Fault.ANEW
    assert office.sends().broken is None


def test_a_damaged_spool_tells_of_itself_and_breaks_nothing(office: Office, tmp_path: Path) -> None:
    office.sends()
    office.spool.close()
    (tmp_path / "spool.db").write_bytes(b"this is no database, not at all\n" * 200)
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"spool.db{suffix}").unlink(missing_ok=True)
    office.restarts()
    assert [gap.cause for gap in office.spool.gaps()] == ["spool_damaged"]
    assert office.sends().broken is None
    assert office.told() == []


def test_another_spool_in_the_middle_of_its_chain_is_a_second_machine(office: Office, tmp_path: Path) -> None:
    office.sends()
    (tmp_path / "second").mkdir()
    other = Office(tmp_path / "second")
    other.sends()
    other.journal.close()
    other.journal = office.journal
    answer = other.sends()
    assert answer.broken is not None
    assert answer.broken.fault is Fault.FORKED
    other.spool.close()


def test_an_agent_without_a_chain_works_as_before(office: Office) -> None:
    assert [office.sends(chained=False).broken for _ in range(3)] == [None] * 3
    assert [office.sends().broken for _ in range(2)] == [None] * 2


def test_an_agent_that_leaves_its_chain_is_told_of_once(office: Office) -> None:
    """An older version after a way back does it; so does who has stolen the key. The way on is no second break."""
    office.sends()
    faults = [answer.broken for answer in (office.sends(chained=False) for _ in range(3))]
    assert [broken.fault if broken else None for broken in faults] == [Fault.LEFT, None, None]


@pytest.mark.parametrize("chain", ["", "x" * 5000, "5 zz", f"-1 {'0' * 64}"])
def test_a_senseless_claim_counts_as_none(chain: str) -> None:
    assert counted(pack([b"{}"]), "boot:spool:1", chain) == (1, None)
    assert parse_claim(chain) is None


def test_a_claim_under_a_key_of_another_form_counts_as_none() -> None:
    assert counted(pack([b"{}"]), "import-1", f"0 {'0' * 64}") == (1, None)


def test_what_is_told_of_a_break_counts_against_the_bound(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.sends()
    before = office.journal.depth()
    office.add()
    office.spool.acknowledged(office.batch())
    office.sends()
    after = office.journal.depth()
    assert after.batches - before.batches == 2
    batches = office.journal.read(0, 10, 1 << 30)
    office.journal.forget(batches[-1].seq)
    assert office.journal.depth().bytes == 0
    office.close()
