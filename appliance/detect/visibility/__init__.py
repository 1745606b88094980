"""Never silently blind: what arrives, what each rule can see of it, and what ATT&CK that covers."""

from __future__ import annotations

from .coverage import TACTICS, Technique, coverage, layer
from .presence import Presence, Sighting
from .sight import Had, Judgement, Sight, State, judge, look, seen

__all__ = [
    "TACTICS",
    "Had",
    "Judgement",
    "Presence",
    "Sight",
    "Sighting",
    "State",
    "Technique",
    "coverage",
    "judge",
    "layer",
    "look",
    "seen",
]
