"""Correlations: many hits of rules, in one group and one timespan, that together mean something."""

from __future__ import annotations

from .model import Bounds, Correlation, Expression, Kind

__all__ = ["Bounds", "Correlation", "Expression", "Kind"]
