"""The daily anchor: the newest seal, taken off the box by mail and as a file, and printed in reports.

Whoever has an anchor can tell a chain that was cut off or written anew from the one that the box had that day.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from appliance.deliver import outbox
from appliance.evidence.keeper import Keeper
from appliance.evidence.keys import grouped
from appliance.evidence.ledger import Draft, Ledger
from appliance.evidence.words import say
from appliance.home import Home
from appliance.language.dates import local, moment
from appliance.settings import Settings
from appliance.state.database import writing

NAME = "czujka-kotwica-{day}.json"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A seal to be kept elsewhere, as the line that the verifier reads."""

    line: str

    @property
    def seal(self) -> dict[str, Any]:
        """Its parts: at, hash, key, number, signature."""
        parts: dict[str, Any] = json.loads(self.line)
        return parts


def latest(home: Home) -> Anchor | None:
    """Return the newest seal of a box, None while it has no chain. Raises sqlite3.Error."""
    if not home.evidence.exists():
        return None
    with Ledger(home.evidence) as ledger:
        line = ledger.last_seal()
    return Anchor(line.decode("utf-8")) if line else None


def make(keeper: Keeper) -> Anchor | None:
    """Make today's anchor and send it out; None when today has one, or the chain has begun today.

    Raises what `Keeper.open` raises, and OSError when the folder cannot be written: then nothing counts as made.
    """
    now = keeper.now()
    day = local(now).date().isoformat()
    with keeper.open() as (ledger, key):
        line = ledger.last_seal()
        last = ledger.cursor("anchor")
        if not last:
            with ledger.sealing(key, now) as appending:
                appending.set("anchor", day)
            return None
        if line is None or last >= day:
            return None
        anchor = Anchor(line.decode("utf-8"))
        ways = _send(keeper, anchor, day)
        seal = anchor.seal
        with ledger.sealing(key, now) as appending:
            appending.add(Draft("anchor", {"hash": seal["hash"], "number": seal["number"], "ways": ways}, day))
            appending.set("anchor", day)
    return anchor


def _send(keeper: Keeper, anchor: Anchor, day: str) -> list[str]:
    ways = []
    folder = keeper.settings.evidence.folder
    if folder is not None:
        put(folder, anchor, day)
        ways.append("folder")
    with writing(keeper.sessions) as session:
        if _mail(session, keeper.settings, anchor, day, keeper.now()):
            ways.append("mail")
    return ways


def put(folder: Path, anchor: Anchor, day: str) -> Path:
    """Write an anchor into a folder, whole or not at all. Raises OSError."""
    path = folder / NAME.format(day=day)
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(anchor.line + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path


def _mail(session: Session, settings: Settings, anchor: Anchor, day: str, now: int) -> bool:
    """Put today's anchor into the outbox, once."""
    recipients = settings.evidence.recipients or settings.mail.recipients
    values = facts(anchor.seal, settings.language)
    subject = say("anchor.subject", settings.language, **values)
    body = say("anchor.body", settings.language, line=anchor.line, **values)
    outbox.post(session, {"name": f"anchor-{day}", "subject": subject, "body": body}, outbox.by_mail(recipients), now)
    return bool(recipients)


def facts(seal: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return the parts of a seal as people read them."""
    return {
        "number": seal["number"],
        "digest": seal["hash"],
        "at": moment(seal["at"], language),
        "fingerprint": grouped(seal["key"]),
    }
