"""The durable hand-off between the gateway and the pipeline, and the store of records that could not be read."""

from __future__ import annotations

from appliance.journal.chains import Break, Claimed, Fault
from appliance.journal.deadletters import DeadLetter, DeadLetters, StoredLetter
from appliance.journal.errors import JournalFull, JournalUnavailable
from appliance.journal.journal import Appended, Batch, Depth, Journal, NewBatch

__all__ = [
    "Appended",
    "Batch",
    "Break",
    "Claimed",
    "DeadLetter",
    "DeadLetters",
    "Depth",
    "Fault",
    "Journal",
    "JournalFull",
    "JournalUnavailable",
    "NewBatch",
    "StoredLetter",
]
