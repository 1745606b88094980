"""The checks' Polish words for the agent, one JSON file: `python -m appliance.posture.agent_texts` writes it.

The agent imports nothing of the box and reads no YAML; a test holds its file to `rules/posture`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import agent.wire
from appliance.posture.checks import COMMON, OF_THE_BOX, Reason, checks, common_reasons

FILE = Path(agent.wire.__file__).parents[1] / "posture" / "texts.json"


def made() -> str:
    """Return the file's content: by check its title, weight and own reasons; under `_unknown` the common reasons."""
    common = {key: reason for key, reason in common_reasons().items() if key not in OF_THE_BOX}
    told: dict[str, Any] = {COMMON: {"reasons": _words(common)}}
    for name, check in checks().items():
        own = {key: reason for key, reason in check.reasons.items() if key not in common_reasons()}
        told[name] = {"title": check.title["pl"], "weight": check.weight, "reasons": _words(own)}
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _words(reasons: Mapping[str, Reason]) -> dict[str, Any]:
    return {
        key: {"says": reason.says["pl"], "do": {system: text["pl"] for system, text in reason.do.items()}}
        for key, reason in reasons.items()
    }


if __name__ == "__main__":
    FILE.write_text(made(), "utf-8")
