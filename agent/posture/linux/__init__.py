"""The checks of a Linux host."""

from agent.posture.check import Check

CHECKS: tuple[Check, ...] = ()
