"""Records as sensors make them: the fields that hold commands, scripts and messages."""

from __future__ import annotations

import re

from agent.redact.arguments import redact_args
from agent.redact.markup import escaped, plain
from agent.redact.names import MARK, is_secret
from agent.redact.text import redact_text
from agent.wire.event import Record, Value

TEXTS = frozenset(
    {
        "message", "process.command_line", "process.parent.command_line", "process.title",
        "powershell.file.script_block_text", "registry.data.strings", "service.executable", "url.original",
        "winlog.event_data.CommandLine", "winlog.event_data.ParentCommandLine", "winlog.event_data.ScriptBlockText",
    }
)  # fmt: skip
"""Fields of text that may show secrets."""
ARGUMENTS = frozenset({"process.args", "process.parent.args"})
XML = "xml"
"""The field with a whole event of Windows."""
_DATA = re.compile(r"(<(?:Data|Message)\b(?:\s+Name=[\"']([^\"'<>]{0,100})[\"'])?[^<>]{0,200}>)([^<]+)(?=</)")
_NAME_OF = {"Details": "TargetObject", "NewValue": "ObjectValueName", "OldValue": "ObjectValueName"}
"""Data of the registry whose name stands in other data of the event (Sysmon 13, Security 4657)."""


def redact_record(record: Record) -> Record:
    """Return a record whose secrets are replaced; what shows none stays byte for byte, the record itself when all."""
    changed = {name: clean for name, value in record.items() if (clean := _value(name, value)) != value}
    return {**record, **changed} if changed else record


def _value(name: str, value: Value) -> Value:
    if name in ARGUMENTS and isinstance(value, (list, tuple)):
        return [*redact_args([str(one) for one in value])] if all(isinstance(one, str) for one in value) else value
    if not isinstance(value, str):
        return value
    if name == XML:
        return redact_xml(value)
    return redact_text(value) if name in TEXTS else value


def redact_xml(xml: str) -> str:
    """Return an event of Windows, as EvtRender writes it, with the secrets in its data replaced."""
    names = {found[2]: found[3] for found in _DATA.finditer(xml) if found[2] in _NAME_OF.values()}

    def clean(found: re.Match[str]) -> str:
        owner = names.get(_NAME_OF.get(found[2] or "", ""), "")
        if owner and is_secret(owner.rpartition("\\")[2]):
            return found[1] + MARK
        shown = plain(found[3])
        hidden = redact_text(shown)
        return found[0] if hidden == shown else found[1] + escaped(hidden)

    return _DATA.sub(clean, xml)
