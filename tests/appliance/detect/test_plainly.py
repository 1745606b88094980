"""What a rule writer is told of mistakes that libyaml, RE2 and pySigma find: in Polish, placed, with what to do."""

from __future__ import annotations

import re

import pytest

from appliance.detect.parse import parse_file

RULE = """title: Reguła
id: 11111111-1111-4111-8111-111111111111
status: test
date: 2026-03-07
logsource: {product: windows, category: process_creation}
detection:
    selection:
        Image|endswith: '\\a.exe'
        CommandLine|contains: ' /x '
    condition: selection
level: high
"""
IMAGE = "Image|endswith: '\\a.exe'"
#: What is changed, into what, line, what is said in between.
BROKEN = [
    ("    selection", "  selection", 10, "kolumna 5: klucze jednej mapy nie stoją w jednej kolumnie"),
    ("    condition", "\tcondition", 10, "kolumna 1: tabulator nie może wcinać"),
    (IMAGE, "Image|endswith: '\\a.exe", 9, "kolumna 33: klucze jednej mapy nie stoją w jednej kolumnie"),
    ("level: high", "level: 'high", 11, "kolumna 8: cudzysłów nie jest zamknięty"),
    (IMAGE, 'Image: "C:\\Windows\\a.exe"', 8, "kolumna 19: w cudzysłowie \"…\" znak \\ zaczyna sekwencję"),
    (IMAGE, "Image: *\\a.exe", 8, "kolumna 17: wartość nie może zaczynać się od * ani & bez cudzysłowu"),
    (IMAGE, "Image: %x", 8, "kolumna 16: wartość nie może zaczynać się od tego znaku bez cudzysłowu"),
    ("    condition: ", "    condition ", 11, "brakuje dwukropka"),
    ("    condition: ", "    condition:\u00a0", 11, "brakuje dwukropka"),
    ("title: Reguła", "title: Reguła: druga", 1, "kolumna 14: dwukropek w wartości bez cudzysłowu albo złe wcięcie"),
    (IMAGE, "Image: [a, b", 9, "nawias [ nie jest zamknięty"),
    (IMAGE, "Image: {a: b", 9, "nawias { nie jest zamknięty"),
    ("level: high", "level: - high", 11, "pozycja listy"),
    (IMAGE, "Image: ]", 8, "brakuje wartości"),
    ("title: Reguła", "- title: Reguła", 2, "po pozycjach listy stoi klucz"),
    ("status: test", "status: testing", 3, "stan „testing” nie istnieje; wpisz jeden z: unsupported, deprecated,"),
    ("level: high", "level: hihg", 11, "poziom „hihg” nie istnieje; wpisz jeden z: informational, low, medium, high,"),
    ("date: 2026-03-07", "date: 7.03.2026", 4, "data „7.03.2026” jest nieczytelna; zapisz ją jak 2026-11-22"),
    ("date: 2026", "modified: 7\ndate: 2026", 4, "data „7” jest nieczytelna; zapisz ją jak 2026-11-22"),
    ("id: 11111111-1111-4111-8111-111111111111", "id: moja", 2, "identyfikator „moja” nie jest UUID"),
    ("status: test", "tags: [attack]", 3, "znacznik „attack” nie ma przestrzeni nazw; zapisz go jak attack.t1059"),
    (IMAGE, "Image|re: '*\\\\a'", 8, "„*” nie ma przed sobą niczego, co mogłoby powtórzyć; dowolny tekst to .*"),
    (IMAGE, "Image|re: '(?<!a)b'", 8, "nie ma konstrukcji „(?<!”; zapisz warunek inaczej, np. drugą częścią z not"),
    (IMAGE, "Image|re: '(a'", 8, "nawias ( nie jest zamknięty"),
    (IMAGE, "Image|re: 'a)'", 8, "nawias ) jest zbędny"),
    (IMAGE, "Image|re: '[a'", 8, "nawias [ nie jest zamknięty"),
    (IMAGE, "Image|re: 'C:\\Users'", 8, "„\\U” nic nie znaczy; znak \\ zapisz jako \\\\"),
    (IMAGE, "Image|re: '[z-a]'", 8, "zakres znaków „z-a” jest błędny"),
    (IMAGE, "Image|re: 'a{2000}'", 8, "liczba powtórzeń „{2000}” jest błędna albo za duża"),
    (IMAGE, "Image|re: 'a**'", 8, "„**” to dwa powtórzenia naraz"),
    (IMAGE, "Image|re: 'a\\'", 8, "znak \\ stoi na końcu"),
    ("|contains", "|contain", 9, "nieznany modyfikator „contain” w „CommandLine|contain”; czy to contains?"),
    ("|endswith", "|EndsWith", 8, "nieznany modyfikator „EndsWith” w „Image|EndsWith”; czy to endswith?"),
    ("|contains", "| contains", 9, "nieznany modyfikator „ contains” w „CommandLine| contains”; czy to contains?"),
    ("|contains", "|foobar", 9, "nieznany modyfikator „foobar” w „CommandLine|foobar”; popraw go lub usuń"),
    ("title: Reguła", "title: Reguła\nsigma-version: 3", 2, "dla Sigmy 3, a Czujka zna wersje do 2"),
    ("title: Reguła", "title: Reguła\nsigma-version: '3.0.1'", 2, "dla Sigmy 3.0.1"),
    ("title: Reguła", "title: Reguła\nsigma-version: [x]", 2, "sigma-version"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "said"), BROKEN, ids=[f"{n}-{row[3][:40]}" for n, row in enumerate(BROKEN)]
)
def test_a_mistake_is_told_in_polish_where_it_stands(old: str, new: str, line: int, said: str) -> None:
    assert old in RULE
    faults = parse_file("r.yml", RULE.replace(old, new).encode()).faults
    assert len(faults) == 1
    assert said in faults[0].message
    assert faults[0].line == line
    assert not re.search(r"\b(?:not|found|invalid|expected|missing|valid)\b", faults[0].message.replace("z not", ""))


@pytest.mark.parametrize("version", ["2", "2.1", "'2.1.0'", "1"])
def test_a_version_that_is_known_is_no_fault(version: str) -> None:
    assert parse_file("r.yml", f"sigma-version: {version}\n{RULE}".encode()).faults == []
