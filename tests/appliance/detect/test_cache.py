"""The cache of compiled rules: same rules, any damage ignored."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from appliance.detect import cache as cache_module
from appliance.detect import load_rules
from appliance.detect import parse as parse_module
from appliance.detect.encode import Text, encode_node
from appliance.detect.model import ParsedFile
from appliance.detect.nodes import Atom, Op, atoms
from tests.appliance.detect.kit import ID, document, write

TEXT = "sel:\n  a|re|i: 'x+y'\n  b|cased: 'p*q?r'\n  c|gt: 5\n  d|fieldref: e\n  f: null\ncondition: sel or not sel"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    write(folder, "a.yml", document(TEXT))
    write(folder, "bad.yml", document("sel:\n  a|nope: x\ncondition: sel", 2))
    return folder


def test_a_cached_rule_is_the_rule(rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    first = load_rules([rules], cache)

    def unused(*_: object) -> None:
        raise AssertionError("parsed although cached")

    monkeypatch.setattr(parse_module, "parse_file", unused)
    again = load_rules([rules], cache)
    assert again.rules[0].node == first.rules[0].node
    assert again.rules[0].logsource == first.rules[0].logsource
    assert again.faults == first.faults != []


def test_a_moved_file_is_known_and_a_changed_one_is_not(rules: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    load_rules([rules], cache)
    moved = (rules / "a.yml").rename(rules / "moved.yml")
    assert load_rules([rules], cache).rules[0].source_file == str(moved)
    write(rules, "moved.yml", document("sel:\n  z: 1\ncondition: sel"))
    assert [atom.field for atom in atoms(load_rules([rules], cache).rules[0].node)] == ["z"]


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "text", "folder"])
def test_a_damaged_cache_is_ignored_and_mended(rules: Path, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    load_rules([rules], cache)
    file = cache / "rules.json"
    raw = bytearray(file.read_bytes())
    if damage == "truncate":
        file.write_bytes(raw[: len(raw) // 2])
    elif damage == "flip":
        raw[len(raw) // 2] ^= 1
        file.write_bytes(raw)
    elif damage == "folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(b"" if damage == "empty" else b"nonsense" * 100)
    assert [rule.id for rule in load_rules([rules], cache).rules] == [ID.format(1)]
    if damage != "folder":
        mended = file.read_bytes()
        assert hashlib.sha256(mended[32:]).digest() == mended[:32]


def test_no_cache_folder_and_one_that_cannot_be_written(rules: Path, tmp_path: Path) -> None:
    blocked = write(tmp_path, "file", "x")
    assert len(load_rules([rules], blocked / "cache").rules) == 1
    assert len(load_rules([rules]).rules) == 1


def test_each_rule_file_is_a_line_that_is_read_by_itself(
    rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, parsed = tmp_path / "cache", []
    write(rules, "c.yml", document("sel:\n  z: 1\ncondition: sel", 3))
    load_rules([rules], cache)
    file = cache / "rules.json"
    head, *lines = file.read_bytes()[32:].split(b"\n")
    digests = {name: hashlib.sha256((rules / name).read_bytes()).hexdigest() for name in ("a.yml", "bad.yml", "c.yml")}
    assert [line[:64].decode() for line in lines] == list(digests.values())
    assert all(set(orjson.loads(line[64:])) == {"rules", "faults", "filters", "correlations"} for line in lines)
    # A line that is none costs its file alone.
    payload = b"\n".join([head, lines[0][:-1], *lines[1:]])
    file.write_bytes(hashlib.sha256(payload).digest() + payload)
    real = parse_module.parse_file

    def noted(name: str, *more: Any) -> Any:
        parsed.append(Path(name).name)
        return real(name, *more)

    monkeypatch.setattr(parse_module, "parse_file", noted)
    for _ in range(2):
        assert len(load_rules([rules], cache).rules) == 2
    assert parsed == ["a.yml"]


def test_what_json_cannot_hold_is_left_out_alone(rules: Path, tmp_path: Path) -> None:
    (rule,) = load_rules([rules]).rules
    store = cache_module.RuleCache(tmp_path)
    store.put("a" * 64, ParsedFile([replace(rule, title="\ud800")]))
    store.put("b" * 64, ParsedFile([rule]))
    store.save()
    again = cache_module.RuleCache(tmp_path)
    assert again.get("a.yml", "a" * 64) is None
    found = again.get("b.yml", "b" * 64)
    assert found is not None
    assert (found.rules[0].node, found.rules[0].source_file) == (rule.node, "b.yml")


def test_loads_of_other_paths_leave_each_other_their_entries(
    rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    write(other, "c.yml", document("sel:\n  z: 1\ncondition: sel", 3))
    load_rules([rules], cache)
    load_rules([other], cache)

    def unused(*_: object) -> None:
        raise AssertionError("parsed although cached")

    monkeypatch.setattr(parse_module, "parse_file", unused)
    assert len(load_rules([rules, other], cache).rules) == 2


def test_of_what_nobody_uses_only_the_newest_stays(
    rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setattr(cache_module, "SPARE", 3)
    load_rules([rules], cache)
    for number in range(6):
        write(rules, "a.yml", document(f"sel:\n  field{number}: 1\ncondition: sel"))
        load_rules([rules], cache)
    content = (cache / "rules.json").read_bytes()
    assert [number for number in range(6) if f"field{number}".encode() in content] == [2, 3, 4, 5]
    assert b"nope" in content


def test_a_cache_that_grows_too_long_has_what_the_last_load_used(
    rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    load_rules([rules], cache)
    file = cache / "rules.json"
    monkeypatch.setattr(cache_module, "_LIMIT", file.stat().st_size + 50)
    write(rules, "a.yml", document(TEXT.replace("5", "6")))
    load_rules([rules], cache)
    assert file.stat().st_size <= cache_module._LIMIT
    load_rules([rules], cache)
    assert b"nope" in file.read_bytes()


@pytest.mark.parametrize("number", [2**53 + 1, -(2**64), 10**25 + 1, 1.5])
def test_numbers_of_any_size_are_kept_exactly(number: float) -> None:
    kept = Text(json.dumps(encode_node(Atom("a", Op.COMPARE, ("gt", number)))))
    assert kept.node() == Atom("a", Op.COMPARE, ("gt", number))
