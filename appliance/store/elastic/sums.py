"""Sums over documents: whether any of an hour's was changed, added or removed, in whatever order they came. Pure.

The sum is LtHash (Bellare, Micciancio 1997; parameters of Lewi, Kim, Maykov, Weis, IACR eprint 2019/227): a document is
stretched to 1,024 lanes of 16 bits, and the lanes are added. So an hour is summed as its documents go to the cluster,
also when some come days later, and nothing but 2 KiB an hour is kept for it.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import orjson

from appliance.clock import HOUR
from appliance.store.elastic.documents import arrival, decode

LANES = 1024
BYTES = 2 * LANES
_AT_ONCE = 512
_INGESTED = re.compile(rb'"event\.ingested":(\d{1,18})[,}]')
"""In JSON a text has no bare quotes: this can only be the field itself."""


@dataclass(frozen=True, slots=True)
class Summed:
    """How many documents of one hour of arrival (microseconds of its beginning) an index got, and their sum."""

    index: str
    hour: int
    events: int
    sum: bytes

    @property
    def digest(self) -> str:
        """What stands for all of them, in hexadecimal."""
        return hashlib.sha256(self.sum).hexdigest()


def summed(index: str, documents: Iterable[tuple[str, bytes]]) -> list[Summed]:
    """Return the sums of documents (id and JSON as they are in the index), by the hour of their arrival."""
    rest = iter(documents)
    sums: defaultdict[int, npt.NDArray[np.uint16]] = defaultdict(lambda: np.zeros(LANES, np.uint16))
    counts: defaultdict[int, int] = defaultdict(int)
    while part := list(islice(rest, _AT_ONCE)):
        by_hour: defaultdict[int, list[bytes]] = defaultdict(list)
        for name, body in part:
            by_hour[hour_of(body)].append(_stretched(name, body))
        for hour, found in by_hour.items():
            lanes = np.frombuffer(b"".join(found), "<u2").reshape(-1, LANES)
            sums[hour] += lanes.sum(axis=0, dtype=np.uint16)
            counts[hour] += len(found)
    return [Summed(index, hour, counts[hour], sums[hour].astype("<u2").tobytes()) for hour in sorted(sums)]


def added(one: bytes, other: bytes) -> bytes:
    """Return the sum of two sums."""
    lanes: npt.NDArray[np.uint16] = np.frombuffer(one, "<u2") + np.frombuffer(other, "<u2")
    return bytes(lanes.astype("<u2").tobytes())


def hour_of(body: bytes) -> int:
    """Return when the hour began in which a document arrived, in microseconds."""
    found = _INGESTED.search(body)
    at = int(found[1]) if found else arrival(decode(orjson.loads(body)))
    return at - at % HOUR


def _stretched(name: str, body: bytes) -> bytes:
    return hashlib.shake_128(b"%s\n%s" % (name.encode(), body)).digest(BYTES)
