"""The page of what stations may collect: an administrator decides, others see."""

from __future__ import annotations

from appliance.state.database import writing
from appliance.state.models import Operation, Role
from appliance.stations.collecting import holding
from appliance.stations.quarantine import Reason, hold, release
from tests.appliance.web.conftest import AGENT, TestBox

PAGE = "/stacje/co-zbieram"


def test_an_administrator_decides_for_all_and_for_one(office: TestBox) -> None:
    admin = office.person(Role.ADMIN)
    answer = office.ask("POST", PAGE, admin, data={"kategoria": "scripts", "zbierac": "nie"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?ok=collecting")
    office.ask("POST", PAGE, admin, data={"kategoria": "scripts", "zbierac": "tak", "stacja": AGENT})
    with office.context.sessions() as session:
        assert not holding(session, None)["scripts"].collected
        assert holding(session, AGENT)["scripts"].collected
        assert session.query(Operation).filter(Operation.action == "collection.switched").count() == 2
    text = office.ask("GET", f"{PAGE}?stacja={AGENT}", admin).text
    assert "tylko dla tej stacji" in text
    office.ask("POST", PAGE, admin, data={"kategoria": "scripts", "zbierac": "wspolnie", "stacja": AGENT})
    with office.context.sessions() as session:
        assert not holding(session, AGENT)["scripts"].collected


def test_nonsense_is_refused(office: TestBox) -> None:
    admin, unknown = office.person(Role.ADMIN), "00000000-0000-4000-8000-00000000ffff"
    for data in (
        {"kategoria": "thoughts", "zbierac": "tak"},
        {"kategoria": "logs", "zbierac": "moze"},
        {"kategoria": "logs", "zbierac": "wspolnie"},
    ):
        assert office.ask("POST", PAGE, admin, data=data).status_code == 422
    data = {"kategoria": "logs", "zbierac": "nie", "stacja": unknown}
    assert office.ask("POST", PAGE, admin, data=data).status_code == 404
    assert office.ask("GET", f"{PAGE}?stacja={unknown}", admin).status_code == 404


def test_an_operator_sees_and_does_not_decide(office: TestBox) -> None:
    operator = office.person(Role.OPERATOR)
    assert 'name="zbierac"' not in office.ask("GET", PAGE, operator).text
    assert office.ask("POST", PAGE, operator, data={"kategoria": "logs", "zbierac": "nie"}).status_code == 403


def test_the_notice_for_staff_is_a_file(office: TestBox) -> None:
    answer = office.ask("GET", f"{PAGE}/informacja", office.person(Role.AUDITOR))
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "uruchamiane programy" in answer.text


def test_a_station_with_two_machines_waits_for_an_administrator(office: TestBox) -> None:
    admin, page = office.person(Role.ADMIN), "/stacje/decyzje"
    with writing(office.context.sessions) as session:
        assert hold(session, AGENT, Reason.EXPIRED, 4)
        release(session, "anna", AGENT, 4)
        assert hold(session, AGENT, Reason.TWO_MACHINES, 5)
        assert not hold(session, AGENT, Reason.EXPIRED, 6)
    assert "dwa komputery" in office.ask("GET", page, admin).text
    listed = office.ask("GET", "/stacje", admin).text
    assert 'href="/stacje/decyzje"' in listed
    assert "wstrzymana" in listed
    assert office.ask("POST", f"{page}/{AGENT}", admin, data={"decyzja": "moze"}).status_code == 422
    assert (
        office.ask("POST", f"{page}/{AGENT}", office.person(Role.AUDITOR), data={"decyzja": "zwolnij"}).status_code
        == 403
    )
    assert office.ask("POST", f"{page}/{AGENT}", admin, data={"decyzja": "zwolnij"}).status_code == 303
    assert office.ask("POST", f"{page}/{AGENT}", admin, data={"decyzja": "zwolnij"}).status_code == 404
    with office.context.sessions() as session:
        assert {one.action for one in session.query(Operation)} >= {"agent.quarantined", "agent.released"}
    assert "Żadna stacja" in office.ask("GET", page, admin).text
