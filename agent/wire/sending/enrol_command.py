"""The command `enrol TOKEN`, the same for the agent and the network sensor."""

from __future__ import annotations

import sys
from collections.abc import Callable

from agent.wire.sending.enrol_token import BadToken, decode
from agent.wire.sending.enrolment import EnrolmentFailed, enrol
from agent.wire.sending.home import AgentHome, Identity


def run(home: AgentHome, token: str, said: Callable[[Identity], str]) -> int:
    """Enrol, print what `said` makes of the new identity, and return the exit code: 2 for a token that is none."""
    try:
        identity = enrol(decode(token), home)
    except BadToken as error:
        sys.stderr.write(f"Nieprawidłowy token: {error}.\n")
        return 2
    except EnrolmentFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return failure.code
    sys.stdout.write(said(identity) + "\n")
    return 0
