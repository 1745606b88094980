"""Where the host takes its time from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.inventory.raw import Command, File, Files, Raws, Source
from agent.inventory.section import DAY, Item, Section

SOURCES: dict[str, Source] = {
    "timesyncd": File("/etc/systemd/timesyncd.conf"),
    "timesyncd_d": Files("/etc/systemd/timesyncd.conf.d/*.conf"),
    "chrony": File("/etc/chrony/chrony.conf"),
    "chrony_d": Files("/etc/chrony/sources.d/*.sources"),
    "chrony_rpm": File("/etc/chrony.conf"),
    "ntp": File("/etc/ntpsec/ntp.conf"),
}
SHOW = Command(("timedatectl", "show", "--property=NTP", "--property=NTPSynchronized", "--property=Timezone"))
_TIMESYNCD = re.compile(r"^\s*(NTP|FallbackNTP)\s*=\s*(.+)$", re.MULTILINE)
_SERVER = re.compile(r"^\s*(?:server|pool|peer)\s+(\S+)", re.MULTILINE)


def servers(raws: Raws) -> Iterator[tuple[str, str]]:
    """Return the configured time servers, each with the file that names it."""
    for path, text in {"timesyncd.conf": raws.text_or("timesyncd"), **raws.files("timesyncd_d")}.items():
        for _, names in _TIMESYNCD.findall(text):
            yield from ((name, path) for name in names.split())
    for name in ("chrony", "chrony_rpm", "ntp"):
        yield from ((server, name) for server in _SERVER.findall(raws.text_or(name)))
    for path, text in raws.files("chrony_d").items():
        yield from ((server, path) for server in _SERVER.findall(text))


def parse(raws: Raws) -> Iterator[Item]:
    """Return the servers, and the time zone with whether the clock is set by the network."""
    for server, path in servers(raws):
        yield f"server:{server}", {"inventory.server": server, "inventory.configured_in": path}
    if raws.there("show") and raws.value("show")["code"] == 0:  # elsewhere than under systemd it says nothing
        shown = dict(line.partition("=")[::2] for line in raws.output("show").splitlines())
        yield "clock", {"inventory.time_zone": shown.get("Timezone"), "inventory.network_time": shown.get("NTP")}


SECTION = Section("time_source", {**SOURCES, "show": SHOW}, parse, DAY)
