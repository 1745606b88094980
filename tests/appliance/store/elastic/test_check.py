"""What the check says about a cluster, from answers that clusters gave."""

from __future__ import annotations

import pytest

from appliance.store import Keeping
from appliance.store.classes import ORDINARY
from appliance.store.elastic.check import disk, kept, most_indices, reserve, rights, shards, state, version
from appliance.store.elastic.finding import Finding, Weight
from appliance.store.elastic.retention import Index, choose
from appliance.store.elastic.rights import INDEX, least_role

GIB = 1 << 30
KEPT, TODAY = "accountability", 20_000
DAYS = {ORDINARY: 90, KEPT: 730}


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


def index(day: int, source_class: str = ORDINARY, size: int = 100) -> Index:
    return Index(f"{day}-{source_class}", day, source_class, 1, size)


def test_each_class_is_told_with_its_days() -> None:
    found = list(kept([index(9), index(9, KEPT)], DAYS))
    assert [one.weight for one in found] == [Weight.GOOD, Weight.GOOD]
    assert [one.text("pl") for one in found] == [
        "Zwykłe zdarzenia: indeks dnia znika po dniach: 90.",
        "Rozliczalność: indeks dnia znika po dniach: 730.",
    ]
    assert found[1].text("en").startswith("Accountability: ")


def test_indices_of_all_classes_that_stay_longer_than_some_class_are_told() -> None:
    *_, found = kept([index(9), index(8, ""), index(9, "")], DAYS)
    assert (found.weight, found.values) == (Weight.WARN, {"indices": 2, "days": 730})
    assert found.advice("pl")
    alike = list(kept([index(8, "")], {ORDINARY: 730, KEPT: 730}))
    assert {one.weight for one in alike} == {Weight.GOOD}


def test_indices_are_counted_by_day_and_by_the_classes_that_occur() -> None:
    """A class has an index of today, and of as many days before as it is kept."""
    assert most_indices([], DAYS, TODAY) == 91 + 731
    assert most_indices([], dict.fromkeys(DAYS, 730), TODAY) == 731
    assert most_indices([index(TODAY)], DAYS, TODAY) == 91
    assert most_indices([index(TODAY), index(TODAY - 9, KEPT)], DAYS, TODAY) == 91 + 731
    # Of a class that is kept no more nobody knows the days: it stays longest.
    assert most_indices([index(TODAY, "gone")], DAYS, TODAY) == 731
    assert most_indices([index(TODAY - 800, ""), index(TODAY - 800)], DAYS, TODAY) == 91


def test_indices_of_all_classes_count_until_they_go() -> None:
    before = [index(TODAY - n, "") for n in range(1, 701)]
    # The first goes in thirty days; then there are as many as come, and fewer when ordinary ones go.
    assert most_indices([*before, index(TODAY)], DAYS, TODAY) == 700 + 30 + 1
    assert most_indices(before, DAYS, TODAY) == 91 + 731
    assert most_indices([*before, *(index(TODAY - n, "") for n in range(200))], DAYS, TODAY) == 200 + 730 + 91


def test_missing_rights_are_named() -> None:
    answer = {"cluster": {"monitor": True}, "index": {"x": {"read": True, "create_doc": False}}}
    assert rights(answer) == Finding(Weight.BAD, "rights_missing", {"missing": "create_doc"})
    assert least_role("abc")["indices"] == [{"names": ["abc-*"], "privileges": list(INDEX)}]
    assert not {"all", "write", "manage", "delete"} & set(INDEX)


def test_days_go_by_age_then_by_size_and_today_never() -> None:
    days = [index(day) for day in (90, 95, 99, 100)]

    def gone(of: list[Index], kept: int, room: int | None, *held: int) -> tuple[list[tuple[str, int]], int, int]:
        chosen = choose(of, 100, Keeping({ORDINARY: kept}, room), lambda index: index.day in held)
        return [(why, one.day) for why, one in chosen.gone], chosen.held, chosen.over

    assert gone(days, 7, None) == ([("age", 90)], 0, 0)
    assert gone(days, 7, 150) == ([("age", 90), ("size", 95), ("size", 99)], 0, 0)
    assert gone(days, 7, 150, 90, 95) == ([("size", 99)], 2, 150)
    assert gone(days, 50, 400) == ([], 0, 0)
    assert gone(days[-1:], 1, 1) == ([], 0, 99)
