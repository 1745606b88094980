"""House rules, each over a registry or the whole tree."""

from __future__ import annotations

import ast
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from appliance.cli import COMMANDS
from appliance.cli.exits import Exit
from appliance.home import CHECKOUT
from appliance.roles import ROLES
from appliance.settings import Settings

PACKAGES = ("agent", "collector", "appliance", "rules", "dashboards")
MAX_LINES = 400
TEXT = {".py", ".md", ".yml", ".yaml", ".toml", ".html", ".css", ".js", ".typ", ".sh", ""}


def _sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (CHECKOUT / folder).rglob("*.py"))


def _tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    return [CHECKOUT / name for name in done.stdout.splitlines()]


@pytest.mark.parametrize("path", _sources(*PACKAGES, "tests"), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_a_module_is_a_room_that_one_can_know(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{path}:1: a module says what it is"
    assert len(text.splitlines()) <= MAX_LINES, f"{path}: more than {MAX_LINES} lines"


def test_nothing_is_left_for_later() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in _sources(*PACKAGES, "tests")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if words.search(line)
    ]
    assert not found, "\n".join(found)


def _opt_outs(path: Path) -> Iterator[tuple[int, str]]:
    """The comments of a file that turn a rule of the linter off, with their lines."""
    if "noqa" in path.read_text("utf-8"):
        with path.open("rb") as stream:
            for token in tokenize.tokenize(stream.readline):
                if token.type == tokenize.COMMENT and "noqa" in token.string:
                    yield token.start[0], token.string


#: The rule by its code, then, after a dash, a bracket or a gap, the reason in words.
REASONED = re.compile(r"# noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*(?: - | \(|  (?:# )?)\w+.*")


def test_every_opt_out_gives_its_reason() -> None:
    found = [
        f"{path}:{number}: {comment}"
        for path in _sources(*PACKAGES, "sigma", "tests")
        for number, comment in _opt_outs(path)
        if not REASONED.fullmatch(comment)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("bare", ["# noqa", "# noqa: S608", "# noqa: S608, E501", "# ruff: noqa", "# noqa: S608 -"])
def test_an_opt_out_without_a_reason_is_seen(bare: str, tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text(f'TEXT = "# noqa"\nx = 1  {bare}\ny = 2  {bare.removesuffix(" -")} - constant\n')
    found = [number for number, comment in _opt_outs(file) if not REASONED.fullmatch(comment)]
    assert found == ([2] if "S608" in bare else [2, 3])


def test_no_path_of_one_machine_stands_in_the_project() -> None:
    places = re.compile(r"(?<![A-Za-z0-9_./])/(work|farm|home/[a-z]+|root)/")
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in _tracked()
        if path.suffix in TEXT and "vendor" not in path.parts and "rules" not in path.parts and path.is_file()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if places.search(line) and "/root/" not in line
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    documents = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
    assert any(f"./czujka {name}" in path.read_text("utf-8") for path in documents), name


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_is_documented(code: Exit) -> None:
    assert f"| {code.value} | `{code.name}` |" in (CHECKOUT / "docs" / "exit-codes.md").read_text("utf-8")


def _keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            keys += _keys(inner, f"{prefix}{name}.")
        else:
            keys.append(prefix + name)
    return keys


@pytest.mark.parametrize("key", _keys(Settings))
def test_every_setting_is_documented(key: str) -> None:
    text = (CHECKOUT / "docs" / "settings.md").read_text("utf-8")
    assert f"`{key}`" in text or f"`{key.rpartition('.')[2]}`" in text, key


@pytest.mark.parametrize("name", ROLES)
def test_every_role_stands_in_the_drawing(name: str) -> None:
    assert name in (CHECKOUT / "docs" / "architecture.md").read_text("utf-8")


def test_every_folder_of_the_box_is_a_room_of_the_architecture() -> None:
    text = (CHECKOUT / "docs" / "architecture.md").read_text("utf-8")
    folders = [path.name for path in sorted((CHECKOUT / "appliance").iterdir()) if (path / "__init__.py").exists()]
    missing = [name for name in folders if f"`appliance/{name}`" not in text]
    assert not missing


def test_the_base_install_is_the_agents_own() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[<>=\[ ]", item)[0] for item in project["dependencies"]}
    assert names == {"psutil", "cryptography"}


def test_scapy_is_imported_by_tests_and_by_a_process_of_its_own_alone() -> None:
    """Its licence (GPL-2.0-only) may hold for that process, and for nobody who would load it."""
    apart = re.escape("collector.rare.worker")
    guilty = [
        path
        for path in _sources("agent", "collector", "appliance")
        if re.search(rf"^\s*(from|import) (scapy|{apart})|from collector.rare import .*worker", path.read_text(), re.M)
    ]
    assert [path.relative_to(CHECKOUT).as_posix() for path in guilty] == ["collector/rare/worker.py"]


def test_no_group_has_a_possessive_quantifier() -> None:
    """Python before 3.11.5, which Debian 12 has, matches them wrongly (gh-106052); atomic groups say the same."""
    possessive = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in _sources("agent", "collector", "appliance")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if "(?" in line and possessive.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["run", "test"])
def test_every_locked_requirement_has_a_hash(name: str) -> None:
    text = (CHECKOUT / "requirements" / f"{name}.lock").read_text("utf-8")
    entries = [block for block in re.split(r"\n(?=\S)", text) if "==" in block]
    assert len(entries) > 50
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
