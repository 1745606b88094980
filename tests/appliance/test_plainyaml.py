"""YAML as plain values: what PyYAML's own parser reads, and nothing that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from appliance import plainyaml
from appliance.home import CHECKOUT
from rules import ROOT

FILES = sorted([*(ROOT / "triage").glob("*.yaml"), *(ROOT / "pipelines").glob("*.yaml")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_our_data_says_the_same_to_both_parsers(file: Path) -> None:
    text = file.read_text("utf-8")
    assert plainyaml.load(text) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["!!python/name:os.system", "a: [", "a: 1\n--- \nb: 2"])
def test_what_is_not_one_plain_document_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        plainyaml.load(text)


def test_the_box_reads_no_yaml_by_the_slow_parser() -> None:
    own = re.compile(r"\byaml\.(safe_)?load(_all)?\(")
    readers = [file for file in (CHECKOUT / "appliance").rglob("*.py") if own.search(file.read_text("utf-8"))]
    assert readers == [CHECKOUT / "appliance" / "plainyaml.py"]
