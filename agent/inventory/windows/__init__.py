"""The sections of a Windows host."""

from agent.inventory import listeners
from agent.inventory.windows import machine, programs

SECTIONS = (*machine.SECTIONS, *programs.SECTIONS, listeners.SECTION)
