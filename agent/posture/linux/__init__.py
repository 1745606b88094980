"""The checks of a Linux host."""

from agent.posture.check import Check
from agent.posture.linux import access, disk, firewall, passwords, protection, updates

CHECKS: tuple[Check, ...] = (
    *updates.CHECKS,
    *protection.CHECKS,
    *disk.CHECKS,
    *firewall.CHECKS,
    *passwords.CHECKS,
    *access.CHECKS,
)
