"""Packs of a time over a cluster: whole hours of arrival, proved in an interpreter that has nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.clock import DAY, HOUR, MINUTE
from appliance.evidence.chain import canonical
from appliance.evidence.keeper import Keeper
from appliance.evidence.pack import Made, PackFault, TooMany, Wanted, export
from appliance.evidence.verify import PackCheck
from appliance.normalise.model import Event
from appliance.settings import ElasticSettings, StoreSettings
from appliance.store import Keeping
from appliance.store.classes import ORDINARY
from appliance.store.elastic.mapping import index_body, index_name
from appliance.store.shape import encode
from tests.appliance.evidence.conftest import NOW, Afar
from tests.appliance.evidence.test_cluster import changed, put_in, removed

pytestmark = pytest.mark.nodes


def over(afar: Afar, settings: ElasticSettings | None = None) -> Keeper:
    """The keeper of a box whose events are in the cluster alone."""
    store = StoreSettings(kind="elasticsearch", elasticsearch=settings or afar.settings)
    return replace(afar.box.keeper, settings=afar.box.settings.model_copy(update={"store": store}))


def packed(afar: Afar, wanted: Wanted, path: Path) -> Made:
    with path.open("wb") as out:
        return export(over(afar), wanted, out)


def bare(path: Path, key: str) -> tuple[int, str]:
    """What the pack's own verifier says in an interpreter that has nothing of ours."""
    with zipfile.ZipFile(path) as pack:
        (path.parent / "verify.py").write_bytes(pack.read("verify.py"))
    command = [sys.executable, "-I", "-S", "verify.py", str(path), "--key", key]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    return done.returncode, done.stdout + done.stderr


def test_a_pack_of_a_time_has_whole_hours_that_a_bare_verifier_proves(afar: Afar, tmp_path: Path) -> None:
    """Of three hours the first two are sealed; the events of the second are just outside the time but for one."""
    afar.put(50, at=NOW + 2 * HOUR + 50 * MINUTE)
    afar.put(51, 52, at=NOW + 3 * HOUR)
    afar.put(60, at=NOW + HOUR, user="anna")
    afar.store.flush()
    afar.seal()
    path = tmp_path / "pack.zip"
    made = packed(afar, Wanted(NOW - MINUTE, NOW + HOUR + 1), path)
    assert (made.events, made.all_events, [(one.events, one.wanted) for one in made.afar]) == (
        0,
        41,
        [(20, 20), (21, 21)],
    )
    late = packed(afar, Wanted(NOW + 2 * HOUR, NOW + 4 * HOUR), path)
    assert [(one.sealed is None, one.events) for one in late.afar] == [(True, 1), (True, 2)]
    both = packed(afar, Wanted(NOW + 1, NOW + 3 * HOUR), path)
    assert [(one.sealed is None, one.events) for one in both.afar] == [(False, 21), (True, 1)]
    code, told = bare(path, afar.box.key)
    assert code == 0, told
    assert "zdarzenia z klastra, które potwierdza łańcuch: 21, pełne godziny: 1\n" in told
    assert "zdarzenia z klastra z godzin bez plomby, tylko pod podpisem paczki: 1\n" in told
    with zipfile.ZipFile(path) as pack:
        lines = pack.read("cluster.ndjson").splitlines()
        assert [json.loads(line)["event.id"][-2:] for line in lines][-2:] == [f"{60:02x}", f"{50:02x}"]
        page = pack.read("index.html").decode().replace("\u00a0", " ")
        assert "bez plomby" in page
        assert "Zdarzenia są w klastrze" in page
        assert "<code>czujka verify --events</code>" in page
        assert afar.index in page


def test_an_hour_with_one_wanted_event_comes_whole(afar: Afar, tmp_path: Path) -> None:
    old: Event = {"event.id": f"{80:032x}", "@timestamp": NOW - 5 * DAY, "event.ingested": NOW, "host.name": "PC-1"}
    afar.store.append(encode([old]), [], 0)
    afar.store.flush()
    afar.seal()
    made = packed(afar, Wanted(NOW - 6 * DAY, NOW - 4 * DAY), tmp_path / "pack.zip")
    assert [(one.events, one.wanted) for one in made.afar] == [(21, 1)]
    assert made.all_events == 1
    assert bare(tmp_path / "pack.zip", afar.box.key)[0] == 0
    with pytest.raises(TooMany):
        packed(afar, Wanted(NOW - 6 * DAY, NOW - 4 * DAY, most=20), tmp_path / "none.zip")


