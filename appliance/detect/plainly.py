"""What libyaml, RE2 and pySigma say of a mistake, in Polish and with what to do about it. Texts in, texts out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from sigma.rule.attributes import SigmaStatus

from .model import LEVELS

#: Characters of somebody's value that are repeated.
_SHOWN = 60
_OPEN = "nie jest zamknięty; zamknij go"
#: A part of what libyaml says to ours; the first that fits counts.
_YAML: Mapping[str, str] = MappingProxyType(
    {
        "unexpected end of stream": f"cudzysłów {_OPEN}",
        "unknown escape character": "w cudzysłowie \"…\" znak \\ zaczyna sekwencję; ujmij wartość w pojedynczy '…'",
        "alphabetic or numeric character": "wartość nie może zaczynać się od * ani & bez cudzysłowu; ujmij ją w '…'",
        "undefined alias": "wartość nie może zaczynać się od * ani & bez cudzysłowu; ujmij ją w '…'",
        "could not find expected ':'": "brakuje dwukropka i zwykłej spacji po nazwie klucza; dopisz je",
        "mapping values are not allowed": "dwukropek w wartości bez cudzysłowu albo złe wcięcie; popraw zapis",
        "',' or ']'": f"nawias [ {_OPEN}",
        "',' or '}'": "nawias { " + _OPEN,
        "block sequence entries": "pozycja listy (-) musi zaczynać nowy wiersz; przenieś ją",
        "expected '-' indicator": "po pozycjach listy stoi klucz w tej samej kolumnie; popraw wcięcia",
        "expected node content": "brakuje wartości; dopisz ją albo ujmij tekst w cudzysłów",
        "did not find expected key": "klucze jednej mapy nie stoją w jednej kolumnie albo tekst wyszedł z cudzysłowu; "
        "popraw zapis",
        "<document start>": "ten wiersz ma mniejsze wcięcie niż pierwszy; wyrównaj wcięcia",
    }
)
_TAB = "tabulator nie może wcinać; zamień tabulatory na spacje"
_SIGN = "wartość nie może zaczynać się od tego znaku bez cudzysłowu; ujmij ją w '…'"
#: How RE2's reasons begin, and ours with a place for what they are about.
_REGEX: Mapping[str, str] = MappingProxyType(
    {
        "invalid perl operator": "nie ma konstrukcji „{}”; zapisz warunek inaczej, np. drugą częścią z not",
        "no argument for repetition operator": "„{}” nie ma przed sobą niczego, co mogłoby powtórzyć; "
        "dowolny tekst to .*",
        "bad repetition operator": "„{}” to dwa powtórzenia naraz; zostaw jedno",
        "invalid repetition size": "liczba powtórzeń „{}” jest błędna albo za duża; największa to 1000",
        "invalid escape sequence": "„{}” nic nie znaczy; znak \\ zapisz jako \\\\",
        "invalid character class range": "zakres znaków „{}” jest błędny; popraw go",
        "trailing \\": "znak \\ stoi na końcu; zapisz go jako \\\\",
        "missing )": f"nawias ( {_OPEN}, a zwykły znak zapisz jako \\(",
        "unexpected )": "nawias ) jest zbędny; usuń go, a zwykły znak zapisz jako \\)",
        "missing ]": f"nawias [ {_OPEN}, a zwykły znak zapisz jako \\[",
    }
)
_STATES = ", ".join(status.name.lower() for status in SigmaStatus)
_UUID = "nie jest UUID; wpisz np. 7c0f3e1e-5b1d-4c2a-9d5e-0f1a2b3c4d5e"
#: What a rule says of itself and may say wrongly: key to our words.
_SAID: Mapping[str, str] = MappingProxyType(
    {
        "status": f"stan „{{}}” nie istnieje; wpisz jeden z: {_STATES}",
        "level": f"poziom „{{}}” nie istnieje; wpisz jeden z: {', '.join(LEVELS)}",
        "date": "data „{}” jest nieczytelna; zapisz ją jak 2026-11-22",
        "modified": "data „{}” jest nieczytelna; zapisz ją jak 2026-11-22",
        "id": f"identyfikator „{{}}” {_UUID}",
    }
)
_SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "must be a string": "wartość musi być tekstem; ujmij ją w cudzysłów",
        "must be a list of strings": "wartość musi być listą tekstów; popraw zapis",
        "must be a list": "wartość musi być listą; poprzedź każdą pozycję kreską",
        "must have a title": "reguła nie ma tytułu; dopisz go",
    }
)


def of_yaml(problem: str, character: str) -> str:
    """What libyaml's complaint means; `character` is the one it stopped at, empty at the end."""
    if "cannot start any token" in problem:
        return _TAB if character == "\t" else _SIGN
    found = next((text for part, text in _YAML.items() if part in problem), None)
    return found or f"{problem}; popraw zapis"


def of_regex(reason: str) -> str:
    """What RE2's refusal means."""
    kind, _, about = reason.partition(": ")
    found = _REGEX.get(kind)
    return found.format(about[:_SHOWN]) if found else f"{reason[:_SHOWN]}; popraw wyrażenie"


def of_metadata(key: str, value: object, error: Exception) -> str:
    """What pySigma's complaint about the value of a rule's key means."""
    shape = next((text for part, text in _SHAPES.items() if part in str(error)), None)
    if shape:
        return shape
    if key in _SAID:
        return _SAID[key].format(str(value)[:_SHOWN])
    if key == "tags" and isinstance(value, list):
        bare = next((tag for tag in value if not re.search(r"\w\.\w", str(tag))), "")
        return f"znacznik „{str(bare)[:_SHOWN]}” nie ma przestrzeni nazw; zapisz go jak attack.t1059"
    return f"{error}; popraw tę część"


def instead(word: str, known: list[str]) -> str:
    """What to do about an unknown word: the known one that it looks like, if there is one."""
    meant = get_close_matches(word.strip().lower(), known, n=1, cutoff=0.75)
    return f"czy to {meant[0]}?" if meant else "popraw go lub usuń"
