"""The kinds of columns that the sensor computes with, and words of any alignment in a buffer of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
"""Offsets, lengths, times in nanoseconds, numbers of rows."""
Hashes = NDArray[np.uint64]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
PAD = 96
"""Bytes after the last frame of a buffer, so that fixed headers may be read where a frame is shorter."""


class Words:
    """Big-endian words that begin at any byte of a buffer: `u32[i]` is the word at the bytes `i` to `i + 3`.

    Indexes are cut to the buffer, so that a row may be read before it is known to be long enough.
    """

    def __init__(self, data: Bytes) -> None:
        self.data = data
        self._last = {width: max(0, len(data) - width) for width in (1, 2, 4, 8)}
        self._views: dict[int, NDArray[Any]] = {
            width: np.ndarray((max(1, len(data) - width + 1),), f">u{width}", buffer=data, strides=(1,))
            for width in (1, 2, 4, 8)
        }

    def u8(self, at: Ints) -> Ints:
        """Return the bytes at these offsets."""
        return self._take(at, 1)

    def u16(self, at: Ints) -> Ints:
        """Return the 16-bit words at these offsets."""
        return self._take(at, 2)

    def u32(self, at: Ints) -> Ints:
        """Return the 32-bit words at these offsets."""
        return self._take(at, 4)

    def u64(self, at: Ints) -> Hashes:
        """Return the 64-bit words at these offsets."""
        return self._views[8][np.minimum(at, self._last[8])].astype(np.uint64)

    def _take(self, at: Ints, width: int) -> Ints:
        return self._views[width][np.minimum(at, self._last[width])].astype(np.int64)
