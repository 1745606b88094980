"""The catalogue of texts: key → Polish and English, with plural forms where a text counts something.

An entry is `key: {pl: TEXT, en: TEXT}`, or, where it counts `{n}`, a list of forms a language: `{pl: [one, few,
many], en: [one, other]}` (CLDR). Both languages have the same placeholders. Loading checks all of this and names
every fault with its file and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from appliance.language.plural import choose, forms

LANGUAGES = ("pl", "en")
Texts = Mapping[str, tuple[str, ...]]
"""Language → its forms; one form where the text counts nothing."""


class CatalogueError(ValueError):
    """The catalogue has faults; the text lists each with file and line."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All texts by key."""

    entries: Mapping[str, Texts]

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def text(self, key: str, lang: str, *, count: int | None = None, **values: Any) -> str:
        """Return a text filled with values. `count`, or else `n`, chooses the plural form where there are forms.

        Raises KeyError for an unknown key or a missing value: both are programming errors.
        """
        variants = self.entries[key][lang]
        if len(variants) == 1:
            return variants[0].format_map(values)
        number = values.get("n") if count is None else count
        if not isinstance(number, int):
            raise KeyError(f"{key}: n")
        return choose(number, variants, lang).format_map(values)


def load(files: Iterable[Path]) -> Catalogue:
    """Read catalogue files.

    Raises CatalogueError naming every fault at once: unreadable YAML, a language missing, placeholders that
    differ, a wrong number of plural forms, a key that stands twice.
    """
    entries: dict[str, Texts] = {}
    faults: list[str] = []
    for path in files:
        for key, line, node in _entries(path, faults):
            found = [f"{path}:{line}: {key}: {fault}" for fault in _faults(node)]
            if key in entries:
                found.append(f"{path}:{line}: {key}: stands twice")
            faults.extend(found)
            if not found:
                entries[key] = {lang: _forms(node[lang]) for lang in LANGUAGES}
    if faults:
        raise CatalogueError("\n".join(faults))
    return Catalogue(entries)


def _entries(path: Path, faults: list[str]) -> Iterator[tuple[str, int, Mapping[str, object]]]:
    try:
        root = yaml.compose(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        faults.append(f"{path}: {error}")
        return
    if not isinstance(root, yaml.MappingNode):
        faults.append(f"{path}:1: not a mapping of keys to texts")
        return
    for key, value in root.value:
        yield str(key.value), key.start_mark.line + 1, _plain(value)


def _plain(node: yaml.Node) -> Mapping[str, object]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: _leaf(value) for key, value in node.value}


def _leaf(node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return [item.value for item in node.value]
    return node.value


def _faults(entry: Mapping[str, object]) -> Iterator[str]:
    missing = [lang for lang in LANGUAGES if not entry.get(lang)]
    if missing:
        yield f"missing: {', '.join(missing)}"
        return
    counted = {lang for lang in LANGUAGES if isinstance(entry[lang], list)}
    if counted and counted != set(LANGUAGES):
        yield "plural forms in one language only"
    for lang in counted:
        if len(_forms(entry[lang])) != forms(lang):
            yield f"{lang}: {forms(lang)} plural forms are needed"
    names = {lang: {name for form in _forms(entry[lang]) for name in _placeholders(form)} for lang in LANGUAGES}
    if names["pl"] != names["en"]:
        yield f"placeholders differ: {sorted(names['pl'] ^ names['en'])}"


def _forms(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}
