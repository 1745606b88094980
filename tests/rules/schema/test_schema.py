"""The schema: fields, Windows tables, identities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.normalise.schema import (
    FOLDER,
    SchemaError,
    fields,
    identities,
    load_fields,
    load_identities,
    load_windows,
    windows,
)


def test_the_shipped_tables_are_sound() -> None:
    assert len(fields()) >= 130
    assert len(windows().groups) >= 60
    assert identities().by_sid["S-1-5-18"] == ("NT AUTHORITY", "SYSTEM")
    assert identities().by_name["zarządzanie nt\\system"] == ("NT AUTHORITY", "SYSTEM")


def test_fields_have_both_languages_and_no_full_stop() -> None:
    for field in fields().values():
        assert field.pl != field.en or field.pl in {"terminal"}
        assert not field.pl.endswith(".")
        assert not field.en.endswith(".")


def test_every_event_id_that_issues_name_has_a_group() -> None:
    wanted = {
        "Microsoft-Windows-Sysmon/Operational": [*range(1, 16), *range(17, 30)],
        "Security": [
            4688, 4689, 4624, 4625, 4634, 4648, 4672, 4697, 4698, 4699, 4700, 4701, 4702, 4720, 4722, 4726, 4728, 4732,
            4740, 4756, 4767, 4768, 4769, 4771, 4776, 5140, 5145, 5156, 1102,
        ],
        "System": [7045, 7036, 7040, 104],
        "Microsoft-Windows-PowerShell/Operational": [4103, 4104],
        "Windows PowerShell": [400, 600, 800],
        "Microsoft-Windows-Windows Defender/Operational": [1116, 1117, 5001, 5007, 5010],
        "Microsoft-Windows-TaskScheduler/Operational": [106, 140, 141, 200],
    }  # fmt: skip
    for channel, codes in wanted.items():
        for code in codes:
            group = windows().group(channel, code)
            assert group is not None
            assert group.codes is not None, (channel, code)


@pytest.mark.corpora
def test_names_shared_with_ecs_have_ecs_types(corpora: Path) -> None:
    with (corpora / "ecs" / "ecs_flat.yml").open(encoding="utf-8") as handle:
        ecs: dict[str, Any] = yaml.load(handle, Loader=yaml.CSafeLoader)
    text = {"keyword", "wildcard", "text", "constant_keyword", "match_only_text"}
    ours = {name: field.type for name, field in fields().items() if name in ecs and name != "event.code"}
    assert len(ours) > 90
    for name, kind in ours.items():
        theirs = ecs[name]["type"]
        assert kind == theirs or (kind in text and theirs in text), (name, kind, theirs)


GOOD_FIELDS = (
    "fields:\n  process.pid: {type: long, pl: a, en: b}\n  process.executable: {type: keyword, pl: a, en: b}\n"
)


def windows_loader(path: Path) -> object:
    base = path.with_name("base.yml")
    base.write_text(GOOD_FIELDS)
    return load_windows(path, load_fields(base))


HEAD = "system: {}\nsystem_aliases: {}\nchannel_aliases: {}\ngroups:\n"
FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "bad yaml": (load_fields, "fields:\n  a: [\n", ":3:"),
    "not a mapping": (load_fields, "- a\n", ":1:"),
    "empty": (load_fields, "", ":1:"),
    "unknown type": (load_fields, "fields:\n  a.b: {type: number, pl: a, en: b}\n", ":2: unknown type"),
    "missing text": (load_fields, "fields:\n  a.b: {type: long, en: b}\n", ":2: pl is missing"),
    "key twice": (
        load_fields,
        GOOD_FIELDS + "  process.pid: {type: long, pl: a, en: b}\n",
        ":4: 'process.pid' stands twice",
    ),
    "unknown key": (load_fields, "fields:\n  a.b: {type: long, pl: a, en: b, de: c}\n", ":2: unknown key 'de'"),
    "bad name": (load_fields, "fields:\n  'a b': {type: long, pl: a, en: b}\n", ":2:"),
    "unknown target": (
        windows_loader,
        HEAD + "  - {name: a, channels: [S], codes: [1], event: {category: a, type: b},\n     fields: {X: no.such}}\n",
        ":6: X: no.such",
    ),
    "target of another type": (
        windows_loader,
        HEAD
        + "  - {name: a, channels: [S], codes: [1], event: {category: a, type: b},integers: {X: process.executable}}\n",
        ":5: X:",
    ),
    "codes": (
        windows_loader,
        HEAD + "  - {name: a, channels: [S], codes: [], event: {category: a, type: b}}\n",
        ":5: codes",
    ),
    "same place twice": (
        windows_loader,
        HEAD + 2 * "  - {name: a, channels: [S], codes: [1], event: {category: a, type: b}}\n",
        ":4: ('S', 1)",
    ),
    "user without a name": (
        windows_loader,
        HEAD + "  - {name: a, channels: [S], codes: [1], event: {category: a, type: b}, users: [{to: user}]}\n",
        ":5: either",
    ),
    "no SID": (load_identities, "identities:\n  - {sid: X, name: a, localised: []}\n", ":2: 'X' is no SID"),
    "one spelling of two": (
        load_identities,
        "identities:\n  - {rid: 1, name: a, localised: [x]}\n  - {rid: 2, name: b, localised: [X]}\n",
        ":3: 'X' already",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_file_and_line(name: str, tmp_path: Path) -> None:
    load, text, message = FAULTS[name]
    path = tmp_path / "table.yml"
    path.write_text(text)
    with pytest.raises(SchemaError) as caught:
        load(path)
    assert str(caught.value).startswith("table.yml:")
    assert message in str(caught.value)


def test_the_tables_ship_with_the_package() -> None:
    wanted = {"fields.yaml", "windows.yaml", "identities.yaml", "sources.yaml"}
    assert {path.name for path in FOLDER.glob("*.yaml")} == wanted
