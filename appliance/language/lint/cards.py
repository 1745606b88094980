"""L18 and L19: the shape of a triage card and the steps that would do harm."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from appliance.language.lint.model import Entry, Finding, Kind
from appliance.language.lint.names import VERBS

LIMITS = {
    "tytul": 45,
    "co_sie_stalo": 210,
    "jak_powazne": 160,
    "zrob_teraz": 160,
    "do_kogo": 200,
    "czego_nie_robic": 220,
    "kiedy_falszywy_alarm": 200,
}
LEVELS = {
    "informacyjny": "Informational",
    "niski": "Low",
    "średni": "Medium",
    "wysoki": "High",
    "krytyczny": "Critical",
}
VARIES = "zmienny"
_STARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "do_kogo": {"pl": ("Zadzwoń",), "en": ("Phone", "Call")},
    "kiedy_falszywy_alarm": {"pl": ("Gdy",), "en": ("When",)},
}
_HARM = re.compile(
    r"(?i)wyłącz (stację|komputer|zasilanie|serwer)|zrestartuj|uruchom ponownie|\busuń|zaloguj się na|zablokuj konto"
)
_KEEP_ON = re.compile(r"Nie (wyłączaj|restartuj)")


def entries(name: str, card: Mapping[str, Any], allowed: frozenset[str], source: str = "") -> list[Entry]:
    """Return a card's texts as entries; a missing language or field is left to `lint_shape`.

    `source` is the text of the file, from which the findings take their line.
    """
    lines = {line.split(":")[0]: number for number, line in enumerate(source.splitlines(), 1)}
    result = []
    for field in LIMITS:
        both = card.get(field)
        where = f"{name}:{lines.get(field, 1)}"
        kind = Kind.HEADING if field == "tytul" else Kind.CARD
        pairs = zip(_texts(both, "pl"), _texts(both, "en"), strict=False)
        result += [Entry(field, (pl,), (en,), kind, allowed=allowed, where=where) for pl, en in pairs]
    return result


def _texts(both: Any, lang: str) -> list[str]:
    value = both.get(lang) if isinstance(both, Mapping) else None
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, Sequence) else []


def lint_shape(name: str, card: Mapping[str, Any], lengths: Mapping[str, int], blocks: frozenset[str]) -> list[Finding]:
    """Return what L18 and L19 find in a whole card; `lengths` are the placeholders' typical lengths."""
    faults = [("L18", text) for text in _shape(card, lengths) + _meta(card, blocks)]
    faults += [("L19", text) for text in _harm(card)]
    return [Finding(rule, text, name) for rule, text in faults]


def _shape(card: Mapping[str, Any], lengths: Mapping[str, int]) -> list[str]:
    faults = []
    for field, limit in LIMITS.items():
        wanted = 3 if field == "zrob_teraz" else 1
        for lang in ("pl", "en"):
            texts = _texts(card.get(field), lang)
            if len(texts) != wanted:
                faults.append(f"{field}.{lang}: {len(texts)} zamiast {wanted}")
            faults += [f"{field}.{lang}: ponad {limit}: {t}" for t in texts if _length(t, lengths) > limit]
            starts = _STARTS.get(field, {}).get(lang)
            faults += [f"{field}.{lang} zaczyna się od: {t}" for t in texts if starts and not t.startswith(starts)]
    unknown = sorted(set(card) - set(LIMITS) - {"meta"})
    return faults + [f"nieznane pole: {field}" for field in unknown] + _steps(card)


def _length(text: str, lengths: Mapping[str, int]) -> int:
    return len(re.sub(r"\{([a-z_]+)\}", lambda match: "x" * lengths.get(match.group(1), 20), text))


def _steps(card: Mapping[str, Any]) -> list[str]:
    texts = _texts(card.get("zrob_teraz"), "pl")
    return [f"krok bez czasownika: {text}" for text in texts if not _acts(text)]


def _acts(step: str) -> bool:
    """Return whether a step begins with a verb of the list (after „Z innej stacji” at most) or with a question."""
    first = re.match(r"(?:Z (?:innej|pewnej|innej, pewnej) stacji )?(\w+)", step)
    return "?" in step.partition(".")[0] or (first is not None and first.group(1).capitalize() in VERBS)


def _meta(card: Mapping[str, Any], blocks: frozenset[str]) -> list[str]:
    meta = card.get("meta", {})
    level = meta.get("poziom")
    if level == VARIES:
        first = {"pl": "{poziom}.", "en": "{poziom}."}
    elif level in LEVELS:
        first = {"pl": f"{level.capitalize()}.", "en": f"{LEVELS[level]}."}
    else:
        return [f"meta.poziom: {level}"]
    wrong = [t for lang, word in first.items() for t in _texts(card.get("jak_powazne"), lang) if not t.startswith(word)]
    unknown = sorted(set(meta.get("bloki", ())) - blocks)
    return [f"jak_powazne bez poziomu na początku: {t}" for t in wrong] + [f"nie ma bloku: {name}" for name in unknown]


def _harm(card: Mapping[str, Any]) -> list[str]:
    steps = _texts(card.get("zrob_teraz"), "pl")
    faults = [f"szkodliwy krok: {match.group()}" for step in steps if (match := _HARM.search(step))]
    forbidden = " ".join(_texts(card.get("czego_nie_robic"), "pl"))
    if any("Odłącz" in step for step in steps) and not _KEEP_ON.search(forbidden):
        faults.append("krok „Odłącz” bez zakazu „Nie wyłączaj” lub „Nie restartuj”")
    return faults
