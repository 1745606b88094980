"""The office's own lists, which stand for placeholders (`%admins%`) in rules: read from files, filled into rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from rules import ROOT

from .model import Fault, Filter, Rule
from .modifiers import Lists
from .placeholders import Unfilled, expanded
from .yamldoc import YamlFault, read_documents

#: The folder of lists among an office's rules.
FOLDER = "lists"
#: Bytes of one list, and values in it.
MAX_BYTES = 1 << 20
MAX_VALUES = 10_000
_Document = TypeVar("_Document", Rule, Filter)


def read_lists(folder: Path) -> tuple[dict[str, tuple[str, ...]], list[Fault]]:
    """The lists of a folder by their names in lower case; a list that is faulty is not there.

    `NAME.txt` has one value a line (`#` starts a comment line), `NAME.yaml` a YAML list. Values are texts as in
    rules: `*` and `?` are wildcards.
    """
    found: dict[str, tuple[str, ...]] = {}
    faults: list[Fault] = []
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.suffix not in (".txt", ".yaml", ".yml"):
            continue
        name = file.stem.casefold()
        try:
            values = _read(file)
        except YamlFault as fault:
            faults.append(Fault(str(file), fault.line, fault.message))
            continue
        if name in found:
            faults.append(Fault(str(file), 1, f"lista „{name}” jest już w innym pliku; zostaw jeden z nich"))
            continue
        found[name] = values
    return found, faults


def _read(file: Path) -> tuple[str, ...]:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise YamlFault(1, f"lista ma ponad {MAX_BYTES} bajtów; podziel ją")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise YamlFault(1, f"nie można odczytać listy: {error.strerror}; sprawdź prawa do pliku") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise YamlFault(line, "tekst nie jest w kodowaniu UTF-8; zapisz plik w UTF-8") from error
    values = _lines(text) if file.suffix == ".txt" else _yaml(text)
    if len(values) > MAX_VALUES:
        raise YamlFault(1, f"lista ma ponad {MAX_VALUES} wartości; podziel ją")
    return values


def _lines(text: str) -> tuple[str, ...]:
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _yaml(text: str) -> tuple[str, ...]:
    documents = read_documents(text)
    if not documents:
        return ()
    value = documents[0].value
    if not isinstance(value, list) or not all(isinstance(each, str | int) for each in value):
        raise YamlFault(documents[0].line, "to nie jest lista wartości; zapisz każdą w osobnym wierszu po „- ”")
    return tuple(map(str, value))


@cache
def shipped_lists() -> Lists:
    """The lists that ship, which those of an office replace one by one. Raises ValueError when one is faulty."""
    found, faults = read_lists(ROOT / FOLDER)
    if faults:
        raise ValueError("\n".join(map(str, faults)))
    return MappingProxyType(found)


def filled(documents: Sequence[_Document], lists: Lists) -> tuple[list[_Document], list[Fault]]:
    """The rules or filters with their placeholders filled; one whose list is missing is a fault and left out.

    A list that ships stands in for one that the office does not have.
    """
    lists = {**shipped_lists(), **lists}
    kept: list[_Document] = []
    faults: list[Fault] = []
    for one in documents:
        if not one.placeholders:
            kept.append(one)
            continue
        try:
            kept.append(replace(one, condition=expanded(one.node, lists)))
        except Unfilled as unfilled:
            faults.append(Fault(one.source_file, unfilled.line, unfilled.message))
    return kept, faults
