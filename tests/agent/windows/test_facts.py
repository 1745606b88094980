"""What Windows is called."""

from __future__ import annotations

import pytest

from agent.windows.dll import load
from agent.windows.facts import machine_value, system_name


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (("Windows 10 Pro", "22H2", "19045", "5011"), "Windows 10 Pro 22H2 (19045.5011)"),
        (("Windows 10 Pro", "23H2", "22631", "4317"), "Windows 11 Pro 23H2 (22631.4317)"),
        (("Windows Server 2022 Standard", "21H2", "20348", "2700"), "Windows Server 2022 Standard 21H2 (20348.2700)"),
        (("Windows 10 Pro", "", "", ""), "Windows 10 Pro"),
        (("", "", "22631x", ""), "Windows (22631x)"),
    ],
)
def test_windows_11_is_told_by_its_build(texts: tuple[str, str, str, str], name: str) -> None:
    assert system_name(*texts) == name


def test_off_windows_there_is_neither_a_registry_nor_a_library() -> None:
    assert machine_value(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion", "ProductName") is None
    with pytest.raises(OSError, match="kernel32 is a library of Windows"):
        load("kernel32", {})
