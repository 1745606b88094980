"""Whether what lies on the disk can be read by whoever takes the disk."""

from __future__ import annotations

from agent.inventory.linux import disks
from agent.inventory.raw import Raws, Unknown
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import listed

_STARTS = frozenset({"/boot", "/boot/efi", "/efi", "/boot/firmware"})
"""Where the system starts from, before anybody can give a key. Whatever else is mounted holds data."""
_SYSTEM = frozenset({"/", "/home", "/var", "/usr", "[SWAP]"})
"""What counts also on a removable disk: a system that runs from one, and not a stick that somebody has put in."""
_NO_DISKS = frozenset({"loop", "rom"})


def _judge(raws: Raws, _now: float) -> Finding:
    bare: list[str] = []
    found: set[str] = set()
    for device, encrypted, mounted in disks.volumes(raws):
        places = [place for place in mounted if place not in _STARTS]
        if device.get("rm") in {True, "1"}:
            places = [place for place in places if place in _SYSTEM]
        if str(device["name"]).startswith("zram") or device.get("type") in _NO_DISKS:
            continue
        found.update(places)
        bare += [] if encrypted else places
    if "/" not in found:
        raise Unknown("no_root_disk")
    return bad("not_encrypted", listed(bare)) if bare else good(listed(found))


CHECKS = (Check("disk_encryption", disks.SOURCES, _judge, ("not_encrypted", "no_root_disk")),)
