"""Signing in to SSH, by nothing but the sizes of the server's encrypted segments.

The method is Zeek's (its SSH analyzer): the answer to the request for the service is 16 bytes longer than the word of
success whatever the cipher; every refusal has the size of the first one.
"""

from __future__ import annotations

MAX_SEGMENTS = 256
"""Segments of the server that are looked at."""
_LONGER = 16
_BANNER = 256


class Attempts:
    """Counts failed attempts and sees the success. `success` is None while nothing was tried."""

    def __init__(self) -> None:
        self.failed = 0
        self.success: bool | None = None
        self._asked = False
        self._accepted = 0
        self._refused = 0
        self._skipped_banner = False
        self._seen = 0

    @property
    def over(self) -> bool:
        """Whether nothing more can be learned."""
        return self.success is True or self._seen >= MAX_SEGMENTS

    @property
    def count(self) -> int:
        """How many attempts there were, the successful one among them."""
        return self.failed + (self.success is True)

    def client(self) -> None:
        """Take it that the client sent something encrypted."""
        self._asked = True

    def server(self, size: int) -> None:
        """Take the size of a segment of the server."""
        self._seen += 1
        if not self._asked:
            return
        if not self._accepted:
            self._accepted = size
        elif size + _LONGER == self._accepted:
            self.success = True
        elif not self._refused:
            # The first refusal answers the attempt without a password that clients begin with: it gives the size only.
            if not self._skipped_banner and size - self._accepted > _BANNER:
                self._skipped_banner = True
            else:
                self._refused = size
        elif size == self._refused:
            self.failed += 1
            self.success = False
