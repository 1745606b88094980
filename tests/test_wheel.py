"""The wheel carries the code and every data file that the code reads."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = folder.glob("czujka-*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


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
