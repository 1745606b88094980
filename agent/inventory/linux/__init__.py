"""The sections of a Linux host."""

from agent.inventory import listeners
from agent.inventory.linux import (
    accounts,
    authorities,
    autoruns,
    browsers,
    disks,
    machine,
    packages,
    services,
    timesource,
    updates,
    usb,
)

SECTIONS = (
    *machine.SECTIONS,
    packages.SECTION,
    updates.SECTION,
    accounts.ACCOUNTS,
    accounts.MEMBERS,
    services.SECTION,
    listeners.SECTION,
    autoruns.SECTION,
    browsers.SECTION,
    authorities.SECTION,
    disks.SECTION,
    usb.SECTION,
    timesource.SECTION,
)
