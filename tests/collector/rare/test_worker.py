"""What scapy makes of announcements; the process that it runs in is tested with who starts it."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.rare.form import CDP, LIST, LLDP, TEXT
from collector.rare.worker import told
from tests.collector.rare.announcements import SWITCH, phone, switch

_NAMES = st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=60)


def test_a_switch_says_who_and_where_it_is() -> None:
    assert told(LLDP, switch()[14:]) == {
        "fields": {
            "chassis_id": SWITCH,
            "port_id": "ether5",
            "ttl": 120,
            "system_name": "sw-parter",
            "system_description": "RouterOS 7.16 CRS326",
            "port_description": "do biura 12 ł",
            "capabilities": ["switch"],
            "addresses": ["10.0.0.2"],
        }
    }


def test_a_telephone_says_which_network_it_is_in() -> None:
    assert told(CDP, phone()[22:]) == {
        "fields": {
            "ttl": 180, "chassis_id": "SEP001122334455", "port_id": "Port 1", "platform": "Cisco IP Phone 8841",
            "system_description": "sip88xx.12-5", "native_vlan": 20, "capabilities": ["host", "telephone"],
        }
    }  # fmt: skip


@settings(max_examples=10)
@given(name=_NAMES, ttl=st.integers(1, 65535), vlan=st.integers(1, 4094))
def test_what_was_made_is_told(name: str, ttl: int, vlan: int) -> None:
    said = told(LLDP, switch(name, ttl)[14:])["fields"]
    assert (said["system_name"], said["ttl"]) == (name, ttl)
    said = told(CDP, phone(name, vlan)[22:])["fields"]
    assert (said["chassis_id"], said["native_vlan"]) == (name, vlan)


def test_cut_and_damaged_frames_have_an_answer_of_one_bounded_line() -> None:
    for kind, data in ((LLDP, switch()[14:]), (CDP, phone()[22:])):
        for place in range(0, len(data), 3):
            wrong = bytearray(data)
            wrong[place] ^= 0xFF >> place % 8
            for content in (data[:place], bytes(wrong)):
                (answer,) = [told(kind, content)]
                assert answer.keys() in ({"fields"}, {"fault"})
                assert len(json.dumps(answer)) < 12 * TEXT * LIST
    assert told(9, b"") == {"fault": "KeyError"}
