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
        found = decode(token)
        identity = enrol(decode(encode(found._replace(urls=(server,)))) if server else found, home)
    except BadToken as error:
        sys.stderr.write(f"Nieprawidłowy token: {error}.\n")
        return 2
    except EnrolmentFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return failure.code
    sys.stdout.write(said(identity) + "\n")
    return 0


def run_waiting(home: AgentHome, said: Callable[[Identity], str]) -> int:
    """Enrol with the token that an installation left in the folder, if it did; return the exit code, 0 without one.

    A second word in the file is the box's address in place of the token's. A token that was used goes; one that the box
    refused is put aside, for asking again would change nothing.
    """
    path = home.folder / "token"
    try:
        with path.open("rb") as file:
            token, _, server = file.read(2 * MAX_TOKEN).decode("utf-8", "replace").strip().partition("\n")
    except OSError:
        return 0
    code = run(home, token, said, server.strip())
    if code == 0:
        path.unlink()
    elif code in {1, 2}:
        path.replace(Path(f"{path}.refused"))
    return code
