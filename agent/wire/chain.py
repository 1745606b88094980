"""The chain of a sender's batches: each names the digest of those before it, so that a gap, a swap or a fork shows.

Only batches that the box has taken are links. What a spool drops, and what the box refuses, is no part of the chain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

CHAIN_HEADER = "X-Czujka-Chain"
"""A batch's claim, as `Claim.text` writes it."""
NOTHING = "0" * 64
"""The link before the first batch."""
_FORM = re.compile(r"(\d{1,18}) ([0-9a-f]{64})( damaged)?")


class Claim(NamedTuple):
    """What a spool says of the batches that the box has taken from it."""

    number: int
    """How many."""
    before: str
    """The link of the last of them."""
    damaged: bool = False
    """The spool before this one was damaged, of which an event tells: nothing is hidden by beginning anew."""

    @property
    def text(self) -> str:
        """Return the header's text, which is also what the spool keeps."""
        return f"{self.number} {self.before}" + (" damaged" if self.damaged else "")

    def after(self, key: str, lines: Iterable[bytes]) -> Claim:
        """Return the claim once the box has taken the batch of a key."""
        return Claim(self.number + 1, link(self.before, key, lines))


FIRST = Claim(0, NOTHING)


def parse_claim(text: str | None) -> Claim | None:
    """Read a claim; None when there is none or it has another form."""
    found = _FORM.fullmatch(text) if text is not None and text.isascii() else None
    return Claim(int(found[1]), found[2], found[3] is not None) if found else None


def link(before: str, key: str, lines: Iterable[bytes]) -> str:
    """Return the link of a batch: SHA-256, hex, of the link before it, its key and its encoded records."""
    digest = sha256(f"{before}\n{key}\n".encode())
    for line in lines:
        digest.update(line)
        digest.update(b"\n")
    return digest.hexdigest()
