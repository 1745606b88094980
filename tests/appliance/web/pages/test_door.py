"""The set-up link from end to end: it shows its form, names every fault, makes one administrator, and is used up."""

from __future__ import annotations

import re

import pytest

from appliance.accounts.setup import create_setup_link
from appliance.clock import DAY
from appliance.state.database import writing
from appliance.state.models import User
from appliance.web.auth import COOKIE
from appliance.web.context import Context
from tests.appliance.web.conftest import ORIGIN, TestBox, app_over, at
from tests.appliance.web.pages import sample

GOOD = {"name": "Jan Kowalski", "login": "jan", "password": sample.PASSWORD, "again": sample.PASSWORD}


@pytest.fixture
def fresh(context: Context) -> TestBox:
    return TestBox(app_over(context), context, "", 0)


def link(box: TestBox) -> str:
    with writing(box.context.sessions) as session:
        return create_setup_link(session, box.context.now())


def send(box: TestBox, token: str, **form: str) -> tuple[int, str]:
    answer = box.ask("POST", "/ustaw", data={"token": token, **GOOD, **form}, headers={"Origin": ORIGIN})
    return answer.status_code, answer.text


def people(box: TestBox) -> int:
    with box.context.sessions() as session:
        return session.query(User).count()


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": " "}, "f-name"),
        ({"login": "Ż"}, "f-login"),
        ({"login": ".jan"}, "f-login"),
        ({"password": "krótkie", "again": "krótkie"}, "f-password"),
        ({"again": "coś innego"}, "f-again"),
    ],
)
def test_a_fault_stands_at_its_field_and_the_link_stays_good(fresh: TestBox, form: dict[str, str], field: str) -> None:
    token = link(fresh)
    status, text = send(fresh, token, **form)
    assert status == 422
    assert f'id="{field}-e"' in text
    assert re.findall(r'<input id="([^"]+)"[^>]*aria-invalid', text) == [field]
    assert sample.PASSWORD not in text
    assert people(fresh) == 0
    assert send(fresh, token)[0] == 303


def test_two_faults_are_also_listed_at_the_top(fresh: TestBox) -> None:
    _, text = send(fresh, link(fresh), name="", login="")
    top = re.search(r'<div class="msgbar bad mt" role="alert"><ul>(.*?)</ul>', text)
    assert top is not None
    assert top[1].count("<li>") == 2


def test_the_link_makes_one_administrator_and_is_used_up(fresh: TestBox) -> None:
    token = link(fresh)
    assert fresh.ask("GET", f"/ustaw?token={token}").status_code == 200
    answer = fresh.ask("POST", "/ustaw", data={"token": token, **GOOD}, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?ok=welcome")
    cookie = answer.cookies[COOKIE]
    assert "Konto jest gotowe." in fresh.ask("GET", "/?ok=welcome", headers={"Cookie": f"{COOKIE}={cookie}"}).text
    assert send(fresh, token, login="drugi")[0] == 410
    assert fresh.ask("GET", f"/ustaw?token={token}").status_code == 410
    assert people(fresh) == 1


def test_an_old_link_says_how_to_get_another(fresh: TestBox) -> None:
    token = link(fresh)
    later = at(fresh, fresh.context.now() + DAY + 1)
    answer = later.ask("GET", f"/ustaw?token={token}", headers={"Accept-Language": "pl"})
    assert answer.status_code == 410
    assert "wypisze nowy link" in answer.text.replace("\u00a0", " ")
