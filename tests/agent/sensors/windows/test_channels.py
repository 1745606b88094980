"""The table of channels is in order, and asks for what the box has a place for and its rules ask for."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from agent.sensors.windows.channels import MAX_CHANNELS, Channel, channels, query
from appliance.normalise.schema import windows

SYSMON = "Microsoft-Windows-Sysmon/Operational"
NOISE = (4658, 4674, 4689, 4690, 4703, 4985, 5152, 5154, 5156, 5157, 5158)
"""Every end of a program, every connection and packet, every right used: more than all others together."""
LEFT_OUT = {*(("Security", code) for code in NOISE), (SYSMON, 24)}


def test_what_the_box_has_a_table_for_is_read() -> None:
    read = {(channel.path, event) for channel in channels() for event in channel.events}
    known = {(path, code) for group in windows().groups for path in group.channels for code in group.codes or ()}
    assert known - read - LEFT_OUT == set()
    assert known & LEFT_OUT == LEFT_OUT


def test_the_clipboard_and_the_names_that_people_look_up_are_never_read() -> None:
    for channel in channels():
        assert "DNS-Client" not in channel.path
        assert not (channel.path.startswith("Microsoft-Windows-Sysmon") and 24 in channel.events)


def test_an_event_is_read_once_and_the_most_important_first() -> None:
    pairs = [(channel.path, event) for channel in channels() for event in channel.events]
    assert len(pairs) == len(set(pairs))
    priorities = [channel.priority for channel in channels()]
    assert priorities == sorted(priorities)
    assert len(priorities) <= MAX_CHANNELS


def test_a_query_is_well_formed_names_every_event_and_keeps_its_conditions_short() -> None:
    for channel in channels():
        for days in (None, 7):
            root = ET.fromstring(query(channel, days))
            selects = [select.text or "" for select in root.iter("Select")]
            assert sum(text.count("EventID=") for text in selects) == len(channel.events)
            assert all(text.count("EventID=") <= 20 for text in selects)
            assert all(("timediff(@SystemTime) <= 604800000" in text) == (days == 7) for text in selects)
            assert {one.get("Path") for one in root.iter() if one.tag != "QueryList"} == {channel.path}


@pytest.mark.parametrize(
    "row",
    ['name = "a"\npath = "A"\npriority = 0\nevents = [1]', 'name = "a"\npath = "A"\npriority = 1\nevents = []',
     'name = "a"\npath = "A"\npriority = 1\nevents = [2, 1]', 'name = "a"\npath = "<A"\npriority = 1\nevents = [1]'],
)  # fmt: skip
def test_a_table_that_is_not_in_order_is_refused(tmp_path: Path, row: str) -> None:
    table = tmp_path / "channels.toml"
    table.write_text(f"[[channel]]\n{row}\n")
    with pytest.raises(ValueError, match=r"channels\.toml"):
        channels(table)


def test_too_many_or_double_names_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "channels.toml"
    row = '[[channel]]\nname = "{}"\npath = "A"\npriority = 1\nevents = [1]\n'
    table.write_text(row.format("a") * 2)
    with pytest.raises(ValueError, match="twice"):
        channels(table)
    table.write_text("".join(row.format(f"a{number}") for number in range(MAX_CHANNELS + 1)))
    with pytest.raises(ValueError, match=f"more than {MAX_CHANNELS}"):
        channels(table)
    table.write_text("".join(row.format(f"a{number}") for number in range(MAX_CHANNELS)))
    assert channels(table)[0] == Channel("a0", "A", 1, (1,))
