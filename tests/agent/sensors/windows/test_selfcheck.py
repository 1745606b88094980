"""The states of channels, and the sample that a tester hands over."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from agent.sensors.windows.channels import Channel
from agent.sensors.windows.selfcheck import MOST, channel_states, record_sample
from agent.sensors.windows.wevtapi import ACCESS_DENIED, Config
from agent.wire.categories import OFF_AT_FIRST, permitted
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
    for _ in range(MOST + 10):
        log.add("Security")
    log.add("Security", event(MOST + 11, 4688, data="<Data Name='CommandLine'>x --password=Tajne123</Data>"))
    count = record_sample(target, lambda record: record, log, LISTED)
    with zipfile.ZipFile(target) as packed:
        assert set(packed.namelist()) == {"channels.json", "security.ndjson"}
        lines = packed.read("security.ndjson").decode().splitlines()
        assert json.loads(packed.read("channels.json"))["bits"] == "missing"
    assert len(lines) == count == MOST
    assert json.loads(lines[-1])["CommandLine"] == "x --password=***", "what has just been tried"
    assert [json.loads(line)["EventRecordID"] for line in lines] == [str(n) for n in range(12, MOST + 12)]
    with pytest.raises(FileExistsError):
        record_sample(target, lambda record: record, log, LISTED)
    assert not log.open


def test_a_sample_has_nothing_of_what_is_switched_off(tmp_path: Path) -> None:
    log, target = FakeLog("Sysmon", "Bits"), tmp_path / "sample.zip"
    path = "Microsoft-Windows-Sysmon/Operational"
    names = {22: ("QueryName", "rozwody-adwokat.pl"), 3: ("DestinationHostname", "klinika.pl")}
    for number, (code, (name, value)) in enumerate(names.items(), 1):
        log.add("Sysmon", event(number, code, path=path, data=f"<Data Name='{name}'>{value}</Data>"))
    log.channels["Bits"].refused = ACCESS_DENIED
    listed = (Channel("sysmon", "Sysmon", 1, (3, 22)), LISTED[1])
    assert record_sample(target, lambda record: permitted(record, OFF_AT_FIRST), log, listed) == 1
    with zipfile.ZipFile(target) as packed:
        assert set(packed.namelist()) == {"channels.json", "sysmon.ndjson"}
        (line,) = packed.read("sysmon.ndjson").decode().splitlines()
    assert json.loads(line)["DestinationHostname"] == "-"
    assert not log.open
