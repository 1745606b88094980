"""The machine, Windows itself, disks, USB storage, time source, authorities, accounts."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator

from agent.inventory import certificates
from agent.inventory.linux.machine import common, cpu
from agent.inventory.raw import Native, Raws, Registry, Script, Source
from agent.inventory.section import DAY, HOUR, Item, Section
from agent.inventory.windows.keys import CONTROL, SERVICES, VERSION

_DESCRIPTION = r"HKLM\HARDWARE\DESCRIPTION\System"
HARDWARE: dict[str, Source] = {
    "machine": Native("machine"),
    "bios": Registry(_DESCRIPTION + r"\BIOS"),
    "cpu": Registry(_DESCRIPTION + r"\CentralProcessor\0"),
    "serial": Script("bios"),
}
SYSTEM: dict[str, Source] = {
    "windows": VERSION,
    "name": Registry(SERVICES + r"\Tcpip\Parameters"),
    "zone": Registry(CONTROL + r"\TimeZoneInformation"),
    "language": Registry(CONTROL + r"\Nls\Language"),
    "channels": Native("channels"),
}


def hardware(raws: Raws) -> Iterator[Item]:
    """Return the machine, its firmware, processor, memory and network cards."""
    yield from common(raws.value("machine"))
    bios = raws.key("bios")
    serial = str(raws.value_or("serial", {"serial": ""})["serial"] or "")
    yield (
        "machine",
        {
            "device.manufacturer": bios.get("systemmanufacturer"),
            "device.model.name": bios.get("systemproductname"),
            "inventory.model_version": bios.get("systemversion"),
            "device.serial_number": serial.strip(),
        },
    )
    firmware = {"inventory.vendor": bios.get("biosvendor"), "inventory.version": bios.get("biosversion")}
    yield "bios", {**firmware, "inventory.date": bios.get("biosreleasedate")}
    yield "cpu", {**cpu(raws.value("machine")), "inventory.model": raws.key("cpu").get("processornamestring")}


def system(raws: Raws) -> Iterator[Item]:
    """Return Windows' edition, release, build and settings, and how its event logs are set up."""
    told = raws.key("windows")
    build = str(told["currentbuild"])
    yield (
        "os",
        {
            "os.name": "Windows",
            "os.full": told.get("productname"),
            "os.version": f"10.0.{build}",
            "os.kernel": f"{build}.{told.get('ubr', 0)}",
            "os.family": told.get("editionid"),
            "os.platform": told.get("displayversion") or told.get("releaseid"),
            "os.type": "windows",
            "inventory.build": int(build),
            "inventory.revision_of_build": told.get("ubr"),
        },
    )
    name, zone = raws.key("name"), raws.key("zone")
    yield (
        "names",
        {
            "inventory.name": name.get("hostname"),
            "inventory.domain": name.get("domain") or name.get("dhcpdomain"),
            "inventory.time_zone": zone.get("timezonekeyname"),
            "inventory.locale": raws.key("language").get("default"),
        },
    )
    for each in raws.value_or("channels", ()):
        yield (
            f"event_log:{each['path']}",
            {
                "inventory.kind": "event_log",
                "inventory.name": each["path"],
                "inventory.status": each["state"],
                "inventory.bytes": each["max_bytes"] or None,
                "inventory.retention": each["retention"],
            },
        )


def disks(raws: Raws) -> Iterator[Item]:
    """Return the disks, and the volumes with whether BitLocker protects them."""
    for each in raws.value("disks"):
        serial = str(each["serial"] or "").strip()
        yield (
            f"disk:{serial or each['model']}",
            {
                "inventory.kind": "disk",
                "inventory.model": each["model"],
                "inventory.serial": serial,
                "inventory.bytes": each["bytes"],
                "inventory.bus": each["bus"],
            },
        )
    for each in raws.value_or("volumes", ()):
        encrypted = each["protection"] == 1
        yield str(each["letter"]), {"inventory.kind": "volume", "inventory.encrypted": encrypted}


def usb(raws: Raws) -> Iterator[Item]:
    """Return USB storage that was ever plugged in, from the registry's memory of it."""
    for model, content in raws.value("storage")["keys"].items() if raws.there("storage") else ():
        for serial, device in content.get("keys", {}).items():
            names = {name.lower(): value for name, value in device["values"].items()}
            fields = {"device.model.name": names.get("friendlyname") or model, "device.serial_number": serial}
            yield f"{model}:{serial}", {**fields, "inventory.storage": True}


def time_source(raws: Raws) -> Iterator[Item]:
    """Return the time servers and how the clock is set."""
    told = raws.key("parameters")
    yield "clock", {"inventory.network_time": told["type"]}
    for server in str(told.get("ntpserver", "")).split():
        yield f"server:{server.split(',')[0]}", {"inventory.server": server.split(",")[0]}


def authorities(raws: Raws) -> Iterator[Item]:
    """Return the root authorities that the machine trusts, and the certificates of its own with their end."""
    for der in raws.value("authorities"):
        yield from certificates.authority(b64decode(der), "")
    for each in raws.value("own"):
        yield (
            f"my:{each['sha256']}",
            {
                "x509.subject.distinguished_name": each["subject"],
                "x509.issuer.distinguished_name": each["issuer"],
                "x509.serial_number": each["serial"],
                "x509.not_after": each["not_after"],
                "hash.sha256": each["sha256"],
                "inventory.own": True,
            },
        )


def accounts(raws: Raws) -> Iterator[Item]:
    """Return the local accounts by RID."""
    for each in raws.value("accounts"):
        yield (
            str(each["rid"]),
            {
                "user.name": each["name"],
                "user.id": str(each["rid"]),
                "inventory.disabled": each["disabled"],
                "inventory.locked": each["locked"],
                "inventory.no_password_needed": each["no_password"],
                "inventory.password_never_expires": each["never_expires"],
            },
        )


def administrators(raws: Raws) -> Iterator[Item]:
    """Return who is an administrator, by SID."""
    for each in raws.value("members"):
        fields = {"group.id": "S-1-5-32-544", "user.id": each["sid"], "user.name": each["name"]}
        yield f"S-1-5-32-544:{each['sid']}", dict(fields)


_CERTIFICATES: dict[str, Source] = {"authorities": Native("authorities"), "own": Native("own_certificates")}
SECTIONS = (
    Section("hardware", HARDWARE, hardware, DAY),
    Section("system", SYSTEM, system, 4 * HOUR),
    Section("disk", {"disks": Script("disks"), "volumes": Script("volumes")}, disks, 6 * HOUR),
    Section("usb_device", {"storage": Registry(r"HKLM\SYSTEM\CurrentControlSet\Enum\USBSTOR", 2)}, usb, HOUR),
    Section("time_source", {"parameters": Registry(SERVICES + r"\W32Time\Parameters")}, time_source, DAY),
    Section("certificate", _CERTIFICATES, authorities, DAY),
    Section("account", {"accounts": Native("accounts")}, accounts, 2 * HOUR),
    Section("group_member", {"members": Native("administrators")}, administrators, 2 * HOUR),
)
