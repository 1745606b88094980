"""The list of stations with its filters and CSV, one station, its inventory, and the same by the API."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from uuid import uuid4

import pytest
import yaml

from agent.wire.envelope import unpack
from agent.wire.event import event_id
from appliance.alerts.cards import FOLDER, own_title
from appliance.clock import DAY, HOUR, MINUTE
from appliance.intake.chain import break_told
from appliance.journal import Break, Fault, NewBatch
from appliance.language.dates import local
from appliance.normalise.czujka_agent import normalise
from appliance.normalise.model import Source
from appliance.ops.losses import record_gap
from appliance.state.models import Agent, AgentState, Alert, Role
from appliance.stations import fresh
from appliance.stations.look import Figures, score
from appliance.store import BatchResult, EmbeddedStore
from appliance.store.shape import encode
from appliance.vulnerabilities.standing import REASONS
from appliance.web.pages.render import catalogue
from appliance.web.pages.views.stations import StationFilter, station, station_filter
from tests.appliance.web.conftest import TestBox
from tests.appliance.web.pages import sample

LINUX, WINDOWS = sample.agent_id(3), sample.agent_id(7)
NOW = 1_790_000_000_000_000


def agent(**more: object) -> Agent:
    values = {"id": LINUX, "hostname": "pc-1", "os": "Debian 12", "version": "1", "address": "10.0.0.1",
              "certificate": "0", "expires_at": NOW + 90 * DAY, "state": AgentState.ACTIVE, "enrolled_at": 0,
              "seen_at": NOW, "event_at": NOW, "records": 1, "spooled": 0, "skew_us": 0, "sensors": []}  # fmt: skip
    return Agent(**values | more)


@pytest.mark.parametrize(
    ("asked", "takes"),
    [
        ({}, True),
        ({"tekst": "PC-1"}, True),
        ({"tekst": "pc-2"}, False),
        ({"stan": "heard"}, True),
        ({"stan": "silent"}, False),
        ({"system": "linux", "rodzaj": "agent"}, True),
        ({"system": "windows"}, False),
        ({"rodzaj": "sensor"}, False),
        ({"brak": "firewall"}, True),
        ({"brak": "antivirus"}, True),
        ({"brak": "disk_encryption"}, False),
        ({"brak": "never_told"}, False),
        ({"podatne": "tak"}, True),
        ({"podatne": "atak"}, False),
        ({"stan": "<script>", "podatne": "x"}, True),
    ],
)
def test_a_filter_takes_what_it_asks_for(asked: dict[str, str], takes: bool) -> None:
    results = {"firewall": "fail", "antivirus": "unknown", "disk_encryption": "pass"}
    one = station(agent(), NOW, Figures(weaknesses=2, results=results))
    assert station_filter(asked).takes(one) is takes


def test_a_filter_goes_through_the_address_and_back() -> None:
    wanted = StationFilter("a&b", "silent", "windows", "sensor", "firewall", "atak")
    pairs = dict(part.split("=") for part in wanted.address.replace("%26", "&amp;").replace("&amp;", "\x00").split("&"))
    assert station_filter({name: text.replace("\x00", "&") for name, text in pairs.items()}) == wanted
    assert StationFilter().address == ""


def test_what_is_unknown_is_not_in_order() -> None:
    results = {"a": "pass", "b": "fail", "c": "unknown"}
    assert score(results, {}) == 33
    assert score(results, {"a": 3, "b": 1}) == 60
    assert score({}, {}) is None


def test_of_a_station_of_which_nothing_is_known_no_percent_is_shown() -> None:
    assert score({"a": "unknown", "b": "unknown"}, {}) is None
    assert score({"a": "fail", "b": "unknown"}, {}) == 0


def test_what_a_station_confirms_no_more_is_shown_as_unknown_with_what_to_do(
    office: TestBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = office.person(Role.AUDITOR)
    assert "nie potwierdziła" not in office.ask("GET", f"/stacje/{WINDOWS}", who).text.replace("\u00a0", " ")
    (section, *_) = office.get(f"/agents/{WINDOWS}/inventory", who).json()["items"]
    assert section["problem"] == ""
    monkeypatch.setattr(fresh, "BELIEVED", 0)
    text = office.ask("GET", f"/stacje/{WINDOWS}", who).text.replace("\u00a0", " ")
    for said in ("nie potwierdziła", "ostatnio: w porządku", "niepotwierdzone", "Sprawdź, czy stacja jest włączona"):
        assert said in text, said
    assert "nie potwierdziła" in office.ask("GET", f"/stacje/{WINDOWS}/spis", who).text.replace("\u00a0", " ")
    findings = office.get(f"/agents/{WINDOWS}/posture", who).json()["items"]
    assert {(row["name"], row["result"], row["reason"], row["told"]) for row in findings} >= {
        ("firewall", "unknown", "stale", "pass")
    }
    assert {one["problem"] for one in office.get(f"/agents/{WINDOWS}/inventory", who).json()["items"]} == {"stale"}


def test_states_and_marks() -> None:
    assert station(agent(seen_at=None), NOW).state == "never"
    assert station(agent(seen_at=NOW - 6 * MINUTE), NOW).state == "silent"
    assert station(agent(state=AgentState.REVOKED), NOW).state == "revoked"
    held = station(agent(state=AgentState.QUARANTINE), NOW)
    assert (held.state, held.kind) == ("quarantine", "bad")
    assert station(agent(expires_at=NOW + DAY), NOW).ending
    assert station(agent(sensors=[{"name": "n", "state": "on", "figures": {}}]), NOW).role == "sensor"


def test_the_csv_has_every_station_and_no_formula(office: TestBox) -> None:
    answer = office.ask("GET", "/stacje.csv", office.person(Role.AUDITOR))
    assert answer.headers["content-disposition"].endswith('"czujka-stacje.csv"')
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {line["hostname"] for line in lines} == {*sample.HOSTS, sample.NASTY_HOST}
    (linux,) = [line for line in lines if line["id"] == LINUX]
    assert (linux["posture_percent"], linux["posture_failing"], linux["weaknesses"]) == ("0", "2", "")
    few = office.ask("GET", "/stacje.csv?stan=silent", office.person(Role.AUDITOR)).text
    assert few.count("\n") == 2


def test_a_station_shows_its_settings_changes_and_sources(office: TestBox) -> None:
    text = office.ask("GET", f"/stacje/{LINUX}", office.person(Role.AUDITOR)).text
    for said in (
        "5.2.15-2 → 5.2.15-3",
        "nie wiadomo",
        "jądro systemu zgubiło rekordy audytu",
        "linux.audit",
        "Pakiety",
    ):
        assert said in text, said
    assert "Cofnij certyfikat" not in text
    assert office.ask("GET", f"/stacje/{uuid4()}", office.person(Role.AUDITOR)).status_code == 404
    assert office.ask("GET", "/stacje/nie-ma", office.person(Role.AUDITOR)).status_code == 404


def test_the_inventory_is_paged_and_searched(office: TestBox) -> None:
    who = office.person(Role.AUDITOR)
    page = office.ask("GET", f"/stacje/{LINUX}/spis", who).text
    assert "package-49" in page
    found = office.ask("GET", f"/stacje/{LINUX}/spis?tekst=5.2.15-3", who).text
    assert "bash" in found
    assert "package-49" not in found
    assert "Żadna pozycja nie pasuje." in office.ask("GET", f"/stacje/{LINUX}/spis?tekst=%25", who).text


def test_the_api_tells_the_same(office: TestBox) -> None:
    who = office.person(Role.AUDITOR)
    (section,) = office.get(f"/agents/{LINUX}/inventory", who).json()["items"]
    assert (section["name"], section["count"], section["agrees"]) == ("package", 32, True)
    first = office.get(f"/agents/{LINUX}/inventory/package?limit=20", who).json()
    rest = office.get(f"/agents/{LINUX}/inventory/package?limit=20&after={first['next']}", who).json()
    keys = [item["key"] for item in first["items"] + rest["items"]]
    assert len(keys) == len(set(keys)) == 32
    assert rest["next"] is None
    changes = office.get(f"/agents/{LINUX}/changes?limit=500", who).json()["items"]
    assert {change["what"] for change in changes} == {"new", "changed", "gone"}
    findings = office.get(f"/agents/{LINUX}/posture", who).json()["items"]
    assert {row["name"]: row["result"] for row in findings}["firewall"] == "fail"
    assert office.get(f"/agents/{LINUX}/weaknesses", who).json() == {
        "judged": False, "reason": "no_system", "detail": "", "items": []}  # fmt: skip
    for path in ("inventory", "inventory/package", "changes", "posture", "weaknesses"):
        assert office.get(f"/agents/{uuid4()}/{path}", who).status_code == 404
    assert office.get(f"/agents/{LINUX}/inventory/wishes", who).status_code == 422
    assert office.get(f"/agents/{LINUX}/changes?after=zzz", who).status_code == 422


def test_weaknesses_are_listed_accepted_and_taken_back(office: TestBox) -> None:
    admin, auditor = office.person(Role.ADMIN), office.person(Role.AUDITOR)
    text = office.ask("GET", "/podatnosci", auditor).text.replace("\u00a0", " ")
    for said in ("CVE-2025-8088", "używana w atakach", "END-WINDOWS-10-22H2", "Nie przyjęto jeszcze pakietu danych"):
        assert said in text, said
    assert "Przyjmij do terminu" not in text
    assert text.index("CVE-2025-8088") < text.index("CVE-2025-55188") < text.index("CVE-2025-0411")
    assert "CVE-2025-55188" not in office.ask("GET", "/podatnosci?co=atak", auditor).text
    form = {"name": "CVE-2025-55188", "reason": "do wymiany", "until": "2099-01-01"}
    assert office.ask("POST", "/podatnosci/przyjmij", auditor, data=form).status_code == 403
    late = office.ask("POST", "/podatnosci/przyjmij", admin, data=form)
    assert (late.status_code, "nie dalej niż" in late.text.replace("\u00a0", " ")) == (422, True)
    soon = local(office.context.now() + 10 * DAY).date().isoformat()
    assert office.ask("POST", "/podatnosci/przyjmij", admin, data=form | {"until": soon}).status_code == 303
    (row,) = [one for one in office.get("/weaknesses/acceptances", auditor).json()["items"] if one["reason"] != ""][:1]
    assert (row["name"], row["in_force"]) == ("CVE-2025-55188", True)
    assert office.ask("POST", f"/podatnosci/przyjete/{row['id']}/cofnij", admin).status_code == 303
    assert office.ask("POST", f"/podatnosci/przyjete/{row['id']}/cofnij", admin).status_code == 409
    log = office.get("/operations", auditor).json()["items"]
    assert {"weakness.accepted", "weakness.acceptance_withdrawn"} <= {one["action"] for one in log}


def test_a_station_says_why_it_was_not_compared_beside_what_is_known(office: TestBox) -> None:
    text = office.ask("GET", f"/stacje/{WINDOWS}", office.person(Role.AUDITOR)).text.replace("\u00a0", " ")
    for said in (
        "CVE-2025-8088",
        "nie wszystko porównano",
        "Agent nie odczytał potrzebnych działów spisu.",
        "Windows Update",
    ):
        assert said in text, said
    told = office.get(f"/agents/{WINDOWS}/weaknesses", office.person(Role.AUDITOR)).json()
    assert (told["judged"], told["reason"], told["detail"]) == (False, "unread", "update")
    assert {one["name"] for one in told["items"]} >= {"CVE-2025-8088"}
    for reason in REASONS:
        for lang in ("pl", "en"):
            assert catalogue().text(f"weak.why.{reason}", lang)
            assert catalogue().text(f"weak.do.{reason}", lang)


def test_without_a_comparison_nobody_says_that_all_is_well(box: TestBox) -> None:
    text = box.ask("GET", "/podatnosci", box.person(Role.AUDITOR)).text
    assert "więc nie wiadomo" in text
    assert "Nie ma znanych podatności" not in text


def test_the_api_accepts_and_lists(office: TestBox) -> None:
    admin = office.person(Role.ADMIN)
    known = office.get("/weaknesses", admin).json()
    assert (known["feeds_made_at"], known["total"]) == (None, len(known["items"]))
    (first, *_) = known["items"]
    assert (first["name"], first["exploited"], first["stations"]) == (
        "CVE-2025-8088",
        True,
        {WINDOWS: sample.NASTY_HOST},
    )
    body = {"name": "CVE-2025-8088", "reason": "x", "until": office.context.now() + DAY, "agent_id": WINDOWS}
    made = office.post("/weaknesses/acceptances", admin, body)
    assert (made.status_code, made.json()["agent_id"]) == (201, WINDOWS)
    assert office.get("/weaknesses", admin).json()["items"][-1]["accepted_until"] is not None
    assert office.post(f"/weaknesses/acceptances/{made.json()['id']}/withdraw", admin).status_code == 200
    assert office.post("/weaknesses/acceptances", admin, body | {"name": "CVE-1-1"}).status_code == 422


def test_settings_speak_in_words_with_their_points_of_law(office: TestBox) -> None:
    text = office.ask("GET", f"/stacje/{LINUX}", office.person(Role.AUDITOR)).text.replace("\u00a0", " ")
    assert "Szyfrowanie dysku" in text
    assert "KRI § 19" in text
    assert "sprawdzono w tekście aktu" in text
    assert "Zaszyfrowany dysk skradzionego komputera nie wyda danych mieszkańców." in text


def test_an_alert_bears_the_title_of_its_card_as_in_the_list(office: TestBox) -> None:
    listed, now = yaml.safe_load((FOLDER / "index.yaml").read_text("utf-8"))["rules"], office.context.now()
    rule = next(name for name in listed if own_title(name, "pl"))
    with office.context.sessions() as session, session.begin():
        session.add(
            Alert(rule_id=rule, entity="e", title="As the rule calls it", level=3, host="pc", user="", process="",
                  tags=[], count=1, agent_id=LINUX, first_event_at=now, last_event_at=now,
                  created_at=now, updated_at=now)
        )  # fmt: skip
    text = office.ask("GET", f"/stacje/{LINUX}", office.person(Role.AUDITOR)).text.replace("\u00a0", " ")
    assert text.count(own_title(rule, "pl").replace("\u00a0", " ")) == 2
    assert "As the rule calls it" not in text


def test_a_broken_chain_comes_into_the_ledger_and_onto_the_page(office: TestBox) -> None:
    now = office.context.now()
    batch = NewBatch(LINUX, "boot:spool:7", now, None, 1, b"", host=host_of(office, LINUX))
    told = break_told(batch, Break(Fault.ANEW, now - 2 * HOUR))
    (line,) = unpack(told.body)
    event = normalise(json.loads(line), Source(LINUX, now))
    with office.context.sessions() as session, session.begin():
        assert record_gap(session, event)
        assert not record_gap(session, event)
    text = office.ask("GET", f"/stacje/{LINUX}", office.person(Role.AUDITOR)).text.replace("\u00a0", " ")
    assert "Łańcuch paczek tej stacji był przerwany" in text
    assert text.count("bufor na stacji zaczął się od nowa bez podania powodu") >= 3
    assert "Łańcuch paczek" not in office.ask("GET", f"/stacje/{WINDOWS}", office.person(Role.AUDITOR)).text


def test_the_clock_is_shown_with_its_error(office: TestBox) -> None:
    who, now = office.person(Role.AUDITOR), office.context.now()
    for skew, rtt, said in ((0, 3000, "zgodny"), (3 * MINUTE, 3000, "spóźnia się o 3 min"), (-9_000_000, 0, "spieszy")):
        with office.context.sessions() as session, session.begin():
            one = session.get_one(Agent, LINUX)
            one.skew_us, one.rtt_us, one.skew_at = skew, rtt, now
        text = office.ask("GET", f"/stacje/{LINUX}", who).text.replace("\u00a0", " ")
        assert said in text
        assert ("błąd pomiaru do 2 ms" in text) == bool(rtt)
        assert ("Ustaw go, bo czasy" in text) == (skew > MINUTE)


def host_of(office: TestBox, identity: str) -> str:
    with office.context.sessions() as session:
        return session.get_one(Agent, identity).hostname


def test_silence_is_explained(office: TestBox) -> None:
    who, silent = office.person(Role.AUDITOR), sample.agent_id(5)
    with office.context.sessions() as session:
        seen = session.get_one(Agent, silent).seen_at
    assert seen is not None

    def said(path: str) -> str:
        return office.ask("GET", path, who).text.replace("\u00a0", " ")

    def happens(number: int, **fields: Any) -> None:
        told: dict[str, Any] = {
            "event.id": event_id("silence", number),
            "@timestamp": seen,
            "event.created": seen,
            "host.name": "x",
        }
        writer = EmbeddedStore(office.context.home.store)
        place = writer.applied() + 1
        names = {name.replace("__", "."): value for name, value in fields.items()}
        writer.append(
            encode([told | {"event.ingested": seen} | names]), [BatchResult(place, silent, 1, 1, 0, 0)], place
        )
        writer.close()

    assert "poza siecią urzędu albo bez połączenia" in said("/stacje")
    happens(1, agent__id=LINUX, source__ip="10.1.0.15", **{"@timestamp": seen + 5 * MINUTE})
    assert "agent zamilkł bez zapowiedzi" in said(f"/stacje/{silent}")
    happens(
        2, agent__id=silent, event__module="czujka.agent", event__action="agent_stopping", agent__host_stopping=True
    )
    for path in ("/stacje", f"/stacje/{silent}"):
        assert "komputer wyłączony" in said(path)
    assert "komputer wyłączony" not in said(f"/stacje/{LINUX}")
