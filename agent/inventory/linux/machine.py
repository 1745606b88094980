"""The machine and its system: what it is made of, what it runs, and programs outside the packages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agent.inventory.raw import File, Files, Names, Native, Raws, Source
from agent.inventory.section import DAY, HOUR, Item, Section

_DMI = ("sys_vendor", "product_name", "product_version", "product_serial", "bios_vendor", "bios_version", "bios_date")
HARDWARE: dict[str, Source] = {
    "machine": Native("machine"),
    "cpu": File("/proc/cpuinfo"),
    "dmi": Files("/sys/class/dmi/id/[bps]*"),
}
SYSTEM: dict[str, Source] = {
    "release": File("/etc/os-release"),
    "kernel": File("/proc/sys/kernel/osrelease"),
    "name": File("/proc/sys/kernel/hostname"),
    "domain": File("/proc/sys/kernel/domainname"),
    "zone": File("/etc/timezone"),
    "localtime": Native("time_zone"),
    "locale": File("/etc/default/locale"),
}
SOFTWARE: dict[str, Source] = {
    "snaps": Names("/snap/*/current"),
    "flatpaks": Names("/var/lib/flatpak/app/*"),
    "opt": Names("/opt/*"),
}
_MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_ASSIGNED = re.compile(r"^([A-Z_]+)=(.*)$", re.MULTILINE)
_EMPTY = frozenset({"", "(none)", "To Be Filled By O.E.M.", "Not Specified", "Default string"})
_VIRTUAL = ("lo", "veth", "docker", "br-", "virbr", "vnet", "tap", "tun", "wg", "ifb", "dummy")


def release(text: str) -> dict[str, str]:
    """Read os-release(5)."""
    return {name: value.strip().strip("\"'") for name, value in _ASSIGNED.findall(text)}


def hardware(raws: Raws) -> Iterator[Item]:
    """Return the machine, its firmware, processor, memory and network cards."""
    yield from common(raws.value("machine"))
    dmi = {path.rpartition("/")[2]: text.strip() for path, text in raws.files("dmi").items()}
    told = {name: dmi[name] for name in _DMI if dmi.get(name, "") not in _EMPTY}
    yield (
        "machine",
        {
            "device.manufacturer": told.get("sys_vendor"),
            "device.model.name": told.get("product_name"),
            "inventory.model_version": told.get("product_version"),
            "device.serial_number": told.get("product_serial"),
        },
    )
    bios = {"inventory.vendor": told.get("bios_vendor"), "inventory.version": told.get("bios_version")}
    yield "bios", {**bios, "inventory.date": told.get("bios_date")}
    model = _MODEL.search(raws.text_or("cpu"))
    yield "cpu", {**cpu(raws.value("machine")), "inventory.model": model[1] if model is not None else None}


def common(machine: dict[str, Any]) -> Iterator[Item]:
    """Return memory and network cards from the natives' `machine`, on any system."""
    yield "memory", {"inventory.bytes": machine["memory"]}
    for name, addresses in machine["cards"].items():
        if addresses and not name.startswith(_VIRTUAL):
            yield f"card:{name}", {"inventory.name": name, "inventory.mac": list(addresses)}


def cpu(machine: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the processor that are known on any system."""
    return {
        "inventory.cores": machine["cores"],
        "inventory.threads": machine["threads"],
        "inventory.architecture": machine["architecture"],
    }


def system(raws: Raws) -> Iterator[Item]:
    """Return the system's name, version, kernel and settings."""
    told = release(raws.text("release"))
    yield (
        "os",
        {
            "os.name": told.get("NAME"),
            "os.full": told.get("PRETTY_NAME"),
            "os.version": told.get("VERSION_ID"),
            "os.family": told.get("ID"),
            "os.platform": told.get("VERSION_CODENAME"),
            "os.kernel": raws.text("kernel").strip(),
            "os.type": "linux",
        },
    )
    domain = raws.text_or("domain").strip()
    name = {"inventory.name": raws.text("name").strip(), "inventory.domain": "" if domain == "(none)" else domain}
    locale = dict(_ASSIGNED.findall(raws.text_or("locale"))).get("LANG", "").strip('"')
    # Debian 13 and others without the file keep the link alone.
    zone = raws.text_or("zone").strip() or raws.value_or("localtime", "")
    yield "names", {**name, "inventory.time_zone": zone, "inventory.locale": locale}


def software(raws: Raws) -> Iterator[Item]:
    """Return programs that no package of the distribution brought: snaps, flatpaks, folders of /opt."""
    for kind in ("snaps", "flatpaks", "opt"):
        for path in raws.value(kind) if raws.there(kind) else ():
            name = path.removesuffix("/current").rpartition("/")[2]
            yield f"{kind}:{name}", {"package.name": name, "package.type": kind, "file.path": path}


SECTIONS = (
    Section("hardware", HARDWARE, hardware, DAY),
    Section("system", SYSTEM, system, 4 * HOUR),
    Section("software", SOFTWARE, software, 4 * HOUR),
)
