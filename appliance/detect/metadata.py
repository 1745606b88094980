"""What rules and filters say about themselves: read by pySigma, with a line for each of its complaints."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sigma.rule import SigmaLogSource
from sigma.rule.base import SigmaRuleBase

from sigma import exceptions as sigma_errors

from .model import LEVELS, Logsource
from .plainly import of_metadata
from .yamldoc import Document

#: (line, message)
LineFault = tuple[int, str]
#: pySigma's error classes name the key of the document they are about.
_KEY_OF_ERROR = {
    sigma_errors.SigmaIdentifierError: "id",
    sigma_errors.SigmaNameError: "name",
    sigma_errors.SigmaTaxonomyError: "taxonomy",
    sigma_errors.SigmaTitleError: "title",
    sigma_errors.SigmaLevelError: "level",
    sigma_errors.SigmaStatusError: "status",
    sigma_errors.SigmaTagError: "tags",
    sigma_errors.SigmaDateError: "date",
    sigma_errors.SigmaModifiedError: "modified",
    sigma_errors.SigmaLogsourceError: "logsource",
    sigma_errors.SigmaReferencesError: "references",
    sigma_errors.SigmaRelatedError: "related",
    sigma_errors.SigmaFieldsError: "fields",
    sigma_errors.SigmaFalsePositivesError: "falsepositives",
    sigma_errors.SigmaDescriptionError: "description",
    sigma_errors.SigmaAuthorError: "author",
    sigma_errors.SigmaScopeError: "scope",
    sigma_errors.SigmaLicenseError: "license",
    sigma_errors.SigmaValueError: "tags",
}
#: Characters of a licence's name that are kept.
LICENCE = 200
#: How a rule says for which Sigma it is written (SigmaHQ's enhancement proposal 213), and the newest that we know.
_VERSION, LATEST = "sigma-version", 2
_NAMED = re.compile(r"^Sigma rule (\w+) ")
_STANDARD = frozenset(
    {
        *("title", "id", "name", "taxonomy", "related", "status", "description", "license", "references", "tags"),
        *("author", "date", "modified", "fields", "falsepositives", "level", "scope", "logsource", "detection"),
        "filter",
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One document while it is read: what is wrong is collected in `faults`. `own_id` is for one without an id."""

    document: Document
    file: str
    own_id: str
    faults: list[LineFault] = field(default_factory=list)


def metadata(reading: Reading) -> dict[str, Any]:
    """The values of `Rule` by their names, without the condition."""
    document, faults = reading.document, reading.faults
    raw = document.value
    if not isinstance(raw.get("id", ""), str):
        # `shape_faults` has said so; pySigma would raise.
        raw = {key: value for key, value in raw.items() if key != "id"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said, errors = SigmaRuleBase.from_dict_common_params(raw, collect_errors=True)
        logsource = _logsource(raw.get("logsource"), errors)
    faults.extend(_located(document, error) for error in errors)
    return {
        "id": str(said["id"] or reading.own_id),
        "name": said["name"] or "",
        "title": str(said["title"]),
        "logsource": logsource,
        "source_file": reading.file,
        "line": document.line,
        "description": said["description"] or "",
        "author": said["author"] or "",
        "references": _texts(said["references"]),
        "tags": _texts(said["tags"]),
        "falsepositives": _texts(said["falsepositives"]),
        "level": _level(said["level"]),
        "status": getattr(said["status"], "name", "").lower(),
        "licence": licence_in(raw),
        "custom": {str(key): value for key, value in raw.items() if key not in _STANDARD},
    }


def licence_in(raw: Mapping[str, Any]) -> str:
    """What a document says of its licence, on one line and not at length."""
    said = raw.get("license")
    return " ".join(said.split())[:LICENCE] if isinstance(said, str) else ""


def _texts(values: object) -> tuple[str, ...]:
    return tuple(map(str, values)) if isinstance(values, list) else ()


def _level(level: object) -> int:
    name = getattr(level, "name", "medium").lower()
    return LEVELS.index(name)


def _logsource(raw: object, errors: list[sigma_errors.SigmaError]) -> Logsource:
    if not isinstance(raw, dict):
        # `shape_faults` has said so.
        return Logsource()
    try:
        found = SigmaLogSource.from_dict(raw)
    except sigma_errors.SigmaError as error:
        errors.append(error)
        return Logsource()
    return Logsource(found.product, found.category, found.service)


def _located(document: Document, error: Exception) -> LineFault:
    named = _NAMED.match(str(error))
    key = next((key for kind, key in _KEY_OF_ERROR.items() if isinstance(error, kind)), named[1] if named else "")
    said = of_metadata(key, document.value.get(key), error)
    return document.line_of(key), f"błąd w „{key}”: {said}"


def shape_faults(document: Document, what: str, *parts: str) -> Iterator[LineFault]:
    """What must hold before the document, a `what`, is read: `parts` are the keys that must be maps."""
    value = document.value
    if not isinstance(value.get("id", ""), str):
        yield document.line_of("id"), "identyfikator (id) musi być tekstem; ujmij go w cudzysłów"
    version = value.get(_VERSION, LATEST)
    major = re.match(r"[0-9]{1,4}", str(version))
    if major is None or int(major[0]) > LATEST:
        told = f"reguła jest napisana dla Sigmy {str(version)[:20]}, a Czujka zna wersje do {LATEST}; popraw {_VERSION}"
        yield document.line_of(_VERSION), told
    for name in parts:
        if not isinstance(value.get(name), dict):
            yield document.line_of(name), f"{what} musi mieć klucz „{name}” z mapą; dodaj go"
