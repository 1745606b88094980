"""How channels are set up, as Windows tells it."""

from __future__ import annotations

import pytest

from agent.sensors.windows.channels import Channel, channels
from agent.sensors.windows.channelstates import ChannelState, state_of, told, wanted_states
from agent.sensors.windows.wevtapi import ACCESS_DENIED, Config
from tests.agent.sensors.windows.fake import FakeLog


@pytest.mark.parametrize(
    ("config", "state"),
    [
        (Config(enabled=True, max_bytes=5), ChannelState("Security", "on", 5, "overwrite")),
        (Config(enabled=False, max_bytes=5), ChannelState("Security", "off", 5, "overwrite")),
        (Config(enabled=True, max_bytes=5, retention=True), ChannelState("Security", "on", 5, "keep")),
        (
            Config(enabled=True, max_bytes=5, retention=True, auto_backup=True),
            ChannelState("Security", "on", 5, "archive"),
        ),
    ],
)
def test_a_channel_says_whether_it_is_on_its_size_and_what_it_does_when_full(
    config: Config, state: ChannelState
) -> None:
    log = FakeLog("Security")
    log.channels["Security"].config = config
    assert state_of(log, "Security") == state


def test_what_is_not_there_or_not_for_us_has_a_state_too() -> None:
    log = FakeLog("Security")
    log.channels["Security"].refused = ACCESS_DENIED
    assert state_of(log, "Security") == ChannelState("Security", "denied")
    assert state_of(log, "Sysmon") == ChannelState("Sysmon", "missing")


def test_each_wanted_channel_is_told_once() -> None:
    listed = (
        Channel("a", "Security", 1, (1,), wanted=True), Channel("b", "Security", 3, (2,), wanted=True),
        Channel("c", "Sysmon", 1, (1,)), Channel("d", "System", 1, (1,), wanted=True),
    )  # fmt: skip
    assert [one.path for one in wanted_states(FakeLog("Security", "System"), listed)] == ["Security", "System"]


def test_the_table_wants_what_every_windows_has() -> None:
    wanted = {one.path for one in channels() if one.wanted}
    assert {"Security", "System", "Microsoft-Windows-PowerShell/Operational"} <= wanted
    assert not any("Sysmon" in path or "AppLocker" in path for path in wanted)


def test_where_there_is_no_event_log_nothing_is_told() -> None:
    with pytest.raises(OSError, match="wevtapi is a library of Windows"):
        told()
