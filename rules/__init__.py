"""Content as data: Sigma rules, routes, schema, triage cards."""

from pathlib import Path

ROOT = Path(__file__).parent
