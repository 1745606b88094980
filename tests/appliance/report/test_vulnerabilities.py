"""Known weaknesses in the monthly report: used in attacks first, what is accepted, and what could not be judged."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.clock import DAY
from appliance.report.stations import Station
from appliance.report.vulnerabilities import MOST_EXPLOITED, Compared, Weak, vulnerabilities_data
from appliance.report.vulnerabilities_document import vulnerabilities_blocks, vulnerabilities_sentence
from appliance.report.words import Words
from appliance.state.stations import WeaknessAcceptance
from appliance.vulnerabilities.accepted import Known
from tests.appliance.report.sample import NOW, OCTOBER, station, text_of

JUDGED = {"PC-1": Compared(judged=True, left_out=0)}


def acceptance(name: str, agent: str = "") -> WeaknessAcceptance:
    return WeaknessAcceptance(
        name=name, agent_id=agent, reason="Sieć odcięta", who="anna", created_at=0, until=NOW + 30 * DAY
    )


def known(name: str, *, exploited: bool = False, on: tuple[str, ...] = ("PC-1",), **values: Any) -> Known:
    stations = {agent: agent for agent in on}
    return Known(name, "tytuł", exploited=exploited, stations=stations, products={"prog": "2.0"}, **values)


def told(stations: list[Station] | None = None, **values: Any) -> Any:
    given = {"compared": JUDGED, "feeds_made_at": NOW - 3 * DAY, **values}
    return vulnerabilities_data([station(OCTOBER, [1])] if stations is None else stations, Weak(**given))


def said(data: Any, language: str = "pl") -> str:
    return text_of(vulnerabilities_blocks(data, Words(language)))


def test_exploited_ones_come_first_accepted_ones_behind_and_marked() -> None:
    row = acceptance("CVE-2")
    data = told(known=[known("CVE-1"), known("CVE-2", exploited=True, accepted=row), known("CVE-3", exploited=True)],
                accepted=[row])  # fmt: skip
    assert [one["name"] for one in data["exploited"]] == ["CVE-3", "CVE-2"]
    assert [one["name"] for one in data["others"]] == ["CVE-1"]
    text = said(data)
    assert text.index("CVE-3") < text.index("CVE-2") < text.index("CVE-1")
    assert "CVE-2\nprzyjęta do 21.12.2026" in text
    assert "CVE-2 | wszystkie stacje | Sieć odcięta | anna | 21.12.2026" in text
    assert "prog: poprawiona w 2.0" in text


def test_a_station_that_could_not_be_judged_is_named_and_nothing_is_concluded() -> None:
    stations = [station(OCTOBER, [1]), station(OCTOBER, [1], hostname="PC-2"), station(OCTOBER, [1], hostname="PC-3")]
    data = told(stations, compared={**JUDGED, "PC-2": Compared(judged=False, left_out=0)})
    assert (data["judged"], data["not_judged"]) == (1, ["PC-2", "PC-3"])
    assert "Nie udało się ocenić stacji: PC-2, PC-3. Nie oznacza to, że podatności tam nie ma." in said(data)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Dane o podatnościach z dnia 18 listopada 2026 r. są podstawą tego porównania."),
        ({"feeds_old": True}, "miały ponad 14 dni"),
        ({"feeds_made_at": None}, "Nie przyjęto jeszcze pakietu danych"),
        ({"feeds_made_at": None}, "Bez pakietu danych nie wiadomo, które podatności stacji są używane w atakach."),
        ({}, "W porównanych programach nie znaleziono podatności używanych w atakach."),
        ({}, "Żadna podatność nie jest przyjęta do terminu."),
    ],
)
def test_the_age_of_the_feeds_and_what_is_not_there(values: dict[str, Any], words: str) -> None:
    assert words in said(told(**values))


def test_without_feeds_the_beginning_does_not_say_that_none_is_used_in_attacks() -> None:
    words = Words("pl")
    assert vulnerabilities_sentence(told(), words).endswith("atakach: 0.")
    assert "Bez pakietu danych" in vulnerabilities_sentence(told(feeds_made_at=None), words)
    assert "Nie wiadomo" in vulnerabilities_sentence(told(compared={}), words)


def test_stations_that_are_gone_take_their_weaknesses_with_them() -> None:
    gone = station(OCTOBER, [1], hostname="PC-2", revoked=True)
    data = told([station(OCTOBER, [1]), gone],
                known=[known("CVE-1", on=("PC-1", "PC-2")), known("CVE-2", on=("PC-2",))],
                accepted=[acceptance("CVE-2", "PC-2")])  # fmt: skip
    assert (data["total"], data["affected"], data["others"][0]["stations"], data["accepted"]) == (1, 1, 1, [])


def test_changes_only_where_something_was_known_before() -> None:
    assert told()["changes"] is None
    assert "Nowe w tym okresie" not in said(told())
    data = told(came={"PC-1": 3, "gone": 9}, went={"PC-1": 2, "gone": 9})
    assert data["changes"] == {"stations": 1, "came": 3, "went": 2}


def test_what_is_known_of_a_station_is_told_though_not_all_of_it_could_be_judged() -> None:
    data = told(compared={"PC-1": Compared(judged=False, left_out=0)}, known=[known("CVE-1", exploited=True)])
    assert (data["judged"], data["not_judged"], data["exploited_total"]) == (0, ["PC-1"], 1)
    assert "CVE-1" in said(data)
    assert vulnerabilities_sentence(data, Words("pl")) == "Podatności stacji używane w\u00a0atakach: 1."
    nothing = told(compared={"PC-1": Compared(judged=False, left_out=0)})
    assert vulnerabilities_sentence(nothing, Words("pl")) == "Nie wiadomo, jakie podatności mają stacje."


def test_an_office_without_stations_says_that_nothing_was_compared() -> None:
    data = told([])
    assert said(data).splitlines()[1:] == [
        "W tym okresie nie była dołączona żadna stacja, więc nie było czego porównać."
    ]


def test_long_lists_are_cut_and_say_so() -> None:
    data = told(known=[known(f"CVE-{n}", exploited=True) for n in range(MOST_EXPLOITED + 5)])
    assert (len(data["exploited"]), data["exploited_total"]) == (MOST_EXPLOITED, MOST_EXPLOITED + 5)
    assert "5 more entries are in the console." in said(data, "en")
