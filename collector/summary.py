"""What of a file was not read, in Polish, for whoever reads files at the command line."""

from __future__ import annotations

from collections import Counter

from collector.headers.unread import LLC
from collector.losses import losses_of
from collector.rare.dissector import Dissector
from collector.watch import Watch

MOST = 5
"""Kinds of frames that are named."""
_WORDS = {
    "unread": "pakiety z uszkodzonym nagłówkiem",
    "fragments": "pakiety bez wszystkich fragmentów",
    "flooded": "pakiety pominięte w zalewie prób połączeń",
    "neighbours": "pominięte pakiety ARP i ND",
    "rare": "pominięte ogłoszenia LLDP i CDP",
    "given_up": "połączenia bez odczytanej treści",
    "weird": "komunikaty wbrew zasadom protokołu",
    "faults": "błędy czujnika",
    "analysis": "błędy analizy",
}


def summary(watch: Watch, rare: Dissector) -> str:
    """Return what was not read, as the end of a sentence; empty when nothing was left out."""
    counts = losses_of(watch, None, rare)._replace(analysis=watch.analysis.faults)._asdict()
    parts = [f"pakiety ucięte lub scalone: {watch.cut}"] if watch.cut else []
    parts += [f"{words}: {count}" for name, words in _WORDS.items() if (count := counts[name])]
    if watch.unread.kinds:
        parts.append(f"ramki innych protokołów: {_kinds(watch.unread.kinds)}")
    return "; ".join(parts)


def _kinds(kinds: Counter[int]) -> str:
    named = [f"{'LLC' if kind == LLC else f'0x{kind:04x}'} ({count})" for kind, count in kinds.most_common(MOST)]
    rest = kinds.total() - sum(count for _, count in kinds.most_common(MOST))
    return ", ".join([*named, *([f"inne ({rest})"] if rest else [])])
