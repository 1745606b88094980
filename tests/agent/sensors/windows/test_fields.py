"""The field table: which fields of SigmaHQ's process-creation rules a desk without Sysmon has, through 4688 and us."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.sensors.windows.enrich import Enricher, facts_of
from agent.sensors.windows.eventxml import record_of
from agent.wire.event import TIMESTAMP, Record
from appliance.normalise.schema import windows
from tests.agent.sensors.windows.fake import event
from tests.agent.sensors.windows.programs import program
from tests.agent.sensors.windows.test_pe import IMPORTS, STRINGS

DATA = (
    ("SubjectUserSid", "S-1-5-18"), ("SubjectUserName", "anna"), ("SubjectDomainName", "URZAD"),
    ("SubjectLogonId", "0x3e7"), ("NewProcessId", "0x1a4"), ("NewProcessName", r"C:\Windows\System32\cmd.exe"),
    ("TokenElevationType", "%%1936"), ("ProcessId", "0x1a0"), ("CommandLine", "cmd /c whoami"),
    ("TargetUserSid", "S-1-0-0"), ("TargetUserName", "-"), ("TargetDomainName", "-"), ("TargetLogonId", "0x0"),
    ("ParentProcessName", r"C:\Windows\explorer.exe"), ("MandatoryLabel", "S-1-16-12288"),
)  # fmt: skip
"""Event 4688 of version 2, as Windows 10 and later write it."""


def start(changes: dict[str, str]) -> Record:
    fields = {**dict(DATA), **changes}
    data = "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in fields.items())
    return record_of(event(1, 4688, data=data))


def names(record: Record) -> set[str]:
    """Return the names under which Sigma rules find what a record of 4688 has, by the box's own table."""
    group = windows().group("Security", 4688)
    assert group is not None
    aliases = {alias for alias, native in group.aliases.items() if native in record}
    wholes = {user.whole for user in group.users if user.whole and user.name in record}
    return {*record, *aliases, *wholes}


@pytest.fixture
def enriched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """A start that went through the enricher after its parent's, with a real file behind it."""
    made = tmp_path / "cmd.exe"
    made.write_bytes(program(STRINGS, IMPORTS))
    known = facts_of(made)
    enricher = Enricher(lambda _path: known)
    status = made.stat()
    known = facts_of(made)
    enricher = Enricher(lambda _path: known)
    parent = start({"NewProcessId": "0x1a0", "NewProcessName": r"C:\Windows\explorer.exe"})
    child = start({})
    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", lambda _path: status)
        for record in (parent, child):
            record[TIMESTAMP] = status.st_mtime_ns // 1000
            enricher.enrich(record)
    return child


def fields_of(rule: dict[str, Any]) -> set[str]:
    """Return the names of fields that a rule's detection asks about."""
    selections = [value for name, value in rule["detection"].items() if name not in ("condition", "timeframe")]
    return set(_keys(selections))


def _keys(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key in node:
            name = str(key).partition("|")[0]
            if name:
                yield name
    elif isinstance(node, list):
        for item in node:
            yield from _keys(item)


def test_a_start_has_what_sysmon_tells_but_its_folder_and_its_guids(enriched: Record) -> None:
    wanted = {
        "Image", "CommandLine", "OriginalFileName", "Description", "Product", "Company", "FileVersion", "Hashes",
        "ParentImage", "ParentCommandLine", "ParentUser", "User", "IntegrityLevel", "ProcessId", "ParentProcessId",
        "LogonId",
    }  # fmt: skip
    assert wanted - names(enriched) == set()
    hashes = str(enriched["Hashes"])
    assert re.fullmatch(r"MD5=[0-9A-F]{32},SHA256=[0-9A-F]{64},IMPHASH=[0-9A-F]{32}", hashes)


@pytest.mark.corpora
def test_of_sigmahqs_process_creation_rules_99_of_100_have_their_fields(corpora: Path, enriched: Record) -> None:
    plain, full = names(start({})), names(enriched)
    counted = with_4688 = with_us = 0
    missing: dict[str, int] = {}
    for folder in ("rules", "rules-emerging-threats", "rules-threat-hunting"):
        for path in sorted((corpora / "sigmahq" / folder).rglob("*.yml")):
            text = path.read_text("utf-8")
            if "category: process_creation" not in text or "product: windows" not in text:
                continue
            wanted = fields_of(yaml.load(text, Loader=yaml.CSafeLoader))
            counted += 1
            with_4688 += wanted <= plain
            with_us += wanted <= full
            for name in wanted - full:
                missing[name] = missing.get(name, 0) + 1
    print(f"{counted} rules: {with_4688} with 4688 alone, {with_us} with what the agent adds; missing {missing}")
    assert counted > 1000
    assert with_4688 < 0.5 * counted
    assert with_us >= 0.99 * counted, missing
