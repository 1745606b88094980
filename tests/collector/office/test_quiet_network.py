"""No rule of the network cries wolf on what an ordinary office's packets are all day and evening."""

from __future__ import annotations

from tests.collector.office.day import Office
from tests.collector.office.frames import batches
from tests.collector.office.loud import told

LOW, MEDIUM = 1, 2


def test_what_an_office_does_from_midday_to_the_evening_raises_no_alert() -> None:
    """People go home, and the monitoring server goes on asking for their computers."""
    found = told(batches(Office(desks=34).between(12, 16)))
    assert found.faults == 0
    assert found.logs.total() >= 5000
    assert found.logs.keys() >= {"conn", "dns", "ssl", "arp", "sip", "dhcp", "smb_files", "kerberos", "snmp", "rdp"}
    assert found.above(MEDIUM) == {}
    assert found.above(LOW) == {}


def test_the_same_seed_makes_the_same_frames() -> None:
    one, same, other = (
        [frame.data for _, frame in zip(range(300), Office(seed, desks=4).between(6, 8), strict=False)]
        for seed in (7, 7, 8)
    )
    assert one == same
    assert one != other