def test_an_hour_of_two_classes_is_two_and_one_may_be_gone(afar: Afar, tmp_path: Path) -> None:
    at, path = NOW - 5 * DAY, tmp_path / "pack.zip"
    afar.put(70, 71, at=at)
    afar.put(72, at=at, **{"event.category": "iam"})
    afar.store.flush()
    afar.seal()
    made = packed(afar, Wanted(at, at + 1), path)
    assert [(one.index.split("-")[-2], one.events) for one in made.afar] == [("accountability", 1), (ORDINARY, 2)]
    assert made.all_events == 3
    assert bare(path, afar.box.key)[0] == 0
    afar.store.retain(Keeping({ORDINARY: 3, "accountability": 30}))
    afar.box.keeper.round()
    made = packed(afar, Wanted(at, at + 1), path)
    assert [(one.index.split("-")[-2], one.events) for one in made.afar] == [("accountability", 1)]
    code, told = bare(path, afar.box.key)
    assert code == 0, told


@pytest.mark.parametrize("harm", [changed, removed, put_in])
def test_an_hour_that_is_not_as_sealed_is_no_evidence(
    afar: Afar, http: httpx.Client, harm: Callable[[httpx.Client, str], str], tmp_path: Path
) -> None:
    afar.seal()
    harm(http, afar.index)
    http.post(f"/{afar.index}/_refresh").raise_for_status()
    with pytest.raises(PackFault, match=f"{afar.index}, godzina od 2024-10-04T10:00:00.* inne niż zaplombowane"):
        packed(afar, Wanted(NOW, NOW + HOUR), tmp_path / "pack.zip")


def test_events_that_an_index_took_only_repaired_are_in_their_hours_too(
    afar: Afar, http: httpx.Client, tmp_path: Path
) -> None:
    body = index_body(1)
    body["mappings"] = {
        "dynamic": "strict",
        "properties": {
            name: one
            for name, one in body["mappings"]["properties"].items()
            if name.startswith(("czujka.store.", "@timestamp", "event.id"))
        },
    }
    at = NOW - 2 * DAY
    http.put(f"/{index_name(afar.settings.index, at, ORDINARY)}", json=body).raise_for_status()
    afar.put(60, 61, at=at)
    afar.put(62, at=at + HOUR)
    afar.store.flush()
    afar.seal()
    made = packed(afar, Wanted(at, at + 1), tmp_path / "pack.zip")
    assert [(one.events, one.wanted) for one in made.afar] == [(2, 2)]
    assert bare(tmp_path / "pack.zip", afar.box.key)[0] == 0


def test_a_pack_of_a_time_over_a_cluster_that_is_away_is_none(afar: Afar, tmp_path: Path) -> None:
    away = afar.settings.model_copy(update={"hosts": ["https://127.0.0.1:9"]})
    with (tmp_path / "pack.zip").open("wb") as out, pytest.raises(PackFault, match="Nie można odczytać"):
        export(over(afar, away), Wanted(NOW, NOW + HOUR), out)


def first_line(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def made(content: bytes) -> bytes:
        line, _, rest = content.partition(b"\n")
        told = json.loads(line)
        change(told)
        return canonical(told) + b"\n" + rest

    return made


TAMPERED: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "an event that was changed": ("cluster.ndjson", lambda text: text.replace(b"PC-1", b"PC-2", 1), "godzina 2"),
    "one less": ("cluster.ndjson", lambda text: text.partition(b"\n")[2], "inne niż te, które zaplombowano"),
    "one more": ("cluster.ndjson", lambda text: text + text.partition(b"\n")[0] + b"\n", "a paczka ma mieć 20"),
    "no JSON": ("cluster.ndjson", lambda text: b"{" + text, "nie da się odczytać"),
    "an hour of another seal": ("hours.ndjson", first_line(lambda one: one.update(entry=1)), "zaplombowano"),
    "an hour that is said to have none": ("hours.ndjson", first_line(lambda one: one.update(entry=None)), "skrót"),
    "an hour of no year": ("hours.ndjson", first_line(lambda one: one.update(hour=1 << 90)), "zaplombowano"),
    "an hour that is none": ("hours.ndjson", first_line(lambda one: one.update(hour="x")), "nie da się odczytać"),
    "no count": ("hours.ndjson", first_line(lambda one: one.update(events="20")), "nie da się odczytać"),
}


def test_each_kind_of_tampering_with_hours_is_named(afar: Afar, tmp_path: Path) -> None:
    afar.seal()
    path = tmp_path / "pack.zip"
    packed(afar, Wanted(NOW, NOW + 1), path)
    with zipfile.ZipFile(path) as pack:
        files = {name: pack.read(name) for name in pack.namelist()}
    for kind, (name, change, words) in TAMPERED.items():
        other = tmp_path / "other.zip"
        with zipfile.ZipFile(other, "w") as pack:
            for one, content in files.items():
                pack.writestr(one, change(content) if one == name else content)
        with zipfile.ZipFile(other) as pack:
            faults = [str(fault) for fault in PackCheck(pack, afar.box.key, []).run()]
        assert any(name in fault and "skrót" in fault for fault in faults), kind
        assert any(words.partition(" 2")[0] in fault for fault in faults), (kind, faults)
