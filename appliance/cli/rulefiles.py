"""Rules for commands that work without a box: from files, with the lists and the cache of the box when there is one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from appliance.detect import RuleSet, load_rules
from appliance.detect.lists import read_lists
from appliance.detect.moments import OFFICE
from appliance.home import Home, default_home
from rules import ROOT


def cache_folder() -> Path:
    """Where compiled rules are kept between runs: the box's folder when there is one, else the user's cache."""
    home = Home(default_home())
    if home.cache.is_dir() and os.access(home.cache, os.W_OK):
        return home.cache
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "czujka"


def places() -> list[Path]:
    """Where rules are looked for when none are named: those that ship, and the office's own when there is a box."""
    home = Home(default_home())
    return [ROOT / "sigma", *([home.rules] if home.rules.is_dir() else [])]


def load(paths: Iterable[Path]) -> RuleSet:
    """The rules under `paths`, with the office's lists and time zone when there is a box.

    Faulty lists are among the faults. Leaves with USAGE when the box's settings cannot be read.
    """
    home = Home(default_home())
    lists, faults = read_lists(home.lists)
    ruleset = load_rules(paths, cache_folder(), lists=lists, zone=_zone(home))
    return replace(ruleset, faults=sorted(faults + ruleset.faults))


def _zone(home: Home) -> str:
    if not home.config.is_file() and not any(name.startswith("CZUJKA_RULES") for name in os.environ):
        return OFFICE
    # Settings take longer to import than cached rules take to load.
    from appliance.cli.client import fail  # noqa: PLC0415 - only where an office is
    from appliance.cli.exits import Exit  # noqa: PLC0415 - only where an office is
    from appliance.settings import SettingsError, load_settings  # noqa: PLC0415 - only where an office is

    try:
        return load_settings(home).rules.time_zone
    except SettingsError as error:
        fail(error, Exit.USAGE)
