"""The batch envelope: newline-delimited JSON, deflated (RFC 1950), with its limits.

A batch is named by its key, which is unique for its sender. Sending the same key again is harmless.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from agent.wire.event import Record
from agent.wire.limits import MAX_INFLATED, MAX_RECORD, MAX_RECORDS

KEY_HEADER = "X-Czujka-Batch"
"""The batch's key: at most 100 characters of [A-Za-z0-9:._-]."""
SENT_HEADER = "X-Czujka-Sent"
"""The sender's clock when it sent, in microseconds since the epoch."""
BATCH_PATH = "/v1/batches"
ENROL_PATH = "/v1/enrol"
RENEW_PATH = "/v1/renew"
HEARTBEAT_PATH = "/v1/heartbeat"
SLICE_PATH = "/v1/slices"
UPDATE_PATH = "/v1/update"
WAIT_PATH = "/v1/wait"
"""Answered when a command waits, or after MAX_WAIT; the next heartbeat brings it."""
COMMAND_HEADER = "X-Czujka-Command"
"""The number of the command that a body answers."""
OUTCOME_HEADER = "X-Czujka-Outcome"
"""What became of the command, one of OUTCOMES."""
OUTCOMES = ("whole", "cut", "none", "failed")
"""The flow's packets; the first ones, for more do not fit; there are none any more; they could not be read."""
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class EnvelopeError(ValueError):
    """A batch breaks a limit of the wire; sending it again cannot help."""


class Ack(NamedTuple):
    """The box's answer: the journal has `records` records of this batch on disk."""

    records: int
    duplicate: bool


def encode_record(record: Record) -> bytes:
    """Return one record as a JSON line without its newline; lone surrogates become U+FFFD."""
    return _ENCODER.encode(record).encode("utf-8", "replace")


def pack(lines: Iterable[bytes]) -> bytes:
    """Return encoded records as one deflated body."""
    return zlib.compress(b"\n".join(lines), 1)


def unpack(body: bytes) -> list[bytes]:
    """Return the lines of a deflated body, empty ones left out.

    Raises EnvelopeError when the body is not one deflate stream or breaks a limit; never inflates past the limit.
    """
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(body, MAX_INFLATED + 1)
    except zlib.error as error:
        raise EnvelopeError(f"body is not a deflate stream: {error}") from error
    if len(data) > MAX_INFLATED:
        raise EnvelopeError(f"body inflates past {MAX_INFLATED} bytes")
    if not inflater.eof or inflater.unused_data:
        raise EnvelopeError("body is truncated or has trailing bytes")
    lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) > MAX_RECORDS:
        raise EnvelopeError(f"batch has {len(lines)} records, at most {MAX_RECORDS} are taken")
    if any(len(line) > MAX_RECORD for line in lines):
        raise EnvelopeError(f"a record is longer than {MAX_RECORD} bytes")
    return lines
