"""The checks of a Windows host."""

from agent.posture.check import Check

CHECKS: tuple[Check, ...] = ()
