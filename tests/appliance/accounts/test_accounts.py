"""Sign-in, lockout, passwords and the set-up link."""

from __future__ import annotations

from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.accounts import setup, users
from appliance.accounts.passwords import WeakPassword, check_strength, verify_password
from appliance.accounts.sessions import SignedIn, find_session
from appliance.clock import MINUTE, SECOND
from appliance.state.database import writing
from appliance.state.models import Operation, Role, SetupLink, User

NOW = 1_780_000_000_000_000
GOOD = "koń bateria zszywka"
Sessions = sessionmaker[Session]


def link(sessions: Sessions, now: int = NOW) -> str:
    with writing(sessions) as session:
        return setup.create_setup_link(session, now)


def finish(sessions: Sessions, token: str, now: int = NOW, **changes: str) -> SignedIn:
    words = {"login": "Anna", "name": "Anna", "password": GOOD, "language": "pl"} | changes
    return setup.complete_setup(sessions, token, **words, now=now)


def test_the_link_makes_the_first_administrator_once(sessions: Sessions) -> None:
    token = link(sessions)
    signed = finish(sessions, token)
    assert (signed.user.login, signed.user.role) == ("anna", Role.ADMIN)
    with sessions() as session:
        assert find_session(session, signed.token, NOW) is not None
        assert token not in str(session.scalars(select(SetupLink.token_hash)).all())
        assert not setup.needs_setup(session)
    for again in (token, link(sessions)):
        with pytest.raises(setup.BadSetupLink):
            finish(sessions, again)


def test_a_link_ends_with_time_and_with_the_next_link(sessions: Sessions) -> None:
    old = link(sessions)
    new = link(sessions)
    for token, moment in ((old, NOW), (new, NOW + setup.LIFETIME), ("", NOW), ("x", NOW)):
        with pytest.raises(setup.BadSetupLink):
            finish(sessions, token, moment)
    with pytest.raises(WeakPassword):
        finish(sessions, new, password="short")
    with pytest.raises(users.BadLogin):
        finish(sessions, new, login="<b>")
    assert finish(sessions, new).user.login == "anna"


def test_after_five_wrong_passwords_the_account_waits_longer_and_longer(sessions: Sessions) -> None:
    finish(sessions, link(sessions))
    for _ in range(users.TRIES):
        with pytest.raises(users.SignInFailed):
            users.sign_in(sessions, "anna", "wrong", NOW)
    with pytest.raises(users.SignInFailed):
        users.sign_in(sessions, "anna", GOOD, NOW + 29 * SECOND)
    assert users.sign_in(sessions, " ANNA ", GOOD, NOW + 30 * SECOND).user.login == "anna"
    with sessions() as session:
        assert session.scalars(select(User.failures)).one() == 0
        log = session.scalars(select(Operation.action).order_by(Operation.id)).all()
    assert log == ["setup", *["sign_in.failed"] * 6, "sign_in"]
    waits = [users.wait_after(failures) for failures in range(30)]
    assert waits == sorted(waits)
    assert (waits[4], waits[5], waits[6], waits[29]) == (0, 30 * SECOND, MINUTE, users.LONGEST_WAIT)


def test_tries_side_by_side_do_not_outrun_the_lockout(sessions: Sessions) -> None:
    finish(sessions, link(sessions))

    def guess() -> None:
        with pytest.raises(users.SignInFailed):
            users.sign_in(sessions, "anna", "wrong", NOW)

    guesses = [Thread(target=guess) for _ in range(8)]
    for one in guesses:
        one.start()
    for one in guesses:
        one.join()
    with sessions() as session:
        assert session.scalars(select(User.failures)).one() == users.TRIES


def test_an_unknown_login_takes_a_hash_too_and_fails_alike(sessions: Sessions) -> None:
    assert not verify_password("anything", None)
    assert not verify_password("x" * 100_000, None)
    with pytest.raises(users.SignInFailed):
        users.sign_in(sessions, "nobody", GOOD, NOW)


def test_a_new_password_signs_the_other_browsers_out(sessions: Sessions) -> None:
    here = finish(sessions, link(sessions))
    there = users.sign_in(sessions, "anna", GOOD, NOW)
    with pytest.raises(users.SignInFailed):
        users.change_password(sessions, here.user.id, "wrong", "inne dobre słowa", here.token)
    users.change_password(sessions, here.user.id, GOOD, "inne dobre słowa", here.token)
    with sessions() as session:
        assert find_session(session, here.token, NOW) is not None
        assert find_session(session, there.token, NOW) is None
    assert users.sign_in(sessions, "anna", "inne dobre słowa", NOW).user.login == "anna"


def test_the_last_administrator_stays(sessions: Sessions) -> None:
    finish(sessions, link(sessions))
    with writing(sessions) as session:
        user = session.scalars(select(User)).one()
        for change in ({"role": Role.AUDITOR}, {"disabled": True}):
            with pytest.raises(users.LastAdmin):
                users.change_user(session, user, **change)


@pytest.mark.parametrize(
    "password", ["", "short", "x" * 200, "haslo123456", "aaaaaaaaaaaa", "admin-admin-admin", "annaannaanna"]
)
def test_weak_passwords(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_strength(password, "anna")


@given(st.text(max_size=200))
def test_no_text_breaks_the_check_of_a_login(text: str) -> None:
    try:
        login = users.check_login(text)
    except users.BadLogin:
        return
    assert login.isascii()
    assert 2 <= len(login) <= 64
