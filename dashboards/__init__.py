"""Dashboards as data; the console draws them."""

from pathlib import Path

ROOT = Path(__file__).parent
