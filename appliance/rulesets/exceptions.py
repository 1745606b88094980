"""Exceptions: proposed by one, agreed to by another, for a time. What becomes of each stands in the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from appliance.alerts import paging
from appliance.alerts.service import ROBOT, Actor, BadText
from appliance.clock import DAY
from appliance.detect import Logsource, Rule
from appliance.ops.operations import record
from appliance.state.exceptions import ExceptionRule, RuleException
from appliance.state.models import ExceptionState, Operation

from .conditions import Condition, TooWide, checked, narrow
from .filters import narrowed
from .scope import MAX_RULES, Scope, document
from .silenced import silenced

REASON = 2000
LONGEST = 365 * DAY
_AUTHOR = 120
"""Characters of an author's name that are kept."""
_TITLE = 255
"""Characters of a rule's title that are kept."""


class UnknownException(LookupError):
    """There is no exception of this number."""


class NotInState(Exception):
    """The exception is past the point where this can be done; `state` is where it is."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class SamePerson(Exception):
    """Who proposed an exception, or made the token that did, cannot agree to it."""


class PersonNeeded(Exception):
    """A token cannot agree to an exception."""


class BadExpiry(ValueError):
    """The day is past, or too far away."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody wants rules to leave alone. `expires_at` in microseconds; `alert_id` is what it came from.

    With `source` it is for every rule of a log source, those of later, too; `rules` are those of now.
    """

    rules: tuple[Rule, ...]
    conditions: tuple[Condition, ...]
    reason: str
    expires_at: int
    alert_id: int | None = None
    source: Logsource | None = None

    @property
    def scope(self) -> Scope:
        """The rules that it is for."""
        return Scope.of(self.rules, self.source)

    @property
    def text(self) -> str:
        """The text of its Sigma filters, without what it has only once it is written down."""
        title = self.rules[0].title if self.rules else str(self.source)
        return document(
            identity=str(uuid.UUID(int=0)), title=title, description=self.reason, author="", scope=self.scope,
            conditions=self.conditions,
        )  # fmt: skip

    def check(self, now: int) -> Proposal:
        """Return the proposal. Raises TooWide, BadText, BadExpiry."""
        if not 1 <= len(self.reason.strip()) <= REASON:
            raise BadText(f"1 to {REASON} characters")
        if not now < self.expires_at <= now + LONGEST:
            raise BadExpiry(str(self.expires_at))
        checked(self.conditions)
        self._check_scope()
        after, faults = narrowed(self.rules, {"exception": self.text})
        if faults:
            raise TooWide("no_filter", faults[0].message)
        for rule, less in zip(self.rules, after, strict=True):
            if silenced(rule, less):
                raise TooWide("hides_all", rule.title)
        return self

    def _check_scope(self) -> None:
        if self.source is not None:
            if not narrow(self.conditions):
                raise TooWide("any_wide", self.conditions[0].field)
        elif not 1 <= len(self.rules) <= MAX_RULES or len({rule.id for rule in self.rules}) < len(self.rules):
            raise TooWide("rules", str(MAX_RULES))


def propose(session: Session, proposal: Proposal, actor: Actor, replay: dict[str, Any], now: int) -> RuleException:
    """Write a proposal down; it changes nothing yet. Raises TooWide, BadText, BadExpiry."""
    proposal.check(now)
    titles = {rule.id: rule.title[:_TITLE] for rule in proposal.rules}
    named = enumerate(proposal.scope.named)
    row = RuleException(
        filter_id=str(uuid.uuid4()),
        logsource=dict(proposal.scope.source),
        rules=[
            ExceptionRule(place=place, rule_id=name, title=titles[name], logsource=dict(source))
            for place, (name, source) in named
        ],
        conditions=[one.dump() for one in proposal.conditions],
        reason=proposal.reason.strip(),
        author=actor.who[:_AUTHOR],
        proposed_at=now,
        expires_at=proposal.expires_at,
        state=ExceptionState.PROPOSED,
        alert_id=proposal.alert_id,
        replay=replay,
    )
    session.add(row)
    session.flush()
    detail = {"conditions": row.conditions, "reason": row.reason, "expires_at": row.expires_at}
    record(session, actor.who, "exception.proposed", row.id, now, **row.about, alert=row.alert_id, **detail)
    return row


def approve(session: Session, number: int, actor: Actor, now: int) -> RuleException:
    """Let an exception act. Raises UnknownException, NotInState, PersonNeeded, SamePerson."""
    row = _locked(session, number)
    if state_of(row, now) != ExceptionState.PROPOSED:
        raise NotInState(state_of(row, now))
    if actor.user_id is None:
        raise PersonNeeded(actor.who)
    if actor.who in _behind(session, row.author):
        raise SamePerson(actor.who)
    row.state, row.approver, row.approved_at = ExceptionState.APPROVED, actor.who[:_AUTHOR], now
    record(session, actor.who, "exception.approved", row.id, now, **row.about, author=row.author)
    return row


def _behind(session: Session, author: str) -> set[str]:
    """Return whose proposal it is: its author, and for a token who made one of that name, by the audit log."""
    found = {author}
    if author.startswith(ROBOT):
        name, target = author.removeprefix(ROBOT), Operation.target
        # A long name was cut off; then it may be one of several tokens, and none of their makers may agree.
        named = target.startswith(name, autoescape=True) if len(author) == _AUTHOR else target == name
        found.update(session.scalars(select(Operation.who).where(Operation.action == "token.created", named)))
    return found


def withdraw(session: Session, number: int, actor: Actor, now: int) -> RuleException:
    """Take an exception, or a proposal, back. Raises UnknownException, NotInState."""
    row = _locked(session, number)
    before = state_of(row, now)
    if before not in {ExceptionState.PROPOSED, ExceptionState.APPROVED}:
        raise NotInState(before)
    row.state, row.withdrawn_by, row.withdrawn_at = ExceptionState.WITHDRAWN, actor.who[:_AUTHOR], now
    record(session, actor.who, "exception.withdrawn", row.id, now, **row.about, before=before)
    return row


def state_of(row: RuleException, now: int) -> str:
    """Return where an exception is at a moment; past its time it is expired, unless it was withdrawn before."""
    if row.state != ExceptionState.WITHDRAWN and row.expires_at <= now:
        return ExceptionState.EXPIRED.value
    return ExceptionState(row.state).value


def get(session: Session, number: int) -> RuleException:
    """Return one exception. Raises UnknownException."""
    row = session.get(RuleException, number)
    if row is None:
        raise UnknownException(number)
    return row


def page(
    session: Session, after: str | None, limit: int, rule_id: str | None = None
) -> tuple[Sequence[RuleException], str | None]:
    """Return a page of exceptions, newest first, and the next cursor. Raises BadCursor.

    With `rule_id` those that name a rule.
    """
    query = select(RuleException)
    if rule_id is not None:
        query = query.where(RuleException.rules.any(ExceptionRule.rule_id == rule_id))
    return paging.page(session, query, [RuleException.id], after, limit)


def waiting_or_acting(session: Session, now: int) -> Sequence[RuleException]:
    """Return the exceptions that act or wait for somebody to agree, by the day they end."""
    alive = or_(RuleException.state == ExceptionState.PROPOSED, RuleException.state == ExceptionState.APPROVED)
    query = select(RuleException).where(alive, RuleException.expires_at > now)
    return session.scalars(query.order_by(RuleException.expires_at, RuleException.id).limit(1000)).all()


def _locked(session: Session, number: int) -> RuleException:
    row = session.scalar(select(RuleException).where(RuleException.id == number).with_for_update())
    if row is None:
        raise UnknownException(number)
    return row
