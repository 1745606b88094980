"""The command `enrol TOKEN`, the same for the agent and the network sensor."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from agent.wire.sending.enrol_token import MAX_TOKEN, BadToken, decode, encode
from agent.wire.sending.enrolment import EnrolmentFailed, enrol
from agent.wire.sending.home import AgentHome, Identity


def run(home: AgentHome, token: str, said: Callable[[Identity], str], server: str = "") -> int:
    """Enrol, print what `said` makes of the new identity, and return the exit code: 2 for a token that is none.

    `server` is the box's address where it is not the token's.
    """
    try:
        identity = _enrolled(home, token, server)
    except EnrolmentFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return failure.code
    sys.stdout.write(said(identity) + "\n")
    return 0


def _enrolled(home: AgentHome, token: str, server: str) -> Identity:
    """Enrol; raises EnrolmentFailed, also for a token that is none."""
    try:
        found = decode(token)
        wanted = decode(encode(found._replace(urls=(server,)))) if server else found
    except BadToken as error:
        raise EnrolmentFailed(f"Nieprawidłowy token: {error}.", 2, final=True) from error
    return enrol(wanted, home)


def run_waiting(home: AgentHome, said: Callable[[Identity], str]) -> int:
    """Enrol with the token that an installation left in the folder, if it did; return the exit code, 0 without one.

    A second word in the file is the box's address in place of the token's. A token that was used goes; one that the box
    itself refused, or that is none, is put aside, for asking again would change nothing. Whatever else stands between,
    a full disk or somebody else who answers in the box's place, the token waits.
    """
    path = home.folder / "token"
    try:
        with path.open("rb") as file:
            token, _, server = file.read(2 * MAX_TOKEN).decode("utf-8", "replace").strip().partition("\n")
    except OSError:
        return 0
    try:
        identity = _enrolled(home, token, server.strip())
    except EnrolmentFailed as failure:
        sys.stderr.write(f"{failure}\n")
        if failure.final:
            path.replace(Path(f"{path}.refused"))
        return failure.code
    sys.stdout.write(said(identity) + "\n")
    path.unlink()
    return 0
