"""What the box asks of this program in its answers: checked, then done, once each."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from agent.wire.commands import DONE, REFUSED, SLICE, BadCommand, Command, parse
from agent.wire.limits import MAX_COMMANDS
from agent.wire.sending.backoff import Pause, of_checks
from agent.wire.sending.home import AgentHome
from agent.wire.transport import Box, Permanent

LOG = logging.getLogger(__name__)
CLOCKS = 86_400_000_000
"""Microseconds past its end for which a command is still obeyed, for clocks differ."""
REMEMBERED = 1000
Duty = Callable[[Box, Command], None]
"""Does one command and tells the box; raises RetryLater when it should be asked again, Permanent when not."""


class Orders:
    """The commands to one program. `duties` are the kinds that it obeys.

    After a check of a signature that could not be made, the next one waits for the end of a `pause`.
    """

    def __init__(self, home: AgentHome, duties: Mapping[str, Duty], pause: Pause | None = None) -> None:
        self._home, self._duties, self._pause = home, duties, pause or of_checks()
        self._seen: dict[tuple[str, int], None] = {}
        self._outcomes: dict[int, str] = {}
        self._told: tuple[int, ...] = ()

    def heartbeat(self) -> dict[str, list[list[object]]]:
        """Return what a heartbeat says: the commands that were done or refused since the box was last told."""
        self._told = tuple(self._outcomes)
        return {"commands": [[number, outcome] for number, outcome in self._outcomes.items()]} if self._told else {}

    def obey(self, box: Box, answer: Mapping[str, Any]) -> bool:
        """Do what an answer of the box asks for; say whether it was anything new. Raises RetryLater of the exchange."""
        for number in self._told:
            self._outcomes.pop(number, None)
        orders = answer.get("commands")
        if not self._duties or not isinstance(orders, list):
            return False
        news = False
        for order in orders[:MAX_COMMANDS]:
            try:
                command = self._checked(order)
            except BadCommand as error:
                LOG.warning("command_refused reason=%s", error)
                continue
            if _name(command) in self._seen:
                continue
            outcome = DONE
            try:
                self._duties[command.kind](box, command)
            except Permanent as refusal:
                LOG.warning("command_not_wanted id=%d reason=%s", command.id, refusal)
                outcome = REFUSED
            self._remember(_name(command))
            news = True
            if command.kind != SLICE:  # a slice brings its own answer
                self._outcomes[command.id] = outcome
        return news

    def _checked(self, order: object) -> Command:
        if not isinstance(order, dict) or not isinstance(order.get("signature"), str):
            raise BadCommand("not signed")
        command, identity = parse(order.get("statement")), self._home.identity()
        if identity is None or command.agent != identity.agent_id:
            raise BadCommand("for another program")
        if command.kind not in self._duties:
            raise BadCommand("not of a kind that is obeyed here")
        if command.until + CLOCKS < time.time_ns() // 1000:
            raise BadCommand("too old")
        if _name(command) not in self._seen and not self._signed(order):
            raise BadCommand("not signed by this box")
        return command

    def _signed(self, order: Mapping[str, Any]) -> bool:
        from agent.wire.sending.enrolment import EnrolmentFailed, helper  # noqa: PLC0415 (only for a command)

        if not self._pause.over:
            raise BadCommand("not checked for now")
        request = json.dumps({"statement": order["statement"], "signature": order["signature"]}).encode()
        try:
            valid = helper(["verify", str(self._home.ca)], request).get("valid") is True
        except (EnrolmentFailed, OSError) as error:
            self._pause.failed()
            raise BadCommand(f"not checked: {error}") from error
        self._pause.worked()
        return valid

    def _remember(self, name: tuple[str, int]) -> None:
        self._seen[name] = None
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]


def _name(command: Command) -> tuple[str, int]:
    """Return what tells a command from others: slices and the other kinds are numbered apart at the box."""
    return ("" if command.kind != SLICE else SLICE), command.id
