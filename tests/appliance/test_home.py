"""The state folder and its lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.home import Home, HomeBusy, default_home


def test_two_boxes_cannot_share_a_home(home: Home) -> None:
    with home.lock(), pytest.raises(HomeBusy):
        home.lock()
    with home.lock():
        pass


def test_only_the_owner_may_look_inside(home: Home) -> None:
    for folder in (home.root, home.pki, home.store):
        assert folder.stat().st_mode & 0o077 == 0


def test_the_environment_names_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CZUJKA_HOME", str(tmp_path))
    assert default_home() == tmp_path


def test_a_checkout_keeps_its_state_beside_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CZUJKA_HOME", raising=False)
    assert default_home().name == "var"
