"""Which version runs: one state machine, pure, the same as in the service host of Windows; one table tests both.

A version on trial must be heard by the box (`healthy`) within TRIAL seconds of running and may end by itself less than
TRIES times; else the former version runs again, and the failed one is not tried again. Stops that were asked for, as
at a shutdown, are no failures.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.wire.update import is_version, later

TRIES = 3
"""Starts that a version on trial has."""
TRIAL = 600
"""Seconds of running until which the box must have heard a version on trial."""
LONGEST = 4096
"""Bytes of the file of the state."""
_KEYS = ("current", "pending", "tries", "spent", "failed", "reason")


class State(NamedTuple):
    """Versions; an empty text is none. `current` none is the version that the installed package brought."""

    current: str = ""
    pending: str = ""
    tries: int = 0
    """Starts of the version on trial so far."""
    spent: int = 0
    """Seconds that it ran in former starts."""
    failed: str = ""
    """The last version that was no good."""
    reason: str = ""
    """Why: `crashed` or `silent`."""


def offered(state: State, version: str) -> State:
    """Return the state after a version was unpacked and checked: it is on trial from the next start on."""
    return state._replace(pending=version, tries=0, spent=0)


def installed(state: State, version: str) -> State:
    """Return the state under an installed package of this version: what is not later than it is done with."""
    current = state.current if state.current and later(state.current, version) else ""
    if state.pending and not later(state.pending, current or version):
        state = state._replace(pending="", tries=0, spent=0)
    return state._replace(current=current)


def started(state: State, healthy: str) -> State:
    """Return the state with which to start; `running` says which version. `healthy`: which one the box has heard."""
    state = _settled(state, healthy)
    if not state.pending:
        return state
    if state.tries >= TRIES:
        return _failed(state, "crashed")
    if state.spent >= TRIAL:
        return _failed(state, "silent")
    return state._replace(tries=state.tries + 1)


def looked(state: State, healthy: str, ran: str, elapsed: int) -> State:
    """Return the state while version `ran` has run for `elapsed` seconds; when a failure comes of it, it must stop."""
    state = _settled(state, healthy)
    if state.pending and ran == state.pending and state.spent + max(elapsed, 0) >= TRIAL:
        return _failed(state, "silent")
    return state


def ended(state: State, healthy: str, ran: str, elapsed: int, *, asked: bool) -> State:
    """Return the state after version `ran` has ended after `elapsed` seconds, because it was asked to or by itself."""
    state = _settled(state, healthy)
    if not state.pending or ran != state.pending:
        return state
    spent = min(state.spent + max(elapsed, 0), TRIAL)
    if asked:
        return state._replace(tries=max(state.tries - 1, 0), spent=min(spent, TRIAL - 1))
    return state._replace(spent=spent)


def running(state: State) -> str:
    """Return the version to run: the one on trial, else the current one; empty is the installed one."""
    return state.pending or state.current


def _settled(state: State, healthy: str) -> State:
    if state.pending and healthy == state.pending:
        return state._replace(current=state.pending, pending="", tries=0, spent=0)
    return state


def _failed(state: State, reason: str) -> State:
    return State(current=state.current, failed=state.pending, reason=reason)


def write(state: State) -> str:
    """Return the text of a state: a line a field, `name=value`."""
    return "".join(f"{name}={value}\n" for name, value in zip(_KEYS, state))


def read(text: str) -> State:
    """Return the state of a text; what is missing, or is not of its form, is as at the beginning."""
    found = dict(line.partition("=")[::2] for line in text[:LONGEST].splitlines())
    return State(
        current=_version(found.get("current", "")),
        pending=_version(found.get("pending", "")),
        tries=_number(found.get("tries", "")),
        spent=_number(found.get("spent", "")),
        failed=_version(found.get("failed", "")),
        reason=found.get("reason", "") if found.get("reason") in {"crashed", "silent"} else "",
    )


def _version(text: str) -> str:
    return text if is_version(text) else ""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0
