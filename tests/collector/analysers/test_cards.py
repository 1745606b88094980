"""Makers of network cards: the file is sound, and another copy of IEEE's registry says the same."""

from __future__ import annotations

import re

import pytest
from scapy.config import conf

from collector.analysers.cards import KINDS, is_card, is_random, is_shared, maker, makers

#: Our short name → the word that stands in the registered name.
_REGISTERED = {
    "ALE": "alcatel",
    "AVM": "audiovisuelles|avm",
    "H3C": "h3c",
    "HP": "hewlett|hp inc",
    "HPE": "hewlett|aruba",
    "Axis": "axis",
    "Cisco": "cisco|linksys|meraki",
    "Check": "check",
    "Dell": "dell",
    "Huawei": "huawei",
    "Lenovo": "lenovo|lcfc",
    "LG": "lg electronics|lge",
    "MSI": "micro-star",
    "MikroTik": "routerboard",
    "QNAP": "qnap|icp electronics",
    "Ubiquiti": "ubiquiti|unifi",
    "VirtualBox": "pcs systemtechnik|pcs computer",
    "APC": "american power|apc",
    "Gigabyte": "giga-?byte",
    "Liteon": "lite-?on",
    "Sindoh": "sindo",
    "Xen": "xensource",
    "Compal": "compal",
}


def test_the_file_is_sound() -> None:
    found = makers()
    assert len(found) > 10_000
    assert all(re.fullmatch("[0-9a-f]{6}", prefix) for prefix in found)
    assert {one.kind for one in found.values()} <= KINDS | {""}
    assert all(one.vendor == one.vendor.strip() != "" for one in found.values())
    wrong = [prefix for prefix in found if not is_card(f"{prefix[:2]}:{prefix[2:4]}:{prefix[4:]}:00:00:01")]
    assert wrong == []


def test_another_copy_of_the_registry_names_the_same_makers() -> None:
    """Scapy carries Wireshark's; firms are bought and renamed, so a few prefixes have another name there."""
    other: list[str] = []
    compared = 0
    for prefix, one in makers().items():
        name = conf.manufdb.lookup(":".join((prefix[:2], prefix[2:4], prefix[4:], "00:00:01")))[1].lower()
        if name.startswith(prefix[:2]):  # not there: the lookup returns the address
            continue
        compared += 1
        first = one.vendor.split()[0]
        if not re.search(_REGISTERED.get(first, re.escape(first.lower())), name):
            other.append(f"{prefix} {one.vendor}: {name}")
    assert compared > 9_500
    assert len(other) < compared // 200, "\n".join(other)


@pytest.mark.parametrize(
    ("mac", "vendor", "kind"),
    [
        ("00:00:0c:12:34:56", "Cisco", "network"),
        ("00:50:56:12:34:56", "VMware", "virtual"),
        ("00:15:5d:12:34:56", "Microsoft", "virtual"),
        ("08:00:27:12:34:56", "VirtualBox", "virtual"),
        ("b8:27:eb:12:34:56", "Raspberry Pi", "board"),
        ("00:80:77:12:34:56", "Brother", "printer"),
        ("00:40:8c:12:34:56", "Axis", "camera"),
        ("00:04:13:12:34:56", "Snom", "phone"),
        ("00:17:c8:12:34:56", "Kyocera", "printer"),
        ("fe:ff:ff:12:34:56", "", ""),
    ],
)
def test_makers_that_an_office_has(mac: str, vendor: str, kind: str) -> None:
    assert maker(mac) == (vendor, kind)


def test_what_an_address_says_of_itself() -> None:
    assert [is_random(mac) for mac in ("02:00:00:00:00:01", "da:a1:19:00:00:01", "00:0c:42:00:00:01")] == [
        True,
        True,
        False,
    ]
    assert is_shared("00:00:5e:00:01:07")
    assert not is_shared("00:00:5e:00:52:13")
    assert [is_card(mac) for mac in ("01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", None)] == [
        False
    ] * 4
