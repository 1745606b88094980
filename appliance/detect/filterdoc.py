"""Sigma filters read from their documents."""

from __future__ import annotations

from .convert import document_node, placeholders
from .metadata import Reading, metadata, shape_faults
from .model import Filter
from .nodes import FALSE, Node

_FIELDS = ("id", "title", "logsource", "line", "source_file", "description", "author", "references", "custom")


def read_filter(reading: Reading) -> Filter:
    """The filter of a document; of no use when the reading has faults then."""
    document, faults = reading.document, reading.faults
    faults.extend(shape_faults(document, "filtr", "filter", "logsource"))
    said = document.value.get("filter")
    condition: Node = FALSE
    rules: tuple[str, ...] | None = ()
    if isinstance(said, dict):
        condition = document_node(document, "filter", reading.lists, faults, also=("rules",))
        rules = _references(reading, said.get("rules"))
    values = metadata(reading)
    own = {name: values[name] for name in _FIELDS}
    return Filter(rules=rules, condition=condition, placeholders=placeholders(condition), **own)


def _references(reading: Reading, said: object) -> tuple[str, ...] | None:
    """Ids and names of rules; None is any rule."""
    if isinstance(said, str):
        return None if said.lower() == "any" else (said,)
    if isinstance(said, list) and said and all(isinstance(each, str) for each in said):
        return tuple(said)
    message = "filtr musi mieć „rules”: any albo listę identyfikatorów lub nazw reguł (tekstów); dodaj ją"
    reading.faults.append((reading.document.line_of("filter", "rules"), message))
    return ()
