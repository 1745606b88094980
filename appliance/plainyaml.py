"""YAML as plain values, read by libyaml: PyYAML's own parser takes ten times as long."""

from __future__ import annotations

from typing import Any

import yaml


def load(text: str) -> Any:
    """Return what a document says, without any tag but the standard ones. Raises yaml.YAMLError."""
    return yaml.load(text, yaml.CSafeLoader)
