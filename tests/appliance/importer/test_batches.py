"""Records become batches that the gateway takes."""

from __future__ import annotations

import random

from agent.wire.envelope import unpack
from agent.wire.limits import MAX_BODY, MAX_RECORD, MAX_RECORDS
from appliance.importer.batches import batches


def test_nothing_is_lost_or_reordered_and_keys_are_unique() -> None:
    lines = [b'{"n":%d}' % number for number in range(3 * MAX_RECORDS)]
    found = list(batches(iter(lines), "run"))
    assert [line for batch in found for line in unpack(batch.body)] == lines
    assert [batch.records for batch in found] == [len(unpack(batch.body)) for batch in found]
    assert len({batch.key for batch in found}) == len(found)
    assert found[0].key == "import:run:0"


def test_records_that_do_not_compress_stay_below_the_bound() -> None:
    noise = random.Random(1)
    lines = [noise.randbytes(MAX_RECORD - 10).replace(b"\n", b"x") for _ in range(5)]
    found = list(batches(lines, "run"))
    assert all(len(batch.body) <= MAX_BODY for batch in found)
    assert [line for batch in found for line in unpack(batch.body)] == lines


def test_nothing_gives_no_batch() -> None:
    assert list(batches([], "run")) == []
