"""Entries out of YAML text: catalogues of the panel and files of templates, with the line of each key."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from appliance.language.lint.model import Entry, Kind

_PARTS = re.compile(r"[._\-/]")
_BY_PART = {
    "button": Kind.BUTTON, "przycisk": Kind.BUTTON,
    "heading": Kind.HEADING, "title": Kind.HEADING, "tytul": Kind.HEADING,
    "message": Kind.MESSAGE, "blad": Kind.MESSAGE, "pusto": Kind.MESSAGE,
    "kierownik": Kind.LETTER, "raport": Kind.LETTER, "report": Kind.LETTER,
    "email": Kind.NOTICE, "push": Kind.NOTICE,
    "prawo": Kind.LEGAL, "blok": Kind.LEGAL, "law": Kind.LEGAL,
}  # fmt: skip


def kind_of(key: str, text: str) -> Kind:
    """Return the kind that the last telling word of a key names, else a sentence or a label by the text's end."""
    if "sms_gsm7" in key:
        return Kind.SMS_GSM7
    if "sms_ucs2" in key:
        return Kind.SMS_UCS2
    named = [_BY_PART[part] for part in _PARTS.split(key) if part in _BY_PART]
    if named:
        return named[-1]
    return Kind.MESSAGE if re.search(r"[.?…]$", text.strip()) else Kind.LABEL


def read(text: str, file: str) -> list[Entry]:
    """Return the entries of a catalogue: `key: {pl: …, en: …}`, forms as lists, groups of keys nested.

    ValueError, with file and line, for a value that is neither an entry nor a group.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return [] if root is None else list(_walk(root, "", file))


def _walk(node: yaml.Node, prefix: str, file: str) -> Iterator[Entry]:
    where = f"{file}:{node.start_mark.line + 1}"
    if not isinstance(node, yaml.MappingNode):
        raise ValueError(  # noqa: TRY004 - the file is wrong, not the caller
            f"{where}: {prefix or '(root)'} is neither an entry (pl, en) nor a group of entries"
        )
    children = {str(key.value): value for key, value in node.value}
    if "pl" not in children and "en" not in children:
        for name, child in children.items():
            yield from _walk(child, f"{prefix}.{name}" if prefix else name, file)
        return
    missing = {"pl", "en"} - set(children)
    if missing:
        raise ValueError(f"{where}: {prefix} has no {', '.join(sorted(missing))}")
    yield _entry(prefix, children["pl"], children["en"], where)


def _entry(key: str, pl: yaml.Node, en: yaml.Node, where: str) -> Entry:
    plural = isinstance(pl, yaml.SequenceNode) or isinstance(en, yaml.SequenceNode)
    forms = _forms(pl)
    return Entry(key, forms, _forms(en), kind_of(key, forms[0] if forms else ""), plural=plural, where=where)


def _forms(node: yaml.Node) -> tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        return tuple(str(child.value) for child in node.value)
    return (str(node.value),)
