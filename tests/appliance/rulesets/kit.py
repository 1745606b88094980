"""Small rules, releases of them, and homes that hold them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from appliance.clock import SECOND
from appliance.detect import Rule, RuleSet, load_rules
from appliance.home import Home
from appliance.normalise import Event
from appliance.rulesets.release import read_release
from appliance.rulesets.taking import Draft, drafted, take
from appliance.settings import Settings

NOW = 1_790_000_000 * SECOND


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def rule_text(number: int, image: str = "/sh", **more: str) -> str:
    values = {"title": f"Rule {number}", "status": "stable", "level": "high"} | more
    lines = "\n".join(f"{key}: {value}" for key, value in values.items())
    return f"""{lines}
id: {uuid(number)}
author: Ala
date: 2026-0{number % 9 + 1}-01
tags: [attack.t1059.001]
logsource: {{product: linux, category: process_creation}}
detection:
  selection:
    Image|endswith: {image}
  condition: selection
"""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return folder


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def take_release(home: Home, path: Path, name: str = "SigmaHQ", now: int = NOW) -> Draft:
    with drafted(home, Settings(), read_release(path), name, now) as draft:
        take(home, draft)
    return draft


def one_rule(folder: Path, text: str) -> Rule:
    (folder / "one.yml").write_text(text, "utf-8")
    return ruleset(folder).rules[0]


def ruleset(folder: Path) -> RuleSet:
    loaded = load_rules([folder])
    assert loaded.faults == []
    return loaded


def started(number: int = 1, /, **values: str | int | tuple[str, ...]) -> Event:
    """Return the event of a process start on Linux."""
    event: Event = {
        "event.id": f"{number:032x}",
        "@timestamp": NOW - number * SECOND,
        "event.ingested": NOW,
        "event.module": "linux.audit",
        "event.category": "process",
        "agent.id": uuid(7),
        "host.name": "srv-1",
        "user.name": "www-data",
        "process.executable": "/usr/bin/sh",
        "process.command_line": "sh -c 'id'",
        "audit.type": "EXECVE",
    }
    return {**event, **values}
