"""Releases from zip files and folders: what is taken, and everything that is not, past each bound."""

from __future__ import annotations

import io
import os
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.detect.yamldoc import MAX_BYTES
from appliance.rulesets import release, zipped
from appliance.rulesets.release import Refused, read_release, rule_names
from tests.appliance.rulesets import kit


def refused(path: Path) -> list[str]:
    with pytest.raises(Refused) as caught:
        read_release(path)
    return [str(fault) for fault in caught.value.faults]


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = name
    info.external_attr = mode << 16
    return info


def test_a_zip_and_the_folder_that_it_was_made_of_are_one_release(tmp_path: Path) -> None:
    files = {
        "sigma-1/rules/a/one.yml": kit.rule_text(1),
        "sigma-1/rules-threat-hunting/two.yaml": kit.rule_text(2),
        "sigma-1/rules/deprecated/old.yml": kit.rule_text(3),
        "sigma-1/tests/thor.yml": "a: 1",
        "sigma-1/LICENSE": "Detection Rule License (DRL) 1.1",
    }
    folder = read_release(kit.write(tmp_path / "folder", files))
    packed = read_release(kit.zipped(tmp_path / "a.zip", files))
    assert folder == packed
    assert set(packed.files) == {"rules/a/one.yml", "rules-threat-hunting/two.yaml"}
    assert (packed.version, packed.left_aside) == ("2026-03-01", 3)
    assert "Detection Rule License" in packed.licence


def test_a_release_names_its_own_version(tmp_path: Path) -> None:
    files = {"version.txt": "release package: sigma_core\nversion: r2026-08-01", "rules/a.yml": kit.rule_text(1)}
    assert read_release(kit.zipped(tmp_path / "a.zip", files)).version == "2026-08-01"


def test_without_a_folder_of_rules_all_yaml_is_rules() -> None:
    assert rule_names(["a.yml", "b/c.yaml", "d.txt"]) == {"a.yml", "b/c.yaml"}
    assert rule_names(["rules-x/a.yml", "b/c.yaml", "rules.yml"]) == {"rules-x/a.yml"}


BAD_NAMES = [
    "../a.yml",
    "/etc/a.yml",
    "a/../../b.yml",
    "C:/a.yml",
    "a\\b.yml",
    "a\x1b.yml",
    "d/" * 21 + "a.yml",
    "n" * 301,
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leads_out_is_refused_and_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry(name), "x")
        archive.writestr("rules/good.yml", kit.rule_text(1))
    faults = refused(path)
    assert len(faults) == 1
    assert str(path) in faults[0]
    assert list(tmp_path.iterdir()) == [path]


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry("rules/link.yml", stat.S_IFLNK | 0o777), "/etc/passwd")
        archive.writestr(entry("rules/pipe.yml", stat.S_IFIFO), "")
        archive.writestr(entry("../up.yml"), "x")
        archive.writestr("rules/A.yml", kit.rule_text(1))
        archive.writestr("rules/a.yml", kit.rule_text(1))
    faults = refused(path)
    assert [
        name for name in ("link.yml", "pipe.yml", "up.yml", "a.yml:1: ta nazwa") if not any(name in f for f in faults)
    ] == []
    assert len(faults) == 4


def test_links_and_pipes_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    folder = kit.write(tmp_path / "f", {"rules/a.yml": kit.rule_text(1)})
    (folder / "rules" / "link.yml").symlink_to("/etc/passwd")
    (folder / "rules" / "away").symlink_to("/etc")
    os.mkfifo(folder / "rules" / "pipe.yml")
    assert [fault.split(":")[0].rsplit("/", 1)[1] for fault in refused(folder)] == ["away", "link.yml", "pipe.yml"]


def test_a_bomb_costs_no_more_than_a_rule_may_have(tmp_path: Path) -> None:
    path = kit.zipped(tmp_path / "a.zip", {"rules/bomb.yml": b"\0" * (200 << 20)})
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    faults = refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"ponad {MAX_BYTES}" in faults[0]
    assert peak < 16 << 20


