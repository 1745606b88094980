"""Disks and what lies on them: file systems, and whether something encrypts them (lsblk's own tree)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agent.inventory.raw import Command, Raws
from agent.inventory.section import HOUR, Item, Section

COLUMNS = "NAME,TYPE,SIZE,FSTYPE,MOUNTPOINTS,RM,MODEL,SERIAL,TRAN,UUID"
LSBLK = Command(("lsblk", "--json", "--bytes", "--output", COLUMNS))
MAX_DEPTH = 16
Volume = tuple[dict[str, Any], bool]
"""A block device, and whether it lies within an encrypted one."""


def volumes(printed: str) -> Iterator[Volume]:
    """Walk the tree of `lsblk --json`; below a LUKS container everything is encrypted."""
    waiting = [(device, False, 0) for device in reversed(json.loads(printed)["blockdevices"])]
    while waiting:
        device, encrypted, depth = waiting.pop()
        inside = encrypted or device.get("type") == "crypt"
        yield device, inside
        if depth < MAX_DEPTH:
            waiting += [(child, inside, depth + 1) for child in reversed(device.get("children") or [])]


def mounts(device: dict[str, Any]) -> list[str]:
    """Return where a device is mounted, swap as `[SWAP]`."""
    return [place for place in device.get("mountpoints") or [] if place]


def parse(raws: Raws) -> Iterator[Item]:
    """Return the disks and what is mounted; loop devices (snaps, images) and CDs are left out."""
    for device, encrypted in volumes(raws.output("lsblk")):
        kind, places = device.get("type"), mounts(device)
        if kind in {"loop", "rom"} or (kind != "disk" and not places):
            continue
        yield (
            str(device["name"]) if kind != "disk" else f"disk:{device.get('serial') or device['name']}",
            {
                "inventory.kind": kind,
                "inventory.name": device["name"],
                "inventory.bytes": int(device.get("size") or 0),
                "inventory.file_system": device.get("fstype"),
                "inventory.mounted": [*places],
                "inventory.removable": device.get("rm") in {True, "1"},
                "inventory.model": (device.get("model") or "").strip(),
                "inventory.serial": (device.get("serial") or "").strip(),
                "inventory.bus": device.get("tran"),
                "inventory.encrypted": encrypted,
            },
        )


SECTION = Section("disk", {"lsblk": LSBLK}, parse, 2 * HOUR)
