"""The catalogue of every text the console shows: loaded strictly, asked by key, filled with escaped values.

A file maps keys to `{pl: …, en: …}`; an entry with a count holds a list of forms (three Polish, two English) and is
chosen by the value `n`. Sources keep ordinary spaces; the non-breaking ones are put in when the catalogue is loaded.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from markupsafe import Markup, escape

from appliance.language import plural
from appliance.language.numbers import number
from appliance.language.typography import bind_spaces

LANGUAGES = ("pl", "en")
FOLDER = Path(__file__).parent / "catalogue"
_KEY = re.compile(r"[a-z][a-z0-9_.-]*\Z")
_KEEP = frozenset("\n\t")


class CatalogueError(ValueError):
    """The catalogue cannot be used; the text names every fault with its file and line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One text in its languages; more than one form a language means that it is chosen by the value `n`."""

    forms: Mapping[str, tuple[str, ...]]


class Catalogue:
    """All texts by key."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)

    @property
    def keys(self) -> frozenset[str]:
        """Every key."""
        return frozenset(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def raw(self, key: str, lang: str) -> tuple[str, ...]:
        """Return the forms of a text in a language, unfilled."""
        return self._entries[key].forms[lang]

    def text(self, key: str, lang: str, **values: object) -> str:
        """Return a text, filled. Raises KeyError for an unknown key or a missing value."""
        return self._chosen(key, lang, values).format_map(_shown(values, lang))

    def markup(self, key: str, lang: str, **values: object) -> Markup:
        """Return a text for HTML: everything that fills it is escaped and its invisible signs are made visible."""
        shown = {name: _safe(value, lang) for name, value in values.items()}
        return Markup(escape(self._chosen(key, lang, values)).format_map(shown))  # noqa: S704 - both parts are escaped

    def _chosen(self, key: str, lang: str, values: Mapping[str, object]) -> str:
        forms = self._entries[key].forms[lang]
        if len(forms) == 1:
            return forms[0]
        count = values["n"]
        if not isinstance(count, int):
            raise TypeError(f"{key}: n must be a whole number, not {count!r}")
        return plural.choose(count, forms, lang)


def _shown(values: Mapping[str, object], lang: str) -> dict[str, str]:
    return {name: _plain(value, lang) for name, value in values.items()}


def _plain(value: object, lang: str) -> str:
    return number(value, lang) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _safe(value: object, lang: str) -> Markup:
    if isinstance(value, Markup):
        return value
    return visible(_plain(value, lang))


def visible(text: str) -> Markup:
    """Return untrusted text for HTML: escaped, with control, bidirectional and other invisible signs spelled out."""
    if all(sign.isprintable() for sign in text):
        return escape(text)
    return Markup("").join(escape(sign) if _is_seen(sign) else _named(sign) for sign in text)


def _is_seen(sign: str) -> bool:
    # U+00A0 and its kin are spaces that we write ourselves.
    return sign.isprintable() or sign in _KEEP or unicodedata.category(sign) == "Zs"


def _named(sign: str) -> Markup:
    return Markup('<span class="odd">[U+{:04X}]</span>').format(ord(sign))


def load(folder: Path = FOLDER) -> Catalogue:
    """Read every catalogue file of a folder. Raises CatalogueError with all faults at once."""
    faults: list[str] = []
    entries: dict[str, Entry] = {}
    for path in sorted(folder.glob("*.yml")):
        _read(path, entries, faults)
    if faults:
        raise CatalogueError("\n".join(faults))
    return Catalogue(entries)


def _read(path: Path, entries: dict[str, Entry], faults: list[str]) -> None:
    try:
        root = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        faults.append(f"{path.name}:{line}: {error.problem}")
        return
    if not isinstance(root, yaml.MappingNode):
        faults.append(f"{path.name}:1: not a mapping of keys")
        return
    for key_node, value_node in root.value:
        place = f"{path.name}:{key_node.start_mark.line + 1}: {key_node.value}"
        found, problems = _entry(key_node.value, value_node, entries)
        faults += [f"{place}: {problem}" for problem in problems]
        if found is not None:
            entries[key_node.value] = found


def _entry(key: str, node: yaml.Node, known: Mapping[str, Entry]) -> tuple[Entry | None, list[str]]:
    if not _KEY.match(key):
        return None, ["not a key"]
    if key in known:
        return None, ["stands twice"]
    if not isinstance(node, yaml.MappingNode):
        return None, ["must have pl and en"]
    forms = {str(name.value): _forms(value) for name, value in node.value}
    problems = _problems(forms)
    if problems:
        return None, problems
    return Entry({lang: tuple(bind_spaces(form, lang) for form in forms[lang]) for lang in LANGUAGES}), []


def _forms(node: yaml.Node) -> tuple[str, ...]:
    items: Iterable[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) else (node,)
    return tuple(str(item.value) if isinstance(item, yaml.ScalarNode) else "" for item in items)


def _problems(forms: Mapping[str, tuple[str, ...]]) -> list[str]:
    problems = [f"{lang} is missing" for lang in LANGUAGES if not any(forms.get(lang, ()))]
    problems += [f"{lang} is not a language of the product" for lang in forms if lang not in LANGUAGES]
    if problems:
        return problems
    counted = any(len(forms[lang]) > 1 for lang in LANGUAGES)
    for lang in LANGUAGES:
        wanted = plural.forms(lang) if counted else 1
        if len(forms[lang]) != wanted:
            problems.append(f"{lang}: {wanted} forms wanted, {len(forms[lang])} given")
    if any(not form.strip() for lang in LANGUAGES for form in forms[lang]):
        problems.append("a form is empty")
    try:
        different = {frozenset[str]().union(*map(placeholders, forms[lang])) for lang in LANGUAGES}
    except ValueError as error:
        return [*problems, f"unreadable placeholder: {error}"]
    if len(different) > 1:
        problems.append("pl and en have different placeholders")
    if counted and any("n" not in one for one in different):
        problems.append("an entry with forms needs {n}")
    return problems


def placeholders(form: str) -> frozenset[str]:
    """Return the names of a text's placeholders. Raises ValueError where one has no name or a brace is alone."""
    names = [name for _, name, _, _ in string.Formatter().parse(form) if name is not None]
    if any(not name.isidentifier() for name in names):
        raise ValueError(form)
    return frozenset(names)