def test_a_header_that_lies_about_the_size_changes_nothing(tmp_path: Path) -> None:
    path = kit.zipped(tmp_path / "a.zip", {"rules/bomb.yml": b"a: 1\n" * (4 << 20)})
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"PK\x01\x02")
    struct.pack_into("<I", raw, at + 24, 100)
    path.write_bytes(raw)
    assert refused(path)


def test_many_bombs_stop_at_the_bound_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "MAX_TOTAL", 3 * MAX_BYTES)
    bomb = b"\0" * (MAX_BYTES + 1)
    path = kit.zipped(tmp_path / "a.zip", {f"rules/{number}.yml": bomb for number in range(20)})
    faults = refused(path)
    assert len(faults) == 5
    assert any("podziel wydanie" in fault for fault in faults)


def test_a_hundred_thousand_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100_000):
            archive.writestr(zipfile.ZipInfo(f"r/{number}"), b"")
    assert "spis plików" in refused(path)[0]


def test_more_files_than_a_release_may_have_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"rules/{number}.yml": kit.rule_text(number) for number in range(12)}
    monkeypatch.setattr(release, "MAX_FILES", 10)
    assert "ponad 10 plików" in refused(kit.zipped(tmp_path / "a.zip", files))[0]
    assert "ponad 10 plików" in refused(kit.write(tmp_path / "a", files))[0]


def test_a_list_of_files_past_its_bound_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kit.zipped(tmp_path / "a.zip", {"rules/a.yml": kit.rule_text(1), "rules/b.yml": kit.rule_text(2)})
    monkeypatch.setattr(zipped, "MAX_DIRECTORY", 60)
    assert "spis plików" in refused(path)[0]


def test_an_archive_past_its_bound_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kit.zipped(tmp_path / "a.zip", {"rules/a.yml": kit.rule_text(1)})
    monkeypatch.setattr(zipped, "MAX_ARCHIVE", 10)
    assert "archiwum ma ponad" in refused(path)[0]


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert len(refused(path)) == 1


def test_a_locked_or_oddly_packed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("rules/a.yml", kit.rule_text(1))
    assert "sposób pakowania" in refused(path)[0]
    raw = bytearray(kit.zipped(path, {"rules/a.yml": kit.rule_text(1)}).read_bytes())
    struct.pack_into("<H", raw, raw.rfind(b"PK\x01\x02") + 8, 1)
    path.write_bytes(raw)
    assert "zaszyfrowany" in refused(path)[0]


def test_a_release_without_rules_is_no_release(tmp_path: Path) -> None:
    assert "nie ma tu żadnej reguły" in refused(kit.zipped(tmp_path / "a.zip", {"README.md": "x"}))[0]


def _archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rules/a.yml", kit.rule_text(1))
        archive.writestr("LICENSE", "DRL")
    return made.getvalue()


ARCHIVE = _archive()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, len(ARCHIVE) - 1), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 40),
)
def test_a_damaged_archive_is_read_or_refused(tmp_path: Path, changes: list[tuple[int, int]], cut: int) -> None:
    raw = bytearray(ARCHIVE)
    for at, value in changes:
        raw[at] = value
    path = tmp_path / "a.zip"
    path.write_bytes(raw[: len(raw) - cut])
    try:
        found = len(read_release(path).files)
    except Refused as error:
        found = len(error.faults)
    assert found >= 1


def test_regression_cases_are_taken_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "MAX_CASE", 100)
    monkeypatch.setattr(release, "MAX_CASES", 350)
    files = {
        "rules/1.yml": kit.rule_text(1),
        "regression_data/a/info.yml": "x" * 60,
        "regression_data/a/b.json": "x" * 60,
        "regression_data/a/big.json": "x" * 101,
        "regression_data/a/late.json": "x" * 60,
        "regression_data/a/run.exe": "x",
        "regression_data/z/last.json": "x" * 70,
        "other/info.yml": "x",
    }
    for path in (kit.write(tmp_path / "one", files), kit.zipped(tmp_path / "one.zip", files)):
        found = read_release(path)
        assert set(found.files) == {"rules/1.yml"}
        assert {name.rpartition("/")[2] for name in found.cases} == {"b.json", "info.yml", "late.json"}
        assert found.left_aside == 4
