"""Keys of the registry that several checks read."""

from __future__ import annotations

from agent.inventory.raw import Raws, Registry, Unknown

CURRENT = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion"
POLICIES = r"HKLM\SOFTWARE\Policies\Microsoft"
SERVICES = r"HKLM\SYSTEM\CurrentControlSet\Services"
CONTROL = r"HKLM\SYSTEM\CurrentControlSet\Control"
VERSION = Registry(r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion")
"""Every Windows has it: where it is missing, a missing setting says nothing either."""
DISABLED = 4
"""`Start` of a service that never starts."""


def sure(raws: Raws, anchor: str = "windows") -> None:
    """Raise Unknown unless the registry is there, so that a missing setting means its default."""
    if not raws.there(anchor):
        raise Unknown("no_source")
