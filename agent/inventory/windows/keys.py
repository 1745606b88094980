"""Keys of the registry that sections and checks read."""

from __future__ import annotations

from agent.inventory.raw import Registry

CURRENT = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion"
CURRENT_32 = r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion"
OF_USERS = r"HKU\*\SOFTWARE\Microsoft\Windows\CurrentVersion"
PROFILES = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
POLICIES = r"HKLM\SOFTWARE\Policies\Microsoft"
SERVICES = r"HKLM\SYSTEM\CurrentControlSet\Services"
CONTROL = r"HKLM\SYSTEM\CurrentControlSet\Control"
VERSION = Registry(r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion")
"""Every Windows has it: where it is missing, a missing setting says nothing either."""
DISABLED = 4
"""`Start` of a service that never starts."""
