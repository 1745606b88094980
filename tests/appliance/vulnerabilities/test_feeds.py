"""Bundles of feeds: made, signed, taken, refused, rolled back; what is hostile changes nothing."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from appliance.cli import build
from appliance.clock import DAY
from appliance.evidence import keys
from appliance.vulnerabilities import bundle, osv
from appliance.vulnerabilities.bundle import BadBundle
from appliance.vulnerabilities.feeds import NoFeeds, Shelf
from appliance.vulnerabilities.osv import Affected, BadRecord

NOW = 1_790_000_000_000_000
KEY = Ed25519PrivateKey.generate()
BASH = {"package": {"ecosystem": "Debian:12", "name": "bash"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.2.15-3"}]}]}  # fmt: skip
KEV = {"vulnerabilities": [{"cveID": "CVE-2024-1000", "knownRansomwareCampaignUse": "Known"}]}


def record(name: str, *affected: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": name, "summary": f"Fault {name}", "affected": list(affected), **more}


RECORDS = [
    record("DEBIAN-CVE-2024-1000", BASH, severity=[{"type": "Ubuntu", "score": "high"}]),
    record("DSA-5000-1", BASH, upstream=["CVE-2024-1000"]),
    record("DSA-5001-1", BASH, upstream=["CVE-2024-2000", "CVE-2024-2001"]),
    record("DEBIAN-CVE-2024-3000", BASH | {"ecosystem_specific": {"urgency": "unimportant"}}),
    record("DEBIAN-CVE-2024-4000", BASH, withdrawn="2024-01-01T00:00:00Z"),
    record("PYSEC-2024-1", {"package": {"ecosystem": "PyPI", "name": "bash"}, "ranges": BASH["ranges"]}),
]


def archive(path: Path, records: list[Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for number, one in enumerate(records):
            made.writestr(f"{number}.json", one if isinstance(one, bytes) else json.dumps(one))
    return path


def pack(folder: Path, made_at: int = NOW, key: Ed25519PrivateKey = KEY, records: list[Any] = RECORDS) -> Path:
    folder.mkdir(exist_ok=True)
    kev, path = folder / "kev.json", folder / f"{made_at}.zip"
    kev.write_text(json.dumps(KEV))
    bundle.make(path, [archive(folder / "all.zip", records)], kev, key, made_at)
    return path


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path / "feeds")
    keys.write(tmp_path / "office.key", KEY)
    made.trust(tmp_path / "office.pub")
    return made


def test_a_bundle_answers_questions(shelf: Shelf, tmp_path: Path) -> None:
    taken = shelf.take(pack(tmp_path / "in"), NOW)
    assert (taken.affected, taken.exploited, shelf.current()) == (2, 1, NOW)
    with shelf.opened() as feeds:
        found = feeds.affecting("Debian:12", "bash")
        assert {one.name: one.fixed for one in found} == {"CVE-2024-1000": "5.2.15-3", "DSA-5001-1": "5.2.15-3"}
        assert {one.severity for one in found} == {"high", ""}
        assert feeds.exploited() == {"CVE-2024-1000"}
        assert feeds.affecting("Debian:12", "' OR 1=1 --") == []
        assert feeds.knows("Debian:12")
        assert not feeds.knows("Debian:11")


def test_older_and_future_bundles_are_refused_and_the_way_back_works(shelf: Shelf, tmp_path: Path) -> None:
    first, second = pack(tmp_path / "a"), pack(tmp_path / "b", NOW + 1)
    shelf.take(first, NOW)
    shelf.take(second, NOW)
    for refused in (first, second, pack(tmp_path / "c", NOW + 2 * DAY)):
        with pytest.raises(BadBundle):
            shelf.take(refused, NOW)
    assert shelf.stack() == [NOW, NOW + 1]
    assert shelf.back() == (NOW + 1, NOW)
    assert shelf.back() == (NOW, None)
    with pytest.raises(NoFeeds):
        shelf.back()


def test_only_the_newest_are_kept(shelf: Shelf, tmp_path: Path) -> None:
    for number in range(5):
        shelf.take(pack(tmp_path / "in", NOW + number), NOW)
    assert len(shelf.stack()) == len(list(shelf.folder.glob("*.db"))) == 3


def changed(path: Path, **files: bytes) -> Path:
    """Return the archive with some of its files replaced, or added."""
    with zipfile.ZipFile(path) as old:
        content = {name: old.read(name) for name in old.namelist()} | files
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in content.items():
            made.writestr(name, text)
    return path


@pytest.mark.parametrize(
    "files",
    [
        {"osv.ndjson": b"{}\n"},
        {"kev.json": b"{}"},
        {"manifest.json": b"{}"},
        {"manifest.json": b"[" * 60_000},
        {"manifest.sig": b"00"},
        {"manifest.sig": b"\xff"},
        {"../../evil.db": b"x"},
        {"/etc/passwd": b"x"},
        {"more.txt": b"x"},
        {"manifest.json": b" " * ((1 << 16) + 1)},
    ],
    ids=lambda files: next(iter(files)),
)
def test_what_was_changed_is_refused(shelf: Shelf, tmp_path: Path, files: dict[str, bytes]) -> None:
    path = changed(pack(tmp_path / "in"), **files)
    with pytest.raises(BadBundle):
        shelf.take(path, NOW)
    assert shelf.stack() == []
    assert sorted(one.name for one in shelf.folder.iterdir()) == ["keys"]


def test_a_bomb_is_not_unpacked(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_FILE", {**bundle.MAX_FILE, bundle.OSV: 1 << 16})
    with pytest.raises(BadBundle, match=r"osv\.ndjson"):
        shelf.take(changed(pack(tmp_path / "in"), **{"osv.ndjson": b"\0" * (1 << 24)}), NOW)


@pytest.mark.parametrize("junk", [b"", b"PK\x05\x06", b"no archive at all", b"PK\x03\x04" + b"\0" * 100])
def test_junk_is_no_bundle(shelf: Shelf, tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "junk.zip").write_bytes(junk)
    with pytest.raises(BadBundle):
        shelf.take(tmp_path / "junk.zip", NOW)


def test_a_stranger_is_not_believed(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(BadBundle, match="nie podpisał"):
        shelf.take(pack(tmp_path / "in", key=Ed25519PrivateKey.generate()), NOW)
    with pytest.raises(BadBundle, match="klucza wydawcy"):
        Shelf(tmp_path / "other").take(pack(tmp_path / "in"), NOW)
    (tmp_path / "no.pub").write_text("hello")
    with pytest.raises(BadBundle):
        shelf.trust(tmp_path / "no.pub")


@pytest.mark.parametrize("line", [b"{", b"[]", b"{}", b'{"name": 1}', b"[" * 10_000])
def test_a_broken_line_of_a_signed_bundle_changes_nothing(
    shelf: Shelf, tmp_path: Path, line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Affected, "line", lambda _: line.decode())
    path = pack(tmp_path / "in")
    with pytest.raises(BadBundle):
        shelf.take(path, NOW)
    assert list(shelf.folder.glob("*.db")) == []


def test_broken_records_are_left_out_when_a_bundle_is_made(shelf: Shelf, tmp_path: Path) -> None:
    broken = [b"{", b"[]", b'{"id": 7}', b"\xff", b'{"id": "X", "affected": "y"}']
    taken = shelf.take(pack(tmp_path / "in", records=[*RECORDS, *broken]), NOW)
    assert taken.affected == 2


JSON: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 7, "x", "Debian:12", [], [None], [{}], ["x"], {}, {"name": 7}, [{"score": []}], [[]]]
)
NAMES = ["affected", "package", "ecosystem", "ranges", "events", "severity", "aliases", "ecosystem_specific"]


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_any_json_is_read_or_refused(more: dict[str, Any]) -> None:
    try:
        osv.affected(json.dumps({"id": "DEBIAN-CVE-2024-1", **more, "affected": [more, BASH | more]}).encode())
    except BadRecord:
        raise AssertionError("an object with an id is a record") from None


def test_the_command_line_makes_and_takes(tmp_path: Path) -> None:
    app, home = build(["feeds"]), tmp_path / "home"
    archive(tmp_path / "all.zip", RECORDS)
    (tmp_path / "kev.json").write_text(json.dumps(KEV))

    def run(*words: object) -> Any:
        return CliRunner().invoke(app, ["feeds", *map(str, words)])

    made, key = tmp_path / "pakiet.zip", tmp_path / "wydawca.key"
    assert run("key", key).exit_code == 0
    assert run("make", made, "--kev", tmp_path / "kev.json", "--key", key, "--osv", tmp_path / "all.zip").exit_code == 0
    refused = run("import", made, "--home", home)
    assert (refused.exit_code, "klucza wydawcy" in refused.output) == (1, True)
    assert run("trust", key.with_suffix(".pub"), "--home", home).exit_code == 0
    taken = run("import", made, "--home", home)
    assert (taken.exit_code, "wpisy 2, KEV 1" in taken.output) == (0, True)
    assert "klucz\twydawca.pub" in run("list", "--home", home).output
    assert run("rollback", "--home", home).exit_code == 0
    assert run("rollback", "--home", home).exit_code == 1
