"""Log lines: one event a line on standard error, `key=value`, for a terminal and for journald alike."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: int = logging.INFO, *, keep: bool = True) -> None:
    """Make structlog write plain key-value lines to standard error.

    `keep` fixes each logger at its first line, which is faster; a test that captures the output does without.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"], drop_missing=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=keep,
    )
