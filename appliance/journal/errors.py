"""What can go wrong with the journal."""

from __future__ import annotations


class JournalFull(RuntimeError):
    """The batches do not fit within the journal's bound now; they will when the pipeline has caught up."""


class JournalUnavailable(OSError):
    """The journal's file cannot be read or written; the text says why and what to do."""
