"""The policy that this agent obeys: taken from the box's answers when its CA has signed it, and kept, twice.

What cannot be read or checked opens nothing: the other copy holds; else what the file says is off stays off; else all
that can be switched is off until the box has answered.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from agent import __version__
from agent.wire.categories import CATEGORIES, permitted, wanted
from agent.wire.event import Record
from agent.wire.policy import AT_FIRST, BadPolicy, Off, Policy, digest, parse
from agent.wire.sending.backoff import Pause, of_checks
from agent.wire.sending.files import write_private
from agent.wire.sending.home import AgentHome

LOG = logging.getLogger(__name__)
FILE, COPY = "policy.json", "policy-copy.json"
LOST = Policy("", 0, tuple(Off(name, "", 0) for name in sorted(CATEGORIES)))
"""What holds when there was a policy and nothing can be read of it."""

Signed = Callable[[AgentHome, str, str], bool]
"""Tells whether the home's CA signed a statement: home, statement, signature in hex. Raises NotChecked."""


def is_lost(policy: Policy) -> bool:
    """Tell whether a policy is the one of an agent that cannot read its own."""
    return policy == LOST


class NotChecked(Exception):
    """Whether a statement is signed cannot be said now."""


def signed_by_ca(home: AgentHome, statement: str, signature: str) -> bool:
    """Ask the short-lived process that knows cryptography; raises NotChecked."""
    from agent.wire.sending.enrolment import EnrolmentFailed, helper  # noqa: PLC0415 (only when a policy is checked)

    request = json.dumps({"statement": statement, "signature": signature, "of": "policy"}).encode()
    try:
        return helper(["verify", str(home.ca)], request).get("valid") is True
    except (EnrolmentFailed, OSError) as error:
        raise NotChecked(str(error)) from error


def keep(home: AgentHome, offered: Mapping[str, Any]) -> None:
    """Keep an offered policy for `KeptPolicy`, which checks it; what is none goes like an old one. Raises OSError."""
    statement, signature = offered.get("statement"), offered.get("signature")
    for name in (FILE, COPY):
        if isinstance(statement, str) and isinstance(signature, str):
            text = json.dumps({"statement": statement, "signature": signature})
            write_private(home.folder / name, text.encode("utf-8", "surrogatepass"))
        else:
            (home.folder / name).unlink(missing_ok=True)


class KeptPolicy:
    """The policy in force. Its methods may be called from both threads: what they read is replaced whole."""

    def __init__(self, home: AgentHome, signed: Signed = signed_by_ca, pause: Pause | None = None) -> None:
        """Check with `signed`; after a check that could not be made, the next one waits for the end of a `pause`."""
        self._home, self._signed, self._pause = home, signed, pause or of_checks()
        self.now = self._load()
        self._off = self.now.categories
        self._refused = ""

    def heartbeat(self) -> dict[str, str | int]:
        """Return what a heartbeat says: which policy is in force here, and its number."""
        now = self.now
        return {"policy": digest(now.off), "policy_number": now.number}

    def take(self, answer: Mapping[str, Any]) -> bool:
        """Obey the policy in an answer of the box when it is for this agent, signed, and newer; tell whether it was."""
        offered = answer.get("policy")
        if not isinstance(offered, dict):
            return False
        statement, signature = offered.get("statement"), offered.get("signature")
        if not isinstance(statement, str) or not isinstance(signature, str) or signature == self._refused:
            return False
        if not self._pause.over:
            return False
        try:
            policy = self._checked(statement, signature)
        except NotChecked as error:  # the one in force stays, and the box offers this one again
            LOG.warning("policy_not_checked reason=%s", error)
            self._pause.failed()
            return False
        except BadPolicy as error:
            self._refused = signature
            LOG.warning("policy_refused reason=%s", error)
            return False
        self._pause.worked()
        # In force before it is kept: the other thread reads on meanwhile, and the file tells that it is obeyed.
        self.now, self._off = policy, policy.categories
        try:
            keep(self._home, offered)
        except OSError as error:  # in force all the same; it is asked for again after the next start
            LOG.warning("policy_not_kept reason=%s", error)
        LOG.info("policy_taken off=%s", ",".join(sorted(self._off)))
        return True

    @property
    def lost(self) -> bool:
        """Whether all is off because nothing could be read of the policy that holds."""
        return is_lost(self.now)

    @property
    def mark(self) -> str:
        """What tells whether records were let through by this policy, as this version understands it."""
        return f"{__version__} {digest(self.now.off)}"

    def permitted(self, record: Record) -> Record | None:
        """Return what of a record may be kept, None for nothing."""
        return permitted(record, self._off)

    def wants(self, sensor: str) -> bool:
        """Tell whether anything that a sensor brings is on."""
        return wanted(sensor, self._off)

    def _checked(self, statement: str, signature: str) -> Policy:
        policy, identity = parse(statement), self._home.identity()
        if identity is None or policy.agent != identity.agent_id:
            raise BadPolicy("for another agent")
        if not policy.follows(self.now):
            raise BadPolicy("older than the one in force")
        if not self._signed(self._home, statement, signature):
            raise BadPolicy("not signed by this box")
        return policy

    def _load(self) -> Policy:
        """Read the kept policy; one that somebody has changed by hand does not count."""
        self.now = AT_FIRST
        missing = 0
        for name in (FILE, COPY):
            try:
                kept = json.loads((self._home.folder / name).read_bytes())
                statement, signature = str(kept["statement"]), str(kept["signature"])
                return self._checked(statement, signature)
            except NotChecked as error:
                LOG.warning("policy_not_checked file=%s reason=%s", name, error)
                return _closed(parse(statement))
            except FileNotFoundError:
                missing += 1
            except (OSError, ValueError, KeyError, TypeError) as error:
                LOG.warning("policy_not_read file=%s reason=%s", name, error)
        return AT_FIRST if missing == 2 else LOST


def _closed(policy: Policy) -> Policy:
    """Return a policy under which what is off at first is off as well."""
    more = (one for one in AT_FIRST.off if one.category not in policy.categories)
    return policy._replace(off=tuple(sorted((*policy.off, *more))))
