"""The page and the API of the agent's versions: who runs what, and a roll-out that is started, widened, stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from appliance.clock import now
from appliance.detect import load_rules
from appliance.packages import deb, update
from appliance.packages.shelf import put
from appliance.state.database import writing
from appliance.state.models import Operation, Role
from appliance.state.updates import Rollout, RolloutState
from appliance.updates.rollouts import note_wait
from appliance.web.policy import Scope
from tests.appliance.web.conftest import TestBox, app_over
from tests.appliance.web.pages import sample

PAGE = "/stacje/aktualizacje"
VERSION = "0.3.0"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBox]:
    """The office's stations alone, without its day."""
    context = sample.make_context(tmp_path_factory.mktemp("office") / "home", load_rules([]))
    with writing(context.sessions) as session:
        sample.stations(session, now())
        sample.rollouts(session, now())
    yield TestBox(app_over(context), context, "", 0)
    for part in (context.store, context.journal, context.dead_letters):
        part.close()
    context.sessions.kw["bind"].dispose()


@pytest.fixture
def shelf(office: TestBox) -> Iterator[TestBox]:
    """The office with a later version in hand, and as it was afterwards."""
    folder = office.context.home.agent_packages
    for name in (update.name_of("0.2.0"), update.name_of(VERSION), deb.name_of(VERSION)):
        put(folder, name, b"content")
    (folder / f"{deb.name_of(VERSION)}.sig").write_bytes(b"signature")
    yield office
    for path in folder.iterdir():
        path.unlink()
    with writing(office.context.sessions) as session:
        for row in session.scalars(select(Rollout).where(Rollout.version == VERSION)):
            session.delete(row)


def newest(box: TestBox) -> Rollout:
    with box.context.sessions() as session:
        return session.scalars(select(Rollout).order_by(Rollout.id.desc())).first() or Rollout()


def actions(box: TestBox) -> list[tuple[str, str]]:
    with box.context.sessions() as session:
        rows = session.scalars(select(Operation).where(Operation.target == VERSION).order_by(Operation.id))
        return [(one.who, one.action) for one in rows]


def test_a_stopped_roll_out_says_who_went_back_and_why(office: TestBox) -> None:
    text = office.ask("GET", PAGE, office.person(Role.AUDITOR)).text
    assert "2 stacje wróciły do poprzedniej wersji" in text.replace("\u00a0", " ")
    assert "kończyła się sama trzy razy" in text
    assert "nie połączyła się z" in text
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert 'action="/stacje/aktualizacje' not in text, "an auditor changes nothing"


def test_what_each_station_runs_is_told_without_sensors_of_the_network(office: TestBox) -> None:
    text = office.ask("GET", PAGE, office.person(Role.OPERATOR)).text
    row, _history = re.findall(r'<th scope="row">0\.1\.0</th>.*?</tr>', text, re.DOTALL)
    assert "pc-ksieg-02" in row
    assert "srv-ad-01" not in row


def test_a_version_goes_its_way_from_the_page(shelf: TestBox) -> None:
    admin = shelf.person(Role.ADMIN)

    def act(number: int, name: str, **data: str) -> int:
        return shelf.ask("POST", f"{PAGE}/{number}/{name}", admin, data=data).status_code

    shown = shelf.ask("GET", PAGE, admin).text
    assert f'name="wersja" value="{VERSION}"' in shown
    assert shown.count("plik podpisu jest obok") == 1
    answer = shelf.ask("POST", PAGE, admin, data={"wersja": VERSION, "godziny": "2"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?ok=rollout_started")
    row = newest(shelf)
    assert (row.version, row.ring, row.not_before > shelf.context.now()) == (VERSION, 5, True)
    assert act(row.id, "szerzej", czesc="25") == 303
    assert act(row.id, "szerzej", czesc="25") == 409, "the same form sent twice"
    assert act(row.id, "zatrzymaj") == 303
    assert "data-l" in shelf.ask("GET", PAGE, admin).text
    assert act(row.id, "wznow") == 303
    assert act(row.id - 1, "zakoncz") == 409
    assert act(row.id, "zakoncz") == 303
    assert (newest(shelf).state, newest(shelf).ring) == (RolloutState.ENDED, 25)
    assert act(row.id, "usun") == 404
    kinds = ("started", "promoted", "stopped", "resumed", "ended")
    assert actions(shelf) == [("admin", f"rollout.{kind}") for kind in kinds]


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        ({"wersja": VERSION, "godziny": "721"}, 422, "Podaj liczbę godzin"),
        ({"wersja": VERSION, "godziny": "-1"}, 422, "Podaj liczbę godzin"),
        ({"wersja": "0.2.5"}, 409, "wydanie jest już w innym stanie"),
    ],
)
def test_what_cannot_be_started_is_said_and_nothing_changes(
    shelf: TestBox, data: dict[str, str], status: int, said: str
) -> None:
    before = newest(shelf).id
    answer = shelf.ask("POST", PAGE, shelf.person(Role.ADMIN), data=data)
    assert answer.status_code == status
    assert said in answer.text.replace("\u00a0", " ")
    assert newest(shelf).id == before


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_only_an_administrator_rolls_out(shelf: TestBox, role: Role) -> None:
    number, person = newest(shelf).id, shelf.person(role)
    assert shelf.ask("POST", PAGE, person, data={"wersja": VERSION}).status_code == 403
    assert shelf.ask("POST", f"{PAGE}/{number}/wznow", person).status_code == 403
    assert newest(shelf).id == number


def test_the_api_does_the_same(shelf: TestBox) -> None:
    robot, reader = shelf.token(Scope.AGENTS_WRITE), shelf.token(Scope.AGENTS_READ)
    packages = shelf.get("/agent-packages", reader).json()["items"]
    assert [(one["kind"], one["version"], one["signed"]) for one in packages] == [
        ("deb", VERSION, True),
        ("update", VERSION, False),
        ("update", "0.2.0", False),
    ]
    assert shelf.post("/rollouts", reader, {}).status_code == 403
    number = shelf.post("/rollouts", robot, {"version": VERSION}).json()["id"]
    assert shelf.post("/rollouts", robot, {}).json()["code"] == "rollout_not_later"
    assert shelf.post(f"/rollouts/{number}/promote", robot, {"to": 100}).json()["code"] == "rollout_changed"
    assert [shelf.post(f"/rollouts/{number}/promote", robot, {}).json()["ring"] for _ in "ab"] == [25, 100]
    with writing(shelf.context.sessions) as session:
        note_wait(session, sample.agent_id(0), "power", 1)
    assert "czeka na zasilanie" in shelf.ask("GET", PAGE, shelf.person(Role.AUDITOR)).text.replace("\u00a0", " ")
    for act, state in (("stop", "stopped"), ("resume", "going"), ("end", "ended")):
        assert shelf.post(f"/rollouts/{number}/{act}", robot).json()["state"] == state
    assert [one["version"] for one in shelf.get("/rollouts", reader).json()["items"]][:2] == [VERSION, "0.2.0"]
    before = shelf.get(f"/rollouts/{number - 1}", reader).json()
    back = {one["hostname"]: one["reason"] for one in before["stations"] if one["standing"] == "back"}
    assert back == {"pc-kadry-01": "crashed", sample.NASTY_HOST: "silent"}
    assert sum(one["total"] for one in before["rings"]) == len(before["stations"]) == 6
    assert shelf.get("/rollouts/999", reader).status_code == 404
