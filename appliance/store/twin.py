"""Both stores at once: what is written goes to the cluster's spool and to the segments; the settings say which answers.

The segments decide what is known and how far the journal was applied. They are written last: after a crash or a full
disk between the two the batch comes again. The spool leaves out what waits, and what the cluster has by then is neither
written nor summed a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from appliance.store.elastic.spool import Spool, waiting
from appliance.store.elastic.writer import ElasticStore
from appliance.store.model import BatchResult, Keeping, Retained, Waiting
from appliance.store.reader import EmbeddedReader
from appliance.store.shape import Rows
from appliance.store.writer import EmbeddedStore


class TwinStore(NamedTuple):
    """Writes to both."""

    segments: EmbeddedStore
    cluster: ElasticStore

    def applied(self) -> int:
        """Return the journal seq up to which events are in both."""
        return self.segments.applied()

    def known(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of these events the segments already have."""
        return self.segments.known(rows)

    def append(self, rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        """Add events to both. Raises StoreUnavailable, also when the cluster's spool is full."""
        self.cluster.append(rows, results, upto)
        self.segments.append(rows, results, upto)

    def flush(self) -> None:
        """Make everything that was appended visible to readers."""
        self.segments.flush()
        self.cluster.flush()

    def compact(self, budget_seconds: float) -> int:
        """Tidy both up."""
        return self.segments.compact(budget_seconds) + self.cluster.compact(0.0)

    def retain(self, keeping: Keeping) -> Retained:
        """Delete what is past its days in both; return what the segments lost, since the cluster tells of its own.

        The segments' disk does not wait for a cluster that is away. Raises StoreUnavailable.
        """
        retained = self.segments.retain(keeping)
        self.cluster.retain(keeping)
        return retained

    def forget_results(self, below: int) -> int:
        """Forget results of batches below a journal seq in both, within a bound; return how many."""
        return self.cluster.forget_results(below) + self.segments.forget_results(below)

    def close(self) -> None:
        """Let go of both."""
        with closing(self.segments):
            self.cluster.close()


class TwinReader(EmbeddedReader):
    """The segments' reader where a cluster is written too: it also says what waits for the cluster."""

    def __init__(self, folder: Path, spool: Path, max_bytes: int) -> None:
        super().__init__(folder)
        self._spool = Spool(spool, max_bytes)

    def waiting(self) -> Waiting:
        """Return what waits for the cluster."""
        return waiting(self._spool)

    def close(self) -> None:
        """Let go of the files."""
        super().close()
        self._spool.close()
