"""Until when makers give security updates. What is not in the table is not known: it is neither good nor bad.

Sources: https://wiki.debian.org/LTS, https://ubuntu.com/about/release-cycle, https://access.redhat.com/support/policy/updates/errata,
https://learn.microsoft.com/lifecycle/products/ (one page a product; each with its mark in
rules/vulnerabilities/windows-builds.yaml). Paid extensions (ESM, ESU, ELTS) do not count.
"""

from __future__ import annotations

from datetime import date, timedelta

from agent.inventory.raw import Unknown
from agent.posture.check import Finding, bad, good
from agent.wire.editions import is_business, line

SOON = timedelta(days=180)
_LINUX = {
    "debian": {"10": "2024-06-30", "11": "2026-08-31", "12": "2028-06-30", "13": "2030-06-30"},
    "ubuntu": {
        "18.04": "2023-05-31", "20.04": "2025-05-31", "22.04": "2027-05-31", "24.04": "2029-04-30",
        "26.04": "2031-04-30", "24.10": "2025-07-10", "25.04": "2026-01-15", "25.10": "2026-07-09",
    },
    "rhel": {"7": "2024-06-30", "8": "2029-05-31", "9": "2032-05-31", "10": "2035-05-31"},
}  # fmt: skip
_LIKE_RHEL = frozenset({"rhel", "almalinux", "rocky", "ol"})
_BUILDS = {
    10240: {"ltsc": "2025-10-14", "iot": "2025-10-14", "client": "2017-05-09", "enterprise": "2017-05-09"},
    14393: {"ltsc": "2026-10-13", "iot": "2026-10-13", "server": "2027-01-12", "client": "2018-04-10",
            "enterprise": "2019-04-09"},
    17763: {"ltsc": "2029-01-09", "iot": "2029-01-09", "server": "2029-01-09", "client": "2020-11-10",
            "enterprise": "2021-05-11"},
    19044: {"ltsc": "2027-01-12", "iot": "2032-01-13", "client": "2023-06-13", "enterprise": "2024-06-11"},
    19045: {"client": "2025-10-14", "enterprise": "2025-10-14"},
    20348: {"server": "2031-10-14"},
    22000: {"client": "2023-10-10", "enterprise": "2024-10-08"},
    22621: {"client": "2024-10-08", "enterprise": "2025-10-14"},
    22631: {"client": "2025-11-11", "enterprise": "2026-11-10"},
    26100: {"ltsc": "2029-10-09", "iot": "2034-10-10", "server": "2034-11-14", "client": "2026-10-13",
            "enterprise": "2027-10-12"},
    26200: {"client": "2027-10-12", "enterprise": "2028-10-10"},
    26300: {"client": "2028-10-10", "enterprise": "2029-10-09"},
    28000: {"client": "2028-03-14", "enterprise": "2029-03-13"},
}  # fmt: skip
_OLD = 19044
"""Windows 10 builds below this one that are not in the table have been without updates since 2023 at the latest."""


def linux(distribution: str, version: str, now: float) -> Finding:
    """Judge a distribution by its os-release ID and VERSION_ID; raises Unknown."""
    family = "rhel" if distribution in _LIKE_RHEL else distribution
    key = version.partition(".")[0] if family in {"rhel", "debian"} else version
    end = _LINUX.get(family, {}).get(key)
    return _judged(f"{distribution} {version}", end, now)


def windows(build: int, edition: str, shown: str, now: float) -> Finding:
    """Judge a Windows build by its EditionID; raises Unknown."""
    ends = _BUILDS.get(build)
    if ends is None and build < _OLD:
        return bad("ended", shown)
    return _judged(shown, (ends or {}).get(channel(edition)), now)


def channel(edition: str) -> str:
    """Return which life cycle an EditionID of the registry follows."""
    return "enterprise" if is_business(edition) else line(edition)


def _judged(name: str, end: str | None, now: float) -> Finding:
    if end is None:
        raise Unknown("not_in_table", name)
    last = date.fromisoformat(end)
    today = date.fromtimestamp(now)  # noqa: DTZ012 (a day is enough here, and the host's own is what people see)
    if today > last:
        return bad("ended", f"{name}, {end}")
    if last - today < SOON:
        return Finding("pass", "ends_soon", f"{name}, {end}")
    return good(f"{name}, {end}")
