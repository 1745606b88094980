"""Wheels are taken only as this release knows them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from appliance.home import CHECKOUT
from appliance.packages import wheels
from appliance.packages.wheels import PackageError


def test_files_come_without_tests_and_paperwork_but_with_their_licence(
    wheelhouse: Path, wanted: dict[str, str]
) -> None:
    names = {entry.path for entry in wheels.files_of(wheelhouse, wanted)}
    assert {"psutil/__init__.py", "psutil-7.0.0.dist-info/LICENSE"} <= names
    assert not [name for name in names if "tests" in name or name.endswith("RECORD")]


def test_another_wheel_of_the_name_is_refused(wheelhouse: Path, wanted: dict[str, str]) -> None:
    (name,) = wanted
    path = wheelhouse / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(PackageError, match="inną sumę SHA-256"):
        wheels.files_of(wheelhouse, wanted)


def test_a_missing_wheel_is_named(tmp_path: Path, wanted: dict[str, str]) -> None:
    with pytest.raises(PackageError, match=next(iter(wanted))):
        wheels.files_of(tmp_path, wanted)


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a-1.whl").write_bytes(b"no zip")
    with pytest.raises(PackageError, match="uszkodzony"):
        wheels.files_of(tmp_path, {"a-1.whl": sha256(b"no zip").hexdigest()})


@pytest.mark.parametrize("target", ["linux-amd64", "windows-amd64", "collector-amd64"])
def test_the_release_knows_the_wheels_of_the_lock(target: str) -> None:
    locked = (CHECKOUT / "requirements" / "run.lock").read_text("utf-8")
    pinned = wheels.pins()[target]
    assert pinned
    for name, digest in pinned.items():
        project, version = name.split("-")[:2]
        assert f"\n{project}=={version} " in locked
        assert f"--hash=sha256:{digest}" in locked
