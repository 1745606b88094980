"""What the agent itself leaves in a Windows event log while it looks around must raise no alert."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.inventory.windows.script import COMMAND, FILE
from appliance.detect.engine import Engine
from appliance.detect.load import load_rules
from appliance.normalise import Event, Source, normalise

_PYTHON = r"C:\Program Files\Czujka\python\python.exe"


def _event(record: dict[str, object]) -> Event:
    return normalise(json.dumps(record).encode(), Source("a", 1))


@pytest.mark.corpora
def test_no_rule_on_powershell_finds_the_agents_own_script(corpora: Path) -> None:
    folder = corpora / "sigmahq" / "rules" / "windows"
    powershell = sorted((folder / "process_creation").glob("*powershell*"))
    engine = Engine(load_rules([folder / "powershell", *powershell]))
    block: dict[str, object] = {"Channel": "Microsoft-Windows-PowerShell/Operational", "EventID": 4104}
    start: dict[str, object] = {
        "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Image": COMMAND[0],
        "OriginalFileName": "PowerShell.EXE", "CommandLine": " ".join(COMMAND), "ParentImage": _PYTHON,
        "ParentCommandLine": f"{_PYTHON} -P -m agent.inventory collect", "User": "NT AUTHORITY\\SYSTEM",
    }  # fmt: skip
    scripts = [{**block, "ScriptBlockText": text} for text in (FILE.read_text(), "Invoke-Mimikatz -DumpCreds")]
    own, evil, started = engine.match_many([_event(record) for record in (*scripts, start)])
    assert [rule.title for rule in own] == []
    # Of level low, and of every PowerShell that no person started: no way of starting one escapes it.
    assert [rule.title for rule in started] == ["Non Interactive PowerShell Process Spawned"]
    assert evil, "the rules are in force"
