"""Whether an exception leaves a rule nothing to find."""

from __future__ import annotations

from appliance.detect import Rule
from appliance.detect.lint.satisfy import impossible


def silenced(before: Rule, after: Rule) -> bool:
    """Say whether a rule that could find events cannot any more; only when that is certain.

    Fields of other names count as others.
    """
    return impossible(after.node).never and not impossible(before.node).never
