"""What the readers of the formats share: their interface, their errors, words in the file's byte order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collector.arrays import Bytes
from collector.capture.batch import Batch


class Unknown(ValueError):
    """The file is no capture file."""


class Broken(ValueError):
    """The file breaks off or contradicts itself here; what stood before it was given. Says why in English."""


class Format(Protocol):
    """How one kind of file is read: from pieces of it to batches."""

    def batches(self, piece: bytearray, end: int) -> Iterator[Batch]:
        """Yield the batches of whole frames in a piece's first `end` bytes, which PAD more follow; raises Broken."""

    @property
    def taken(self) -> int:
        """How many bytes of the last piece need not be shown again."""


def words(data: Bytes, order: str, width: int = 4) -> NDArray[Any]:
    """Return the words of a buffer at any byte, in the file's byte order (`<` or `>`)."""
    return np.ndarray((len(data) - width + 1,), f"{order}u{width}", buffer=data, strides=(1,))
