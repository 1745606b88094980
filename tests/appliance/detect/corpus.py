"""The public corpora as the tests use them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from appliance.detect import Event
from appliance.importer import records
from appliance.normalise import Source, Unreadable, normalise

FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
SOURCE = Source("00000000-0000-4000-8000-000000000000", 1_767_225_600_000_000, importer=True)


def rule_folders(corpora: Path) -> list[Path]:
    return [corpora / "sigmahq" / folder for folder in FOLDERS]


@lru_cache(maxsize=1)
def documents(corpora: Path) -> list[dict[str, Any]]:
    files = [file for folder in rule_folders(corpora) for file in sorted(folder.rglob("*.yml"))]
    return [
        document
        for file in files
        for document in yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    ]


def events_of(file: Path) -> Iterator[Event]:
    for line in records(file):
        try:
            yield normalise(line, SOURCE)
        except Unreadable:
            continue


@lru_cache(maxsize=1)
def sample_events(corpora: Path) -> list[tuple[Path, Event]]:
    folders = (corpora / "evtx-attack-samples", corpora / "sigmahq" / "regression_data")
    return [(file, event) for folder in folders for file in sorted(folder.rglob("*.evtx")) for event in events_of(file)]
