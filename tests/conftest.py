"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.home import CHECKOUT, Home


def corpora_root() -> Path:
    """Return where the public corpora lie: `CZUJKA_CORPORA`, else beside the checkout."""
    return Path(os.environ.get("CZUJKA_CORPORA", CHECKOUT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The public corpora of docs/corpora.md; the suite leaves this group out where they are missing."""
    return corpora_root()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty state folder."""
    made = Home(tmp_path / "home")
    made.create()
    return made
