"""The states of channels, and the sample that a tester hands over."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from agent.sensors.windows.channels import Channel
from agent.sensors.windows.selfcheck import MOST, channel_states, record_sample
from agent.sensors.windows.wevtapi import ACCESS_DENIED, Config
from tests.agent.sensors.windows.fake import FakeLog, event

SWITCHED_OFF = Config(enabled=False, max_bytes=1)
LISTED = (
    Channel("security", "Security", 1, (4624, 4688)),
    Channel("bits", "Bits", 3, (3,)),
    Channel("gone", "G", 3, (1,)),
)


def test_each_channel_says_its_state() -> None:
    log = FakeLog("Security", "Bits")
    log.channels["Security"].refused = ACCESS_DENIED
    log.channels["Bits"].config = SWITCHED_OFF
    assert dict(channel_states(log, LISTED)) == {"security": "denied", "bits": "off", "gone": "missing"}
    log.channels["Security"].refused, log.channels["Bits"].config = 1734, Config(enabled=True, max_bytes=1)
    assert dict(channel_states(log, LISTED)) == {"security": "error 1734", "bits": "read", "gone": "missing"}
    assert not log.open


def test_a_sample_has_bounded_records_without_secrets_and_replaces_no_file(tmp_path: Path) -> None:
    log, target = FakeLog("Security"), tmp_path / "sample.zip"
    log.add("Security", event(1, 4688, data="<Data Name='CommandLine'>x --password=Tajne123</Data>"))
    for _ in range(MOST + 10):
        log.add("Security")
    count = record_sample(target, log, LISTED)
    with zipfile.ZipFile(target) as packed:
        assert set(packed.namelist()) == {"channels.json", "security.ndjson"}
        lines = packed.read("security.ndjson").decode().splitlines()
        assert json.loads(packed.read("channels.json"))["bits"] == "missing"
    assert len(lines) == count <= MOST
    assert count > MOST // 2
    assert json.loads(lines[0])["CommandLine"] == "x --password=***"
    with pytest.raises(FileExistsError):
        record_sample(target, log, LISTED)
    assert not log.open
