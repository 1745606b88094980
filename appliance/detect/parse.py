"""One rule file to rules, filters and located faults: all faults of the file at once, no input or output."""

from __future__ import annotations

import hashlib
import uuid

import structlog

from .convert import document_node, placeholders
from .filterdoc import read_filter
from .metadata import Reading, metadata, shape_faults
from .model import Fault, ParsedFile, Rule
from .modifiers import NO_LISTS, Lists
from .yamldoc import MAX_BYTES, Document, YamlFault, read_documents

log = structlog.get_logger()

_NOT_YET = ("correlation", "action")


def parse_file(file: str, content: bytes, lists: Lists | None = NO_LISTS) -> ParsedFile:
    """Read all documents of one file. Never raises for what the file says.

    With `lists` None, lines with placeholders wait for `lists.filled`; else they are filled, or faulty, at once.
    """
    parsed = ParsedFile()
    try:
        documents = _documents(content)
    except YamlFault as fault:
        parsed.faults.append(Fault(file, fault.line, fault.message))
        return parsed
    for number, document in enumerate(documents):
        reading = Reading(document, file, _identity(content, number), lists)
        try:
            _read(reading, parsed)
        except (Exception, RecursionError) as error:  # noqa: BLE001  one document must not stop the load
            log.warning("rule_not_read", file=file, line=document.line, error=repr(error))
            message = f"nie można odczytać reguły: {error}; porównaj jej budowę z docs/adding-a-rule.md"
            reading.faults.append((document.line, message))
        parsed.faults.extend(Fault(file, line, message) for line, message in sorted(set(reading.faults)))
    return parsed


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


def _read(reading: Reading, parsed: ParsedFile) -> None:
    document, faults = reading.document, reading.faults
    value = document.value
    if not isinstance(value, dict):
        faults.append((document.line, "to nie jest reguła; reguła ma klucze title, logsource i detection"))
        return
    for key in _NOT_YET:
        if key in value:
            message = f"dokumenty „{key}” nie są obsługiwane; przenieś je poza folder reguł"
            faults.append((document.line_of(key), message))
            return
    if "filter" in value:
        one = read_filter(reading)
        if not faults:
            parsed.filters.append(one)
        return
    rule = _rule(reading)
    if rule is not None and not faults:
        parsed.rules.append(rule)


def _rule(reading: Reading) -> Rule | None:
    document, faults = reading.document, reading.faults
    faults.extend(shape_faults(document, "reguła", "detection", "logsource"))
    if not isinstance(document.value.get("detection"), dict):
        return None
    condition = document_node(document, "detection", reading.lists, faults)
    return Rule(condition=condition, placeholders=placeholders(condition), **metadata(reading))
