"""USB devices that are plugged in."""

from __future__ import annotations

from collections.abc import Iterator

from agent.inventory.raw import Files, Raws, Source
from agent.inventory.section import HOUR, Item, Section

_BASE = "/sys/bus/usb/devices/*/"
_NAMES = ("idVendor", "idProduct", "manufacturer", "product", "serial", "bDeviceClass")
SOURCES: dict[str, Source] = {name: Files(_BASE + name) for name in _NAMES}
SOURCES["storage"] = Files("/sys/bus/usb/drivers/usb-storage/*/bInterfaceClass")
HUB = "09"


def parse(raws: Raws) -> Iterator[Item]:
    """Return the devices by vendor, product and serial number; hubs are left out."""
    texts = {name: {_port(path): text.strip() for path, text in raws.files(name).items()} for name in _NAMES}
    storage = {_port(path).split(":")[0] for path in raws.files("storage")}
    for port, vendor in texts["idVendor"].items():
        product, serial = texts["idProduct"].get(port, ""), texts["serial"].get(port, "")
        if texts["bDeviceClass"].get(port) == HUB:
            continue
        yield (
            f"{vendor}:{product}:{serial or port}",
            {
                "device.manufacturer": texts["manufacturer"].get(port),
                "device.model.name": texts["product"].get(port),
                "device.serial_number": serial,
                "inventory.vendor_id": vendor,
                "inventory.product_id": product,
                "inventory.storage": port in storage,
            },
        )


def _port(path: str) -> str:
    return path.split("/")[-2]


SECTION = Section("usb_device", SOURCES, parse, HOUR)
