"""Rules for commands that work without a box: from files, with the lists and the cache of the box when there is one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from appliance import clock
from appliance.detect import RuleSet, load_rules
from appliance.detect.filters import apply_filters
from appliance.detect.lists import read_lists
from appliance.detect.load import rule_files
from appliance.detect.moments import OFFICE
from appliance.detect.selftest import CORRELATIONS, SIGMA
from appliance.home import Home, default_home

if TYPE_CHECKING:
    from appliance.rulesets import ActiveRules
    from appliance.settings import Settings


def cache_folder() -> Path:
    """Where compiled rules are kept between runs: the box's folder when there is one, else the user's cache."""
    home = Home(default_home())
    if home.cache.is_dir() and os.access(home.cache, os.W_OK):
        return home.cache
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "czujka"


def box() -> Home | None:
    """The state folder that commands without a box of their own look at, when there is one that may be read."""
    home = Home(default_home())
    return home if os.access(home.rules, os.R_OK | os.X_OK) else None


def of_box(home: Home, *, exceptions: bool) -> ActiveRules:
    """The rules that the box of a home runs, in force and not; with `exceptions` these count as well.

    Leaves with USAGE when the box's settings cannot be read.
    """
    # The state's tables take longer to import than named rules take to load.
    from appliance.rulesets.offline import offline_rules  # noqa: PLC0415 - slower to import than named rules are to load

    return offline_rules(home, _settings(home), clock.now(), exceptions=exceptions)


def _there(home: Home | None) -> list[Path]:
    """Where rules lie that others may refer to: those that ship and, with a box, all that it reads."""
    if home is None:
        return [SIGMA, CORRELATIONS]
    from appliance.rulesets import content, shelf  # noqa: PLC0415 - slower to import than named rules are to load

    try:
        installed = content.installed(shelf.Shelf(home.rulesets))
    except shelf.ShelfDamaged:
        installed = []
    return content.paths(content.origins(home, _settings(home), installed))


def load(paths: Iterable[Path]) -> RuleSet:
    """The rules under `paths`, with the office's lists and time zone when there is a box.

    Faulty lists are among the faults. Leaves with USAGE when the box's settings cannot be read.
    """
    home = Home(default_home())
    lists, faults = read_lists(home.lists)
    ruleset = load_rules(paths, cache_folder(), lists=lists, zone=_zone(home))
    return replace(ruleset, faults=sorted(faults + ruleset.faults))


def load_among(paths: Sequence[Path]) -> tuple[RuleSet, RuleSet]:
    """The rules, correlations and filters under `paths`, and these among all that they may refer to.

    What they refer to ships, or is the box's when there is one. Only faults of `paths` and of the office's lists are
    told. Leaves with USAGE when the box's settings cannot be read.
    """
    home = Home(default_home())
    lists, list_faults = read_lists(home.lists)
    alone = load_rules(paths, cache_folder(), lists=lists, zone=_zone(home), filtered=False)
    every = load_rules([*paths, *_there(box())], cache_folder(), lists=lists, zone=_zone(home), filtered=False)
    mine = {str(file) for file in rule_files(paths)}
    filters = [one for one in every.filters if one.source_file in mine]
    rules, lost = apply_filters(every.rules, filters)
    faults = sorted([*list_faults, *(fault for fault in (*every.faults, *lost) if fault.file in mine)])
    own = replace(
        alone,
        rules=[one for one in rules if one.source_file in mine],
        faults=faults,
        filters=filters,
        correlations=[one for one in every.correlations if one.source_file in mine],
    )
    return own, replace(every, rules=rules, faults=faults, filters=filters)


def is_empty(ruleset: RuleSet) -> bool:
    """Whether there is nothing of Sigma in it: no rule, correlation or filter. It is then told."""
    empty = not (ruleset.rules or ruleset.correlations or ruleset.filters)
    if empty:
        typer.echo("Nie ma tu ani jednej reguły, korelacji ani filtra.", err=True)
    return empty


def _zone(home: Home) -> str:
    if not home.config.is_file() and not any(name.startswith("CZUJKA_RULES") for name in os.environ):
        return OFFICE
    return _settings(home).rules.time_zone


def _settings(home: Home) -> Settings:
    # Settings take longer to import than cached rules take to load.
    from appliance.cli.client import fail  # noqa: PLC0415 - only where an office is
    from appliance.cli.exits import Exit  # noqa: PLC0415 - only where an office is
    from appliance.settings import SettingsError, load_settings  # noqa: PLC0415 - only where an office is

    try:
        return load_settings(home)
    except SettingsError as error:
        fail(error, Exit.USAGE)
