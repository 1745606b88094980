"""One rule file to rules and located faults: all faults of the file at once, no input or output."""

from __future__ import annotations

import hashlib
import re
import uuid
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from sigma import exceptions as sigma_errors
from sigma.modifiers import modifier_mapping
from sigma.rule import SigmaRule
from sigma.rule.detection import SigmaDetectionItem

from .convert import Refused, item_node, rule_node
from .correlation.parse import CorrelationFaults, parse_correlation
from .model import LEVELS, Fault, Logsource, ParsedFile, Rule
from .yamldoc import MAX_BYTES, Document, YamlFault, read_documents

log = structlog.get_logger()

#: `windash` writes each value five ways for every dash in it.
MAX_DASHES = 4
_DASH = re.compile(r"\B[-/]\b")
_NOT_YET = ("filter", "action")
#: pySigma's error classes name the key of the rule they are about.
_KEY_OF_ERROR = {
    sigma_errors.SigmaIdentifierError: "id",
    sigma_errors.SigmaTitleError: "title",
    sigma_errors.SigmaLevelError: "level",
    sigma_errors.SigmaStatusError: "status",
    sigma_errors.SigmaTagError: "tags",
    sigma_errors.SigmaDateError: "date",
    sigma_errors.SigmaModifiedError: "modified",
    sigma_errors.SigmaLogsourceError: "logsource",
    sigma_errors.SigmaDetectionError: "detection",
    sigma_errors.SigmaReferencesError: "references",
    sigma_errors.SigmaRelatedError: "related",
    sigma_errors.SigmaFieldsError: "fields",
    sigma_errors.SigmaFalsePositivesError: "falsepositives",
    sigma_errors.SigmaDescriptionError: "description",
    sigma_errors.SigmaAuthorError: "author",
}
_STANDARD = frozenset(
    {
        *("title", "id", "name", "taxonomy", "related", "status", "description", "license", "references", "tags"),
        *("author", "date", "modified", "fields", "falsepositives", "level", "scope", "logsource", "detection"),
    }
)


def parse_file(file: str, content: bytes) -> ParsedFile:
    """Read all rules of one file. Never raises for what the file says."""
    parsed = ParsedFile()
    try:
        documents = _documents(content)
    except YamlFault as fault:
        parsed.faults.append(Fault(file, fault.line, fault.message))
        return parsed
    for number, document in enumerate(documents):
        if isinstance(document.value, dict) and "correlation" in document.value:
            _add_correlation(parsed, file, document, _identity(content, number))
            continue
        faults = list(_shape_faults(document))
        if faults:
            faults.extend(_other_faults(document))
        else:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    parsed.rules.append(_rule(file, document, _identity(content, number)))
                continue
            except _Faulty as faulty:
                faults = faulty.faults
            except (Exception, RecursionError) as error:  # noqa: BLE001  one document must not stop the load
                log.warning("rule_not_read", file=file, line=document.line, error=repr(error))
                faults = [
                    (document.line, f"nie można odczytać reguły: {error}; porównaj jej budowę z docs/adding-a-rule.md")
                ]
        parsed.faults.extend(Fault(file, line, message) for line, message in sorted(set(faults)))
    return parsed


def _add_correlation(parsed: ParsedFile, file: str, document: Document, fallback_id: str) -> None:
    try:
        parsed.correlations.append(parse_correlation(file, document, fallback_id))
    except CorrelationFaults as found:
        parsed.faults.extend(Fault(file, line, message) for line, message in sorted(set(found.faults)))


