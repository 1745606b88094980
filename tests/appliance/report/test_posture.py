"""The settings of stations in the monthly report: what is counted, in which order, and what is never said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.clock import DAY
from appliance.posture.checks import weights
from appliance.report.posture import MOST_FINDINGS, By, Verdicts, posture_data
from appliance.report.posture_document import posture_blocks, posture_sentence
from appliance.report.stations import Station
from appliance.report.words import Words
from appliance.stations.history import Verdict
from tests.appliance.report.sample import OCTOBER, station, text_of

PASS, FAIL, UNKNOWN = Verdict("pass", ""), Verdict("fail", "disabled"), Verdict("unknown", "timeout")
WINDOWS = "Windows 11 Pro"


def told(stations: list[Station], at_end: By, at_start: Mapping[tuple[str, str], Verdict] | None = None) -> Any:
    return posture_data(stations, Verdicts(at_end, at_start or {}, weights()), OCTOBER.start)


def said(data: Any, language: str = "pl") -> str:
    return text_of(posture_blocks(data, Words(language)))


def test_an_unknown_is_never_in_order() -> None:
    data = told([station(OCTOBER, [1])], {("PC-1", "firewall"): UNKNOWN, ("PC-1", "time_sync"): PASS})
    assert data["checks"] == {"pass": 1, "fail": 0, "unknown": 1}
    text = said(data)
    assert "w porządku | 1 (50%)" in text
    assert "Zapora sieciowa | Odczyt trwał za długo i został przerwany. | 1" in text
    assert posture_sentence(data, Words("en")) == "Settings of stations in order: 1 of 2 checks."


def test_who_said_nothing_in_the_period_is_named_and_not_counted() -> None:
    silent = station(OCTOBER, [0, 0], hostname="PC-2")
    stations = [station(OCTOBER, [1]), silent, station(OCTOBER, [1], hostname="PC-3")]
    data = told(stations, {("PC-1", "firewall"): PASS, ("PC-2", "firewall"): PASS})
    assert (data["stations"], data["looked_at"], data["not_looked_at"]) == (3, 1, ["PC-2", "PC-3"])
    assert data["checks"]["pass"] == 1
    assert "Nie wiadomo, jak ustawione są stacje: PC-2, PC-3." in said(data)


def test_revoked_stations_and_sensors_of_the_network_are_not_asked() -> None:
    stations = [station(OCTOBER, [1], revoked=True), station(OCTOBER, [1], hostname="sensor", sensor=True)]
    data = told(stations, {("PC-1", "firewall"): FAIL})
    assert data["stations"] == 0
    assert "nie wiadomo, jak stacje są ustawione" in said(data)


def test_what_weighs_most_over_all_stations_comes_first_with_what_to_do_on_its_system() -> None:
    stations = [station(OCTOBER, [1], hostname=f"PC-{n}", os=WINDOWS) for n in range(8)]
    stations.append(station(OCTOBER, [1], hostname="srv"))
    at_end = {(one.id, "firewall"): FAIL for one in stations}
    at_end["PC-1", "time_sync"] = Verdict("fail", "off")
    data = told(stations, at_end)
    found = [(row["check"], row["system"], row["stations"]) for row in data["findings"]]
    assert found == [("firewall", "windows", 8), ("firewall", "linux", 1), ("time_sync", "windows", 1)]
    text = said(data)
    assert "PC-0, PC-1, PC-2, PC-3, PC-4 … (razem 8)" in text
    assert "Otwórz „Zapora i ochrona sieci”" in text
    assert "`ufw enable`" in text


def test_points_of_the_law_stand_with_their_mark_and_its_meaning() -> None:
    text = said(told([station(OCTOBER, [1])], {("PC-1", "firewall"): FAIL}))
    assert "KRI § 19 ust. 2 pkt 7 lit. c [P]; UKSC, załącznik 4 cz. I pkt 4 [S1]" in text
    assert "[P] sprawdzono w tekście aktu; [S1] według jednego omówienia – sprawdź w akcie" in text
    none = said(told([station(OCTOBER, [1])], {("PC-1", "a_check_of_a_newer_agent"): FAIL}))
    assert "a_check_of_a_newer_agent" in none
    assert "[P]" not in none


def test_changes_compare_what_is_known_on_both_sides_of_stations_that_were_there() -> None:
    young = station(OCTOBER, [1], enrolled_at=OCTOBER.start + DAY, hostname="PC-2")
    before = {("PC-1", "firewall"): FAIL, ("PC-1", "time_sync"): PASS, ("PC-2", "firewall"): FAIL}
    after = {("PC-1", "firewall"): PASS, ("PC-1", "time_sync"): UNKNOWN, ("PC-1", "uac"): FAIL,
             ("PC-2", "firewall"): PASS}  # fmt: skip
    data = told([station(OCTOBER, [1]), young], after, before)
    changes = data["changes"]
    assert {name: changes[name] for name in ("stations", "mended", "broken", "unseen", "seen")} == {
        "stations": 1, "mended": 1, "broken": 0, "unseen": 1, "seen": 0}  # fmt: skip
    assert "Razem | 1 | 0 | 1 | 0" in said(data)


def test_without_a_month_before_it_says_so_and_not_that_nothing_changed() -> None:
    data = told([station(OCTOBER, [1])], {("PC-1", "firewall"): PASS})
    assert data["changes"] is None
    assert "Zmian od poprzedniego miesiąca nie da się podać" in said(data)
    same = told([station(OCTOBER, [1])], {("PC-1", "firewall"): PASS}, {("PC-1", "firewall"): PASS})
    assert "żaden wynik się nie zmienił" in said(same)


def test_a_quiet_month_names_the_bound_of_what_is_checked() -> None:
    text = said(told([station(OCTOBER, [1])], {("PC-1", "firewall"): PASS}))
    assert "Sprawdzane są tylko ustawienia, które zna Czujka." in text


def test_long_lists_are_cut_and_say_so() -> None:
    at_end = {("PC-1", f"check_{n}"): FAIL for n in range(MOST_FINDINGS + 3)}
    data = told([station(OCTOBER, [1])], at_end)
    assert (len(data["findings"]), data["findings_left_out"]) == (MOST_FINDINGS, 3)
    assert "Dalsze 3 wyniki są w panelu." in said(data)
    assert "3 more findings are in the console." in said(data, "en")
