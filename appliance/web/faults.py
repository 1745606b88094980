"""Which answer each refusal of the services becomes. API and pages share this table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy.exc import OperationalError

from appliance.accounts.passwords import LEAST, MOST, WeakPassword
from appliance.accounts.setup import BadSetupLink
from appliance.accounts.users import BadLogin, LastAdmin, LoginTaken, SignInFailed
from appliance.alerts import service
from appliance.alerts.cursor import BadCursor
from appliance.clock import DAY
from appliance.hunt import asked, plans
from appliance.indicators import book
from appliance.journal.errors import JournalUnavailable
from appliance.ops import searches
from appliance.rulesets import exceptions
from appliance.rulesets.conditions import TooWide
from appliance.rulesets.shelf import ShelfBusy, ShelfDamaged
from appliance.search import QueryError
from appliance.slices import asked as slices
from appliance.store.model import QueryTimeout, QueryTooLarge, StoreUnavailable
from appliance.web.problem import Problem

Make = Callable[[Any, str], Problem]
"""From a refusal and a language to the answer."""


def _plain(status: int, code: str, **values: Any) -> Make:
    return lambda _, __: Problem(status, code, values=values)


def _taken(error: service.AlreadyTaken, _: str) -> Problem:
    return Problem(409, "alert_taken", values={"who": error.who, "state": error.state.value})


def _state(error: service.NotAllowedNow, _: str) -> Problem:
    return Problem(409, "alert_state", values={"who": error.who, "state": error.state.value})


def _wide(error: TooWide, _: str) -> Problem:
    return Problem(422, f"exception_{error.code}", values={"field": error.field})


def _full(error: book.TooMany, _: str) -> Problem:
    return Problem(409, "indicators_full", values={"limit": book.MOST, "there": error.there})


def _query(error: QueryError, language: str) -> Problem:
    fault = error.located("pl" if language == "pl" else "en")
    return Problem(422, "query", values={"position": error.position + 1, "fault": fault})


FAULTS: Mapping[type[Exception], Make] = MappingProxyType(
    {
        service.UnknownAlert: lambda error, _: Problem(404, "alert_unknown", values={"id": error.args[0]}),
        service.AlreadyTaken: _taken,
        service.NotAllowedNow: _state,
        service.HistoryFull: _plain(409, "alert_full", limit=service.HISTORY_LIMIT),
        service.UnknownUser: _plain(404, "user_unknown"),
        exceptions.UnknownException: lambda error, _: Problem(404, "exception_unknown", values={"id": error.args[0]}),
        exceptions.NotInState: lambda error, _: Problem(409, "exception_state", values={"state": error.state}),
        exceptions.SamePerson: _plain(409, "exception_same_person"),
        exceptions.PersonNeeded: _plain(409, "exception_person"),
        exceptions.BadExpiry: _plain(422, "exception_expiry", days=exceptions.LONGEST // DAY),
        searches.UnknownSearch: lambda error, _: Problem(404, "search_unknown", values={"id": error.args[0]}),
        searches.NameTaken: _plain(409, "search_name"),
        searches.SearchesFull: _plain(409, "searches_full", limit=searches.MOST),
        searches.NotItsAuthor: _plain(409, "search_author"),
        book.TooMany: _full,
        book.BadSource: _plain(422, "indicators_source", most=book.SOURCE),
        asked.UnknownHunt: lambda error, _: Problem(404, "hunt_unknown", values={"id": error.args[0]}),
        asked.HuntOver: _plain(409, "hunt_over"),
        asked.HuntsFull: _plain(409, "hunts_full", limit=asked.MOST_WAITING),
        asked.NoSuchRule: lambda error, _: Problem(422, "hunt_rule", values={"rule": error.args[0]}),
        asked.BadHunt: _plain(422, "hunt_nothing"),
        plans.UnknownPlan: lambda error, _: Problem(404, "plan_unknown", values={"id": error.args[0]}),
        plans.PlansFull: _plain(409, "plans_full", limit=plans.MOST_PLANS),
        slices.NoFlow: _plain(409, "slice_no_flow"),
        slices.SlicesFull: _plain(409, "slices_full", limit=slices.MOST_WAITING),
        slices.UnknownSlice: lambda error, _: Problem(404, "slice_unknown", values={"id": error.args[0]}),
        TooWide: _wide,
        ShelfBusy: _plain(409, "rules_busy"),
        ShelfDamaged: lambda error, _: Problem(503, "rules_damaged", values={"fault": str(error)}),
        OperationalError: _plain(503, "state_unavailable"),
        service.BadText: _plain(422, "text_length"),
        BadCursor: _plain(422, "cursor"),
        QueryError: _query,
        WeakPassword: _plain(422, "weak_password", least=LEAST, most=MOST),
        BadLogin: _plain(422, "bad_login"),
        LoginTaken: lambda error, _: Problem(409, "login_taken", values={"login": error.args[0]}),
        LastAdmin: _plain(409, "last_admin"),
        SignInFailed: _plain(401, "bad_sign_in"),
        BadSetupLink: _plain(410, "setup_link"),
        StoreUnavailable: _plain(503, "unavailable"),
        QueryTooLarge: _plain(503, "query_large"),
        QueryTimeout: _plain(503, "query_timeout"),
        JournalUnavailable: _plain(503, "unavailable"),
    }
)
"""Exception → how it is answered."""