def _documents(content: bytes) -> list[Document]:
    if len(content) > MAX_BYTES:
        raise YamlFault(1, f"plik ma ponad {MAX_BYTES} bajtów; podziel go na mniejsze")
    try:
        return read_documents(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise YamlFault(line, "tekst nie jest w kodowaniu UTF-8; zapisz plik w UTF-8") from error


def _identity(content: bytes, number: int) -> str:
    """An id for a rule that names none: the same text has the same id."""
    return str(uuid.UUID(bytes=hashlib.sha256(content + number.to_bytes(4, "big")).digest()[:16]))


class _Faulty(Exception):
    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__()
        self.faults = faults


def _shape_faults(document: Document) -> Iterator[tuple[int, str]]:
    """What must hold before pySigma may see the document."""
    value = document.value
    if not isinstance(value, dict):
        yield document.line, "to nie jest reguła; reguła ma klucze title, logsource i detection"
        return
    for key in _NOT_YET:
        if key in value:
            yield document.line_of(key), f"dokumenty „{key}” nie są obsługiwane; przenieś je poza folder reguł"
            return
    if not isinstance(value.get("id", ""), str):
        yield document.line_of("id"), "identyfikator (id) musi być tekstem; ujmij go w cudzysłów"
    for name in ("detection", "logsource"):
        if not isinstance(value.get(name), dict):
            yield document.line_of(name), f"reguła musi mieć klucz „{name}” z mapą; dodaj go"
    if isinstance(value.get("detection"), dict):
        yield from _detection_faults(document, value["detection"])


def _detection_faults(document: Document, detection: Mapping[Any, Any]) -> Iterator[tuple[int, str]]:
    for key, values in _lines(detection):
        if not isinstance(key, str):
            yield document.line_of("detection"), f"klucz {key!r} nie jest tekstem; ujmij go w cudzysłów"
            continue
        for needle, message in _key_faults(key, values):
            yield _line(document, needle), message


def _key_faults(key: str, values: object) -> Iterator[tuple[str, str]]:
    """What pySigma must not be shown of one line: (text to find the line by, message)."""
    for modifier in key.split("|")[1:]:
        if modifier not in modifier_mapping:
            yield key, f"nieznany modyfikator „{modifier}” w „{key}”; popraw go lub usuń"
    if "windash" in key:
        for each in values if isinstance(values, list) else [values]:
            if len(_DASH.findall(str(each))) > MAX_DASHES:
                yield str(each), f"windash przy ponad {MAX_DASHES} kreskach w jednej wartości; skróć wartość"


def _other_faults(document: Document) -> list[tuple[int, str]]:
    """The faults of the lines that are sound as far as `_shape_faults` can tell."""
    if not isinstance(document.value, dict) or not isinstance(document.value.get("detection"), dict):
        return []
    return _item_faults(document)


def _lines(part: object) -> Iterator[tuple[Any, Any]]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            yield key, value
            yield from _lines(value)
    elif isinstance(part, list):
        for element in part:
            yield from _lines(element)


def _line(document: Document, needle: str, fallback: str = "detection") -> int:
    return (document.line_with(needle) if needle else None) or document.line_of(fallback)


def _rule(file: str, document: Document, fallback_id: str) -> Rule:
    raw = document.value
    sigma = SigmaRule.from_dict(raw, collect_errors=True)
    if sigma.errors:
        found = [_sigma_fault(document, error) for error in sigma.errors]
        whole, items = document.line_of("detection"), _item_faults(document)
        raise _Faulty([fault for fault in found if not items or fault[0] != whole] + items)
    try:
        condition = rule_node(sigma.detection)
    except (Refused, sigma_errors.SigmaError) as error:
        raise _Faulty(_item_faults(document) or [_sigma_fault(document, error)]) from error
    return Rule(
        id=str(sigma.id or fallback_id),
        title=str(sigma.title),
        level=LEVELS.index(sigma.level.name.lower()) if sigma.level else LEVELS.index("medium"),
        status=sigma.status.name.lower() if sigma.status else "",
        tags=tuple(str(tag) for tag in sigma.tags),
        logsource=Logsource(sigma.logsource.product, sigma.logsource.category, sigma.logsource.service),
        source_file=file,
        line=document.line,
        condition=condition,
        description=sigma.description or "",
        author=sigma.author or "",
        references=tuple(map(str, sigma.references)),
        falsepositives=tuple(map(str, sigma.falsepositives)),
        custom={str(key): value for key, value in raw.items() if key not in _STANDARD},
        name=str(sigma.name or ""),
    )


def _sigma_fault(document: Document, error: Exception) -> tuple[int, str]:
    if isinstance(error, Refused):
        if error.needle == "condition":
            return document.line_of("detection", "condition"), error.message
        return _line(document, error.needle), error.message
    if isinstance(error, sigma_errors.SigmaConditionError):
        return document.line_of("detection", "condition"), f"warunek (condition) jest błędny: {error}; popraw go"
    key = next((key for kind, key in _KEY_OF_ERROR.items() if isinstance(error, kind)), "detection")
    return document.line_of(key), f"błąd w „{key}”: {error}; popraw tę część reguły"


def _item_faults(document: Document) -> list[tuple[int, str]]:
    """Go through the detection line by line, to name the line of each fault that pySigma names none for."""
    faults = []
    for key, values in _lines({k: v for k, v in document.value["detection"].items() if k != "condition"}):
        if isinstance(values, dict) or (isinstance(values, list) and any(isinstance(v, dict) for v in values)):
            continue
        if not isinstance(key, str) or any(_key_faults(key, values)):
            continue
        try:
            # A search identifier with plain values is a list of keywords.
            keyword = key in document.value["detection"]
            item_node(SigmaDetectionItem.from_mapping(None if keyword else key, values))
        except Refused as error:
            faults.append((_line(document, error.needle or key), f"{error.message} (w „{key}”)"))
        except (sigma_errors.SigmaError, TypeError, AttributeError, ValueError) as error:
            faults.append((_line(document, key), f"błędna wartość w „{key}”: {error}; popraw ją"))
    return faults
