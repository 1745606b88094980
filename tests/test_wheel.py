"""The wheel carries the code and every data file that the code reads."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from appliance.detect.load import rule_files
from appliance.detect.selftest import CORRELATIONS, EVENTS, SIGMA, events_folder
from appliance.home import CHECKOUT

DATA = [
    "rules/triage/index.yaml",
    "rules/schema/fields.yaml",
    "rules/schema/sources.yaml",
    "rules/pipelines/logsources.yaml",
    "rules/sigma/linux/process_creation/proc_creation_linux_base64_pipe_shell.yml",
    "dashboards/pulpit.yml",
    "appliance/report/document.typ",
    "appliance/report/fonts/IBMPlexSans-Regular.ttf",
    "appliance/web/templates/layout.html",
    "appliance/web/static/vendor/htmx/htmx.min.js",
    "appliance/web/catalogue/problems.yml",
    "appliance/ops/catalogue/coverage.yml",
    "appliance/search/aliases.yml",
    "collector/analysers/data/signs.txt",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    (found,) = folder.glob("czujka-*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_events_of_every_shipped_rule_are_in_the_wheel(names: set[str]) -> None:
    files = [file for folder in (SIGMA, CORRELATIONS) for file in rule_files([folder])]
    events = {f"rules/events/{events_folder(file).relative_to(EVENTS).as_posix()}/match.ndjson" for file in files}
    assert len(events) > 500
    assert events <= names


def test_an_installed_box_tries_the_shipped_rules(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    wanted = [
        "rules/sigma/linux/process_creation/proc_creation_linux_base64_pipe_shell.yml",
        "rules/correlation/windows_password_guessing.yml",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "rules", "test", *wanted],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "CZUJKA_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "zgodne: 2" in done.stderr


@pytest.mark.parametrize("name", DATA)
def test_a_data_file_is_in_the_wheel(names: set[str], name: str) -> None:
    assert name in names


def test_only_our_packages_are_in_the_wheel(names: set[str]) -> None:
    top = {Path(name).parts[0] for name in names}
    ours = {"agent", "collector", "appliance", "rules", "dashboards", "sigma"}
    assert {part for part in top if not part.endswith(".dist-info")} == ours
    # The rest of this namespace package is pySigma's.
    assert {name for name in names if name.startswith("sigma/")} == {"sigma/pipelines/czujka/__init__.py"}


def test_every_module_is_in_the_wheel(names: set[str]) -> None:
    modules = {
        str(path.relative_to(CHECKOUT))
        for package in ("agent", "collector", "appliance", "rules", "dashboards")
        for path in (CHECKOUT / package).rglob("*.py")
    }
    assert modules <= names
