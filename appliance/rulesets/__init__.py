"""The rules that an office has: releases taken from files, the office's own, the policy over both, exceptions.

`active_rules` answers which rules are in force; the pipeline, the console and the command line all ask it.
"""

from __future__ import annotations

from .content import ActiveRules, Listed, Off, Origin, Why, active_rules, listed

__all__ = ["ActiveRules", "Listed", "Off", "Origin", "Why", "active_rules", "listed"]
