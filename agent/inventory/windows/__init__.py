"""The sections of a Windows host."""

from agent.inventory import listeners

SECTIONS = (listeners.SECTION,)
