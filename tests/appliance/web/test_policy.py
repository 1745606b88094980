"""Every route × everybody who may ask, against the policy's own table."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from appliance.state.models import Role
from appliance.web import policy
from appliance.web.auth import Require
from appliance.web.policy import Permission, Scope
from tests.appliance.web.conftest import AGENT, EVENT, Party, TestBox

STREAM = "/api/v1/stream"
SIGN_IN = "/zaloguj"


def permissions(dependant: Dependant) -> Iterator[Permission]:
    for part in dependant.dependencies:
        if isinstance(part.call, Require):
            yield part.call.permission
        yield from permissions(part)


def routes(app: FastAPI) -> list[tuple[str, str, set[Permission]]]:
    """Return method, path and declared permissions of every route of an app."""
    return [
        (method, str(context.path_format), set(permissions(context.dependant)))
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        for method in sorted(context.methods or ())
    ]


def test_every_route_names_one_permission(box: TestBox) -> None:
    found = routes(box.app)
    assert len(found) > 35
    assert [(method, path) for method, path, needed in found if len(needed) != 1] == []


def test_nothing_but_routes_and_static_files_answers(box: TestBox) -> None:
    others = {
        str(context.path)
        for context in iter_route_contexts(box.app.routes)
        if not isinstance(context.original_route, APIRoute)
    }
    assert others <= {"/static", "/favicon.ico"}


def test_what_is_open_to_anybody_is_this_and_no_more(box: TestBox) -> None:
    public = {path for _, path, needed in routes(box.app) if needed == {Permission.PUBLIC}}
    api = {path for path in public if path.startswith("/api/")}
    assert api == {"/api/v1/health"}
    assert public - api <= {"/ustaw", "/wejdz", "/zaloguj", "/wyloguj", "/motyw", "/wyglad", "/jezyk"}


PARTIES = ["anonymous", *Role, *(f"token {scope}" for scope in Scope), "token without scope"]


def granted(party: str) -> frozenset[Permission]:
    if party == "anonymous":
        return frozenset({Permission.PUBLIC})
    if party.startswith("token"):
        return policy.of_scopes([party.removeprefix("token ")])
    return policy.of_role(Role(party))


def fill_path(path: str, box: TestBox) -> str:
    known = {"event_id": EVENT, "agent_id": AGENT, "rule_id": box.rule, "alert_id": str(box.alert)}
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda name: known.get(name[1], "1"), path)


@pytest.mark.parametrize("party", PARTIES)
def test_every_route_answers_as_the_policy_says(box: TestBox, party: str) -> None:
    """A refusal is 401 or 403 (pages lead nobody to the sign-in); anything else means that the asker was let in."""
    # A stream that lets somebody in does not end, and the sign-in answers a wrong password with 401.
    box.beat()
    endless = {STREAM} if Permission.ALERTS_READ in granted(party) else set()
    wanted = [route for route in routes(box.app) if route[1] not in endless and route[:2] != ("POST", SIGN_IN)]
    # Each route has its own asker, because some routes end the asker's session.
    calls = [(method, fill_path(path, box), asker(box, party)) for method, path, _ in wanted]
    statuses = box.ask_all(calls)
    refusals = {401} if party == "anonymous" else {403}
    wrong = [
        (method, path, status)
        for (method, path, needed), status in zip(wanted, statuses, strict=True)
        if status >= 500 or (status in refusals) == (needed <= granted(party))
    ]
    assert wrong == []


def asker(box: TestBox, party: str) -> Party | None:
    if party == "anonymous":
        return None
    if party in set(Role):
        return box.person(Role(party))
    return box.token(*[Scope(party.removeprefix("token "))] if party != "token without scope" else [])


def test_the_auditor_changes_nothing() -> None:
    changing = {
        name
        for name in Permission
        if name.value.endswith((".act", ".keep", ".manage", ".make", ".propose", ".approve", ".set"))
    }
    assert len(changing) == 12
    assert not policy.of_role(Role.AUDITOR) & changing


def test_a_person_s_own_account_is_nothing_for_tokens() -> None:
    assert all(Permission.SELF not in policy.of_scopes([scope]) for scope in Scope)
    assert policy.of_scopes(["nonsense"]) == {Permission.PUBLIC}
    assert policy.of_scopes(Scope) == frozenset(Permission) - {Permission.SELF}
