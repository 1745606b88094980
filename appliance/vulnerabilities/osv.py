"""OSV records (https://ossf.github.io/osv-schema/) of Debian and Ubuntu as the few facts that matching needs.

One line a weakness, release and source package: its name (the CVE where there is exactly one), since which version,
fixed in which, a title, and a severity where the record gives one in a word. Debian's `unimportant` are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

MAX_RECORD = 4 << 20
"""Bytes of one OSV file."""
MAX_TITLE = 300
MAX_PACKAGE = 120
_CVE = re.compile(r"CVE-\d{4}-\d{4,9}")
_ECOSYSTEM = re.compile(r"Debian:\d{1,2}|Ubuntu:\d\d\.\d\d(?::LTS)?")
_SEVERITIES = frozenset({"negligible", "low", "medium", "high", "critical"})


class BadRecord(ValueError):
    """What was given is no OSV record."""


@dataclass(frozen=True, slots=True)
class Affected:
    """One weakness of one source package of one release; `since` "0" = from the first version on."""

    name: str
    ecosystem: str
    package: str
    since: str
    fixed: str
    """Empty when there is no version without it."""
    title: str
    severity: str

    def line(self) -> str:
        """Return it as a line of a feed."""
        return json.dumps(asdict(self), ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def parse_line(line: bytes) -> Affected:
    """Return the weakness of a feed's line. Raises BadRecord."""
    try:
        one = Affected(**json.loads(line))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadRecord("not a line of a feed") from error
    texts = asdict(one)
    if not all(isinstance(text, str) and len(text) <= MAX_TITLE for text in texts.values()):
        raise BadRecord("a field is no short text")
    if not one.name or len(one.name) > 64 or not one.package or not _ECOSYSTEM.fullmatch(one.ecosystem):
        raise BadRecord("no name, package or release")
    return one


def affected(text: bytes) -> list[Affected]:
    """Return what one OSV file says of Debian and Ubuntu. Raises BadRecord."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecord("not JSON") from error
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        raise BadRecord("not an OSV record")
    if record.get("withdrawn"):
        return []
    name, title = _name(record)[:64], str(record.get("summary") or record.get("details") or "")
    words = " ".join(title.split())[:MAX_TITLE]
    found = []
    for one in _dicts(record.get("affected")):
        package = one.get("package")
        ecosystem = package.get("ecosystem") if isinstance(package, dict) else None
        if not isinstance(ecosystem, str) or not _ECOSYSTEM.fullmatch(ecosystem) or _unimportant(one):
            continue
        source = str(package.get("name", ""))[:MAX_PACKAGE] if isinstance(package, dict) else ""
        severity = _severity(one) or _severity(record)
        release = ecosystem.removesuffix(":LTS")
        found += [Affected(name, release, source, *span, words, severity) for span in _spans(one) if source]
    return found


def _name(record: Mapping[str, Any]) -> str:
    """Return the CVE that a record is of; its own id when it is of several, or of none."""
    own = _CVE.search(record["id"])
    if own:
        return own[0]
    others = [*_texts(record.get("aliases")), *_texts(record.get("upstream"))]
    cves = sorted({one for one in others if _CVE.fullmatch(one)})
    return cves[0] if len(cves) == 1 else str(record["id"])


def _spans(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in _dicts(one.get("ranges")):
        if part.get("type") != "ECOSYSTEM":
            continue
        since = ""
        for event in _dicts(part.get("events")):
            if isinstance(event.get("introduced"), str):
                since = event["introduced"][:MAX_PACKAGE]
            elif isinstance(event.get("fixed"), str) and since:
                yield since, event["fixed"][:MAX_PACKAGE]
                since = ""
        if since:
            yield since, ""


def _unimportant(one: Mapping[str, Any]) -> bool:
    said = one.get("ecosystem_specific")
    return isinstance(said, dict) and said.get("urgency") == "unimportant"


def _severity(one: Mapping[str, Any]) -> str:
    for said in _dicts(one.get("severity")):
        word = str(said.get("score", "")).lower()
        if word in _SEVERITIES:
            return word
    return ""


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def without_bundled(records: Iterable[tuple[frozenset[str], Affected]]) -> list[Affected]:
    """Return records without advisories all of whose CVEs have records of their own for the same package.

    Each comes with `bundled_in` it.
    """
    every = list(records)
    own = {(one.ecosystem, one.package, one.name) for cves, one in every if not cves}
    return [one for cves, one in every if not cves or any((one.ecosystem, one.package, cve) not in own for cve in cves)]


def bundled_in(text: bytes) -> frozenset[str]:
    """Return the CVEs of an advisory; none for a record that is of one CVE by its own id."""
    record = json.loads(text)
    if _CVE.search(str(record.get("id"))):
        return frozenset()
    named = [*_texts(record.get("aliases")), *_texts(record.get("upstream"))]
    return frozenset(one for one in named if _CVE.fullmatch(one))


@dataclass(frozen=True, slots=True)
class Exploited:
    """An entry of CISA's catalogue of weaknesses that are used in attacks."""

    name: str
    ransomware: bool


def exploited(text: bytes) -> list[Exploited]:
    """Return CISA's catalogue (known_exploited_vulnerabilities.json). Raises BadRecord."""
    try:
        catalogue = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecord("not JSON") from error
    if not isinstance(catalogue, dict) or not isinstance(catalogue.get("vulnerabilities"), list):
        raise BadRecord("not CISA's catalogue")
    return [
        Exploited(one["cveID"], one.get("knownRansomwareCampaignUse") == "Known")
        for one in _dicts(catalogue["vulnerabilities"])
        if isinstance(one.get("cveID"), str) and _CVE.fullmatch(one["cveID"])
    ]
