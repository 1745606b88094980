"""Rules for commands that work without a box: from files, with the lists and the cache of the box when there is one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from appliance.detect import RuleSet, load_rules
from appliance.detect.lists import read_lists
from appliance.home import Home, default_home


def cache_folder() -> Path:
    """Where compiled rules are kept between runs: the box's folder when there is one, else the user's cache."""
    home = Home(default_home())
    if home.cache.is_dir() and os.access(home.cache, os.W_OK):
        return home.cache
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "czujka"


def load(paths: Iterable[Path]) -> RuleSet:
    """The rules under `paths`, placeholders filled from the office's lists; faulty lists are among the faults."""
    lists, faults = read_lists(Home(default_home()).lists)
    ruleset = load_rules(paths, cache_folder(), lists=lists)
    return replace(ruleset, faults=sorted(faults + ruleset.faults))
