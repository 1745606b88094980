"""Never silently blind: what arrives, what each rule can see of it, and what ATT&CK that covers."""

from __future__ import annotations

from .coverage import TACTICS, Technique, coverage, layer
from .presence import Presence, Sighting
from .sight import ARRIVING, Had, Judgement, Sight, State, judge, look, seen
from .together import judge_correlations

__all__ = [
    "ARRIVING",
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
    "judge_correlations",
    "layer",
    "look",
    "seen",
]
