"""Disks and what lies on them: file systems, and whether something encrypts them (lsblk's own tree)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from agent.inventory.raw import Command, File, Raws, Source
from agent.inventory.section import HOUR, Item, Section

COLUMNS = "NAME,TYPE,SIZE,FSTYPE,MOUNTPOINTS,RM,MODEL,SERIAL,TRAN,UUID"
MAX_DEPTH = 16
Volume = tuple[dict[str, Any], bool, list[str]]
"""A block device, whether it lies within an encrypted one, and where it is mounted, swap as `[SWAP]`."""
SOURCES: dict[str, Source] = {
    "lsblk": Command(("lsblk", "--json", "--bytes", "--output", COLUMNS)),
    "lsblk_old": Command(("lsblk", "--json", "--bytes", "--output", COLUMNS.replace("MOUNTPOINTS", "MOUNTPOINT"))),
    "mounted": File("/proc/1/mountinfo"),
}
"""Before util-linux 2.37 lsblk knew one place of a device. It tells what this process sees, whose unit has places of
its own (ProtectSystem, PrivateTmp); those of the host are the first process's."""
_ESCAPED = re.compile(r"\\([0-7]{3})")


def volumes(raws: Raws) -> Iterator[Volume]:
    """Walk the tree of `lsblk --json`; below a LUKS container everything is encrypted."""
    known = _known(raws)
    waiting = [(device, False, 0) for device in reversed(json.loads(_printed(raws))["blockdevices"])]
    while waiting:
        device, encrypted, depth = waiting.pop()
        inside = encrypted or device.get("type") == "crypt"
        places = device.get("mountpoints") or [device.get("mountpoint")]
        yield device, inside, [place for place in places if place and (known is None or place in known)]
        if depth < MAX_DEPTH:
            waiting += [(child, inside, depth + 1) for child in reversed(device.get("children") or [])]


def _printed(raws: Raws) -> str:
    old = raws.there("lsblk") and raws.value("lsblk")["code"] != 0 and raws.there("lsblk_old")
    return raws.output("lsblk_old" if old else "lsblk")


def _known(raws: Raws) -> frozenset[str] | None:
    """Return the host's places (proc_pid_mountinfo(5)) and swap, None where they cannot be read."""
    lines = [line.split(" ") for line in str(raws.value_or("mounted", "")).splitlines()]
    found = {_ESCAPED.sub(lambda code: chr(int(code[1], 8)), line[4]) for line in lines if len(line) > 4}
    return frozenset({"[SWAP]", *found}) if found else None


def parse(raws: Raws) -> Iterator[Item]:
    """Return the disks and what is mounted; loop devices (snaps, images) and CDs are left out."""
    for device, encrypted, places in volumes(raws):
        kind = device.get("type")
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


SECTION = Section("disk", SOURCES, parse, 2 * HOUR)
