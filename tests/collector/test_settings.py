"""What the command line and the sensor's folder say together."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.capture.leaveout import Rule, read_rules
from collector.settings import LEAVE_OUT, Unusable, settings


def test_rules_of_the_folder_hold_beside_those_of_the_command(tmp_path: Path) -> None:
    (tmp_path / LEAVE_OUT).write_text("# kopie\nhost=10.1.0.5  # serwer kopii\n\nport=3260\n", "utf-8")
    found = settings(["10.0.0.0/8"], ["vlan=40"], tmp_path)
    assert found.rules == (Rule(vlan=40), *read_rules(["host=10.1.0.5"]), Rule(port=3260))
    assert found.office.holds(bytes([10, 0, 0, 1]))
    assert not found.office.holds(bytes([192, 168, 0, 1]))


def test_a_folder_without_the_file_leaves_nothing_out(tmp_path: Path) -> None:
    assert settings((), (), tmp_path).rules == ()


@pytest.mark.parametrize(("networks", "rules"), [(["urząd"], []), ([], ["host=urząd"])])
def test_what_cannot_be_used_is_said(networks: list[str], rules: list[str]) -> None:
    with pytest.raises(Unusable):
        settings(networks, rules)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / LEAVE_OUT).write_bytes(b"host=\xff\n")
    with pytest.raises(Unusable):
        settings((), (), tmp_path)
