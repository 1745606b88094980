"""What a check is, and how its verdict comes about. An unknown is never a pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from agent.inventory.gather import Gatherer
from agent.inventory.raw import Raws, Source, Unknown
from agent.wire.posture import MAX_VALUE

LOG = logging.getLogger(__name__)
Result = Literal["pass", "fail", "unknown"]
COMMON_REASONS = ("no_source", "needs_root", "timeout", "source_failed", "unreadable", "fault")
"""Reasons of an unknown that any check may give."""


class Finding(NamedTuple):
    """A verdict: `reason` is a key of the check's closed list, `value` what people see beside it, without secrets."""

    result: Result
    reason: str = ""
    value: str = ""


class Check(NamedTuple):
    """One check on one system. `judge` is pure: facts and the time (seconds since the epoch) give the finding."""

    name: str
    sources: Mapping[str, Source]
    judge: Callable[[Raws, float], Finding]
    reasons: tuple[str, ...]
    """The reasons of its own that it may give."""


def good(value: str = "") -> Finding:
    """Return the finding of a check that passes."""
    return Finding("pass", "", value)


def bad(reason: str, value: str = "") -> Finding:
    """Return the finding of a check that fails."""
    return Finding("fail", reason, value)


def verdict(check: Check, gatherer: Gatherer, now: float) -> Finding:
    """Read a check's sources and judge them; whatever goes wrong is an unknown, for the other checks must go on."""
    try:
        finding = check.judge(gatherer.raws(check.sources), now)
    except Unknown as unknown:
        finding = Finding("unknown", unknown.reason, unknown.value)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        LOG.warning("posture_unreadable check=%s error=%r", check.name, error)
        finding = Finding("unknown", "unreadable")
    except Exception:  # one check's fault must not silence the others
        LOG.exception("posture_fault check=%s", check.name)
        finding = Finding("unknown", "fault")
    return finding._replace(value=finding.value.encode("utf-8", "replace").decode("utf-8")[:MAX_VALUE])
