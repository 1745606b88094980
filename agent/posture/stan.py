"""`czujka-agent stan`: how this computer is set up, in plain Polish, for whoever sits at it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.inventory import here
from agent.inventory.gather import Gatherer
from agent.posture.check import Finding, verdict

_TEXTS = Path(__file__).with_name("texts.json")
_COMMON = "_unknown"
_HEADS = (("fail", "Do poprawy"), ("unknown", "Nie wiadomo"), ("pass", "Bez uwag"))
_MARKS = {"pass": "+", "fail": "!", "unknown": "?"}


def run() -> int:
    """Judge this computer now and print the result; 1 when something is to be done, else 0."""
    sys.stderr.write("Sprawdzam ustawienia tego komputera. To może potrwać kilka minut.\n")
    gatherer, now = Gatherer(here.host()), time.time()
    findings = {check.name: verdict(check, gatherer, now) for check in here.plan().checks}
    system = "windows" if sys.platform == "win32" else "linux"
    sys.stdout.write(told(findings, json.loads(_TEXTS.read_text("utf-8")), system))
    return int(any(finding.result == "fail" for finding in findings.values()))


def told(findings: Mapping[str, Finding], texts: Mapping[str, Any], system: str) -> str:
    """Return verdicts as text: first what is to be done, then what is not known and why, then what passes."""
    lines = []
    for result, head in _HEADS:
        names = [name for name, finding in findings.items() if finding.result == result]
        if not names:
            continue
        names.sort(key=lambda name: (-texts[name]["weight"], texts[name]["title"]))
        lines += [f"{head} ({len(names)})", *(_one(findings[name], texts, name, system) for name in names), ""]
    return "\n".join(lines)


def _one(finding: Finding, texts: Mapping[str, Any], name: str, system: str) -> str:
    value = f" [{_printable(finding.value)}]" if finding.value else ""
    line = f"  {_MARKS[finding.result]} {texts[name]['title']}{value}"
    reason = texts[name]["reasons"].get(finding.reason) or texts[_COMMON]["reasons"].get(finding.reason)
    if reason is None:
        return line
    step = reason["do"].get(system)
    return line + f"\n      {reason['says']}" + (f"\n      Co zrobić: {step}" if step else "")


def _printable(text: str) -> str:
    """Return a value without what would move a terminal's cursor: names on a disk are whatever somebody wrote."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
