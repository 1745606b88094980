"""Editions of Windows, by the EditionID of the registry, which is the same in every language."""

from __future__ import annotations

from typing import Literal

Line = Literal["client", "server", "ltsc", "iot"]
"""What the end of support hangs on beside the build; `iot` is the long-term release for devices."""


def line(edition: str) -> Line:
    """Return which of the lines of releases an edition belongs to."""
    if edition.startswith("Server"):
        return "server"
    if not edition.endswith(("EnterpriseS", "EnterpriseSN", "EnterpriseSEval", "EnterpriseSNEval")):
        return "client"
    return "iot" if edition.startswith("IoT") else "ltsc"


def is_business(edition: str) -> bool:
    """Say whether a client's edition gets corrections for the longer time of businesses and schools."""
    return line(edition) == "client" and edition.startswith(("Enterprise", "Education", "IoTEnterprise"))
