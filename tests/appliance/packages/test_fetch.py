"""Wheels are fetched by real pip, here from a folder, once and only as the release knows them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from appliance.packages.archive import Entry, zipped
from appliance.packages.fetch import PLATFORMS, fetch
from appliance.packages.wheels import PackageError, files_of, pins

LINUX = "cjsmall-1.2-cp36-abi3-manylinux2010_x86_64.manylinux_2_12_x86_64.whl"
WINDOWS = "cjsmall-1.2-cp311-cp311-win_amd64.whl"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its index; no network is asked."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in (LINUX, WINDOWS):
        tags = f"Tag: {name.split('-', 2)[2].removesuffix('.whl')}\n"
        paper = {
            "METADATA": "Metadata-Version: 2.1\nName: cjsmall\nVersion: 1.2\n",
            "WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n{tags}",
            "RECORD": "",
        }
        files = [Entry(f"cjsmall-1.2.dist-info/{one}", text.encode()) for one, text in paper.items()]
        (folder / name).write_bytes(zipped([Entry("cjsmall/__init__.py", name.encode()), *files]))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return folder


def known(index: Path) -> dict[str, dict[str, str]]:
    digest = {name: sha256((index / name).read_bytes()).hexdigest() for name in (LINUX, WINDOWS)}
    return {"linux-amd64": {LINUX: digest[LINUX]}, "windows-amd64": {WINDOWS: digest[WINDOWS]}}


def test_each_target_gets_its_wheel_once(index: Path, tmp_path: Path) -> None:
    house, wanted = tmp_path / "new" / "house", known(index)
    assert fetch(house, wanted) == [LINUX, WINDOWS]
    assert sorted(path.name for path in house.iterdir()) == sorted([LINUX, WINDOWS])
    assert next(entry.data for entry in files_of(house, wanted["windows-amd64"])) == WINDOWS.encode()
    for name in (LINUX, WINDOWS):
        (index / name).unlink()
    assert fetch(house, wanted) == [], "what is there is not asked for again"


def test_another_wheel_of_the_name_is_not_taken(index: Path, tmp_path: Path) -> None:
    wanted = {"linux-amd64": {LINUX: "0" * 64}}
    with pytest.raises(PackageError, match="Nie można pobrać paczek wheel"):
        fetch(tmp_path / "house", wanted)
    assert list((tmp_path / "house").iterdir()) == []


def test_every_target_of_the_release_can_be_asked_for() -> None:
    assert set(pins()) == set(PLATFORMS)
