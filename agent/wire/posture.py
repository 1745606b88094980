"""Records of how a host is set up."""

from __future__ import annotations

from agent.wire.event import Record

FINDING = "posture_finding"
"""`event.action` of one check's verdict."""
RESULTS = ("pass", "fail", "unknown")
MAX_VALUE = 500
"""Characters of what is shown beside a verdict."""


def finding_record(check: str, result: str, reason: str, value: str, revision: int) -> Record:
    """Return the record of a verdict; `revision` grows by one with every change of this check on this host."""
    return {
        "event.module": "czujka.agent",
        "event.action": FINDING,
        "posture.check": check,
        "posture.result": result,
        "posture.reason": reason,
        "posture.value": value,
        "posture.revision": revision,
    }
