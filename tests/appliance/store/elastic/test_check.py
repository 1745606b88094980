"""What the check says about a cluster, from answers that clusters gave."""

from __future__ import annotations

import pytest

from appliance.settings import ElasticSettings, StoreSettings
from appliance.store.elastic.check import disk, kept, reserve, rights, shards, state, version, whole_history
from appliance.store.elastic.finding import Finding, Weight
from appliance.store.elastic.retention import Index, choose
from appliance.store.elastic.rights import INDEX, least_role

GIB = 1 << 30


@pytest.mark.parametrize(
    ("number", "distribution", "engine", "weight"),
    [
        ("9.5.3", None, "elasticsearch", Weight.GOOD),
        ("8.19.21", None, "elasticsearch", Weight.GOOD),
        ("7.17.29", None, "elasticsearch", Weight.BAD),
        ("10.0.0", None, "elasticsearch", Weight.BAD),
        ("3.8.0", "opensearch", "opensearch", Weight.GOOD),
        ("3.8.0", "opensearch", "elasticsearch", Weight.BAD),
        ("9.5.3", None, "opensearch", Weight.BAD),
    ],
)
def test_versions_are_judged(number: str, distribution: str | None, engine: str, weight: Weight) -> None:
    said = {"number": number} | ({} if distribution is None else {"distribution": distribution})
    found = version({"version": said}, engine)
    assert found.weight is weight
    assert number in found.text("pl")
    assert bool(found.advice("en")) is (weight is Weight.BAD)


@pytest.mark.parametrize(("status", "weight"), [("green", Weight.GOOD), ("yellow", Weight.WARN), ("red", Weight.BAD)])
def test_health_is_told_in_words(status: str, weight: Weight) -> None:
    assert state({"status": status, "number_of_data_nodes": 1}).weight is weight


@pytest.mark.parametrize(
    ("watermark", "kept"),
    [("90%", 10 * GIB), ("0.9", 10 * GIB), ("5gb", 5 * GIB), ("512mb", GIB // 2), ("1.5kb", 1536)],
)
def test_watermarks_are_read_in_every_writing(watermark: str, kept: int) -> None:
    assert abs(reserve(watermark, 100 * GIB) - kept) <= 1


@pytest.mark.parametrize(("free", "weight"), [(50, Weight.GOOD), (12, Weight.WARN), (10, Weight.BAD), (0, Weight.BAD)])
def test_a_disk_is_told_before_it_hurts(free: int, weight: Weight) -> None:
    found = disk("a", 100 * GIB, free * GIB, "90%")
    assert (found.weight, "a" in found.text("pl")) == (weight, True)


@pytest.mark.parametrize(
    ("used", "wanted", "weight"), [(10, 730, Weight.GOOD), (10, 1460, Weight.WARN), (950, 10, Weight.BAD)]
)
def test_the_shards_of_all_days_are_counted(used: int, wanted: int, weight: Weight) -> None:
    assert shards(used, 1000, wanted).weight is weight


def test_a_day_with_all_classes_is_kept_for_the_longest_and_that_is_said() -> None:
    """An index has the day's events of every class, and goes as a whole."""
    found = kept({"ordinary": 90, "accountability": 730})
    assert found.weight is Weight.WARN
    assert found.values == {"days": 730, "shorter": "90"}
    assert all(part in found.text("pl") for part in ("730", "(90)"))
    assert kept({"ordinary": 730, "accountability": 730}).weight is Weight.GOOD


def test_shards_are_counted_for_the_days_that_indices_stay() -> None:
    assert whole_history(StoreSettings(retention_days=90), 2) == 730 * 2
    assert whole_history(StoreSettings(retention_days=90, days={"accountability": 60}), 1) == 90
    elastic = ElasticSettings(shards=3)
    assert whole_history(StoreSettings(retention_days=1000, elasticsearch=elastic), 1) == 3000


def test_missing_rights_are_named() -> None:
    answer = {"cluster": {"monitor": True}, "index": {"x": {"read": True, "create_doc": False}}}
    assert rights(answer) == Finding(Weight.BAD, "rights_missing", {"missing": "create_doc"})
    assert least_role("abc")["indices"] == [{"names": ["abc-*"], "privileges": list(INDEX)}]
    assert not {"all", "write", "manage", "delete"} & set(INDEX)


def test_days_go_by_age_then_by_size_and_today_never() -> None:
    days = [Index(str(day), day, 1, 100) for day in (90, 95, 99, 100)]

    def gone(of: list[Index], kept: int, room: int | None, *held: int) -> tuple[list[tuple[str, int]], int, int]:
        chosen = choose(of, 100, kept, room, lambda index: index.day in held)
        return [(why, one.day) for why, one in chosen.gone], chosen.held, chosen.over

    assert gone(days, 7, None) == ([("age", 90)], 0, 0)
    assert gone(days, 7, 150) == ([("age", 90), ("size", 95), ("size", 99)], 0, 0)
    assert gone(days, 7, 150, 90, 95) == ([("size", 99)], 2, 150)
    assert gone(days, 50, 400) == ([], 0, 0)
    assert gone(days[-1:], 1, 1) == ([], 0, 99)
