"""The checks of a Windows host."""

from agent.posture.check import Check
from agent.posture.windows import access, protection, recording, updates

CHECKS: tuple[Check, ...] = (*updates.CHECKS, *protection.CHECKS, *access.CHECKS, *recording.CHECKS)
