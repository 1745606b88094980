"""A release is compared, put in force at once, and given up by one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.home import Home
from appliance.rulesets import Why, active_rules
from appliance.rulesets.diff import EMPTY, Diff, Entry, Index, compare, lines
from appliance.rulesets.release import Release, read_release
from appliance.rulesets.shelf import KEPT, Shelf, ShelfBusy, ShelfDamaged
from appliance.rulesets.taking import DRL_URL, SIGMAHQ_URL, drafted, licence_of, rollback
from appliance.settings import Settings
from tests.appliance.rulesets import kit

FIRST = {f"rules/{n}.yml": kit.rule_text(n) for n in (1, 2, 3, 4)} | {"LICENSE": "Detection Rule License (DRL) 1.1"}
SECOND = FIRST | {
    "rules/2.yml": kit.rule_text(2, image="/bash"),
    "rules/3.yml": kit.rule_text(3).replace("endswith", "endswiht"),
    "rules/5.yml": kit.rule_text(5),
}
del SECOND["rules/4.yml"]


def ids(home: Home) -> set[int]:
    return {int(rule.id[-3:]) for rule in active_rules(home, Settings()).rules if rule.author == "Ala"}


def numbers(diff: Diff) -> dict[str, list[int]]:
    return {name: [int(one.id[-3:]) for one in getattr(diff, name)] for name in ("new", "changed", "gone", "failing")}


def test_a_release_is_taken_changed_and_given_up(home: Home, tmp_path: Path) -> None:
    first = kit.take_release(home, kit.write(tmp_path / "one", FIRST))
    assert numbers(first.diff) == {"new": [1, 2, 3, 4], "changed": [], "gone": [], "failing": []}
    assert ids(home) == {1, 2, 3, 4}
    second = kit.take_release(home, kit.zipped(tmp_path / "two.zip", SECOND))
    assert numbers(second.diff) == {"new": [5], "changed": [2], "gone": [4], "failing": [3]}
    assert [(fault.file, fault.line) for fault in second.faults] == [("rules/3.yml", 11)]
    assert ids(home) == {1, 2, 5}
    gone, now = rollback(home, "SigmaHQ")
    assert (gone.id, now and now.id) == (second.installed.id, first.installed.id)
    assert ids(home) == {1, 2, 3, 4}
    assert rollback(home, "SigmaHQ")[1] is None
    assert ids(home) == set()
    with pytest.raises(LookupError):
        rollback(home, "SigmaHQ")


def test_what_is_only_looked_at_leaves_nothing(home: Home, tmp_path: Path) -> None:
    release = read_release(kit.write(tmp_path / "one", FIRST))
    with drafted(home, Settings(), release, "SigmaHQ", kit.NOW) as draft:
        assert draft.diff
        assert ids(home) == set()
    assert [path.name for path in home.rulesets.iterdir()] == [".lock"]


def test_two_changes_at_once_are_refused(home: Home, tmp_path: Path) -> None:
    release = read_release(kit.write(tmp_path / "one", FIRST))
    with drafted(home, Settings(), release, "SigmaHQ", kit.NOW), pytest.raises(ShelfBusy):
        rollback(home, "SigmaHQ")


def test_the_same_release_again_is_known(home: Home, tmp_path: Path) -> None:
    folder = kit.write(tmp_path / "one", FIRST)
    kit.take_release(home, folder)
    with drafted(home, Settings(), read_release(folder), "SigmaHQ", kit.NOW) as draft:
        assert draft.same
        assert not draft.diff


def test_a_failure_before_the_pointer_changes_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.take_release(home, kit.write(tmp_path / "one", FIRST))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("appliance.rulesets.shelf.os.sync", fail)
        with pytest.raises(OSError, match="No space"):
            kit.take_release(home, kit.write(tmp_path / "two", SECOND))
    assert ids(home) == {1, 2, 3, 4}
    kit.take_release(home, tmp_path / "two")
    assert ids(home) == {1, 2, 5}


def test_releases_of_two_names_stand_beside_each_other(home: Home, tmp_path: Path) -> None:
    kit.take_release(home, kit.write(tmp_path / "one", {"rules/1.yml": kit.rule_text(1)}))
    kit.take_release(home, kit.write(tmp_path / "two", {"rules/2.yml": kit.rule_text(2)}), "Powiat")
    assert ids(home) == {1, 2}
    rollback(home, "SigmaHQ")
    assert ids(home) == {2}


def test_only_the_newest_versions_are_kept(home: Home, tmp_path: Path) -> None:
    for number in range(1, KEPT + 3):
        kit.take_release(home, kit.write(tmp_path / str(number), {"rules/1.yml": kit.rule_text(1, title=f"T{number}")}))
    shelf = Shelf(home.rulesets)
    stack = shelf.stacks()["SigmaHQ"]
    assert len(stack) == KEPT
    assert {path.name for path in home.rulesets.iterdir() if path.is_dir()} == set(stack)


def test_source_licence_and_version_are_kept_with_each_rule(home: Home, tmp_path: Path) -> None:
    kit.take_release(home, kit.write(tmp_path / "one", FIRST))
    one = next(one for one in active_rules(home, Settings()).listed if one.rule.id == kit.uuid(1))
    assert (one.origin.name, one.origin.version) == ("SigmaHQ", "2026-05-01")
    assert one.origin.licence == "Detection Rule License 1.1"
    assert one.origin.licence_url == "https://github.com/SigmaHQ/Detection-Rule-License"
    assert one.rule.author == "Ala"


def test_licences_are_read_from_their_text() -> None:
    assert licence_of(said("# Licenses\n- under the [Detection Rule License (DRL) 1.1](https://x)")) == (
        "Detection Rule License 1.1",
        DRL_URL,
        "",
    )
    assert licence_of(said("Detection Rule License (DRL) 1.1 of https://github.com/SigmaHQ/sigma"))[2] == SIGMAHQ_URL
    assert licence_of(said("\nMIT License\n")) == ("MIT License", "", "")


def test_a_licence_that_nothing_names_is_not_claimed() -> None:
    assert licence_of(said("")) == ("", "", "")
    assert licence_of(said("", "Release 2026-01-02")) == ("", "", "")


def test_a_package_of_sigmahq_is_known_by_its_note() -> None:
    note = f"Release Date: 2026-01-02\nLabel: r2026-01-02\nCommit-Hash: {'0a' * 20}\n"
    assert licence_of(said("", note)) == ("Detection Rule License 1.1", DRL_URL, SIGMAHQ_URL)
    assert licence_of(said("MIT License", note))[0] == "MIT License"


def test_what_a_rule_says_of_its_licence_goes_first(home: Home, tmp_path: Path) -> None:
    own = kit.rule_text(2, license="Proprietary")
    draft = kit.take_release(home, kit.write(tmp_path / "one", {**FIRST, "rules/2.yml": own}))
    assert draft.licences == {"Proprietary": 1}
    found = {one.rule.id: one.licence for one in active_rules(home, Settings()).listed}
    assert (found[kit.uuid(1)], found[kit.uuid(2)]) == ("Detection Rule License 1.1", "Proprietary")
    again = {one.rule.id: one.licence for one in active_rules(home, Settings()).listed}
    assert again == found


def said(licence: str, note: str = "") -> Release:
    return Release({}, licence, "", 0, note)


def test_a_rule_of_the_office_replaces_that_of_a_release_for_good(home: Home, tmp_path: Path) -> None:
    (home.rules / "own.yml").write_text(kit.rule_text(1, title="Ours"))
    draft = kit.take_release(home, kit.write(tmp_path / "one", FIRST))
    assert draft.replaced == 1
    kit.take_release(home, kit.write(tmp_path / "two", SECOND))
    rules = active_rules(home, Settings())
    assert [rule.title for rule in rules.rules if rule.id == kit.uuid(1)] == ["Ours"]
    assert rules.faults == [fault for fault in rules.faults if fault.file.endswith("rules/3.yml")]
    off = [one for one in rules.listed if one.off and one.off.why is Why.REPLACED]
    assert [one.off and one.off.detail for one in off] == [str(home.rules / "own.yml")]


@pytest.mark.parametrize("text", ["{", "[]", '{"SigmaHQ": ["../x"]}', '{"SigmaHQ": "x"}', '{"SigmaHQ": ["nothing"]}'])
def test_a_damaged_pointer_is_a_fault_and_not_the_end(home: Home, tmp_path: Path, text: str) -> None:
    kit.take_release(home, kit.write(tmp_path / "one", FIRST))
    before = active_rules(home, Settings())
    (home.rulesets / "current.json").write_text(text)
    rules = active_rules(home, Settings())
    assert rules.rules
    assert any("wczytaj wydanie jeszcze raz" in fault.message for fault in rules.faults)
    with pytest.raises(ShelfDamaged):
        active_rules(home, Settings(), before=before)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 60_000, '{"SigmaHQ": ["../x"]}', '{"SigmaHQ": ["nothing"]}'])
def test_a_damaged_pointer_is_mended_by_taking_a_release_again(home: Home, tmp_path: Path, text: str) -> None:
    kit.take_release(home, kit.write(tmp_path / "own", {"rules/9.yml": kit.rule_text(9)}), "Own")
    kit.take_release(home, kit.write(tmp_path / "one", FIRST))
    (home.rulesets / "current.json").write_text(text)
    kit.take_release(home, kit.write(tmp_path / "two", SECOND))
    assert {1, 2, 5} <= ids(home)
    if "nothing" not in text:
        assert ids(home) == {1, 2, 5, 9}
        rollback(home, "SigmaHQ")
        assert ids(home) == {1, 2, 3, 4, 9}


def test_an_index_survives_its_file() -> None:
    index = Index({"a": Entry("a", "A", 3, "rules/a.yml", "00")}, ())
    assert Index.load(json.loads(json.dumps(index.dump()))) == index


def test_the_comparison_is_told_in_lines() -> None:
    entries = {str(n): Entry(str(n), f"T{n}", 2, f"{n}.yml", "0") for n in range(5)}
    told = lines(compare(EMPTY, Index(entries, ()), {}), 3)
    assert told[0] == "nowe: 5, zmienione: 0, usunięte: 0, teraz z błędem: 0, bez zmian: 0"
    assert told[1:] == ["  + T0 [medium] 0", "  + T1 [medium] 1", "  + T2 [medium] 2", "  + i dalsze (nowe): 2"]
