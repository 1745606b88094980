"""The system's certificate authorities and where an administrator put more."""

from __future__ import annotations

from collections.abc import Iterator

from agent.inventory.certificates import authority, from_pem
from agent.inventory.raw import File, Files, Raws, Source, Unknown
from agent.inventory.section import DAY, Item, Section

SOURCES: dict[str, Source] = {
    "bundle": File("/etc/ssl/certs/ca-certificates.crt"),
    "bundle_rpm": File("/etc/pki/tls/certs/ca-bundle.crt"),
    "own": Files("/usr/local/share/ca-certificates/*.crt"),
    "own_rpm": Files("/etc/pki/ca-trust/source/anchors/*"),
}


def parse(raws: Raws) -> Iterator[Item]:
    """Return the authorities, those that were added on this host with their own path."""
    if not raws.there("bundle") and not raws.there("bundle_rpm"):
        raise Unknown("no_source")
    texts = {**raws.files("own"), **raws.files("own_rpm")}
    for path, text in texts.items():
        for der in from_pem(text):
            for key, fields in authority(der, path):
                yield key, {**fields, "inventory.added": True}
    for name in ("bundle", "bundle_rpm"):
        for der in from_pem(raws.text_or(name)):
            yield from authority(der, "")


SECTION = Section("certificate", SOURCES, parse, DAY)
