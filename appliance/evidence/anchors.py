"""The daily anchor: the newest seal, taken off the box by mail and as a file, and printed in reports.

Whoever has an anchor can tell a chain that was cut off or written anew from the one that the box had that day.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from appliance.deliver import outbox
from appliance.evidence.keeper import Keeper
from appliance.evidence.keys import EvidenceKey, grouped
from appliance.evidence.ledger import Draft, Ledger
from appliance.evidence.words import say
from appliance.home import Home
from appliance.language.dates import local, moment
from appliance.ops.disk import why
from appliance.settings import Settings
from appliance.state.database import writing

NAME = "czujka-kotwica-{day}.json"
_SENT = "anchor_sent"
"""Name of the cursor that has the newest anchor, and which ways it has gone."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Anchor:
    """A seal to be kept elsewhere, as the line that the verifier reads."""

    line: str

    @property
    def seal(self) -> dict[str, Any]:
        """Its parts: at, hash, key, number, signature."""
        parts: dict[str, Any] = json.loads(self.line)
        return parts


@dataclass(frozen=True, slots=True)
class Sent:
    """A day's anchor: the ways it has gone, and why others failed; `failed` is None before the first try."""

    day: str
    line: str
    ways: Sequence[str] = field(default_factory=list)
    failed: Mapping[str, str] | None = None


def latest(home: Home) -> Anchor | None:
    """Return the newest seal of a box, None while it has no chain. Raises sqlite3.Error."""
    if not home.evidence.exists():
        return None
    with Ledger(home.evidence) as ledger:
        line = ledger.last_seal()
    return Anchor(line.decode("utf-8")) if line else None


def make(keeper: Keeper) -> Anchor | None:
    """Make today's anchor and send it out, each way by itself; None when nothing was to be sent.

    The chain's first day has none. A way that failed, or that was set since, is tried at each call until the next
    day's anchor. Raises what `Keeper.open` raises.
    """
    with keeper.open() as (ledger, key):
        sent = _due(ledger, key, keeper.now())
    if sent is None:
        return None
    # Without the chain: a file share may hang for as long as it likes.
    left, failed = _send(keeper, sent)
    fresh = sent.failed is None
    after = replace(sent, ways=[*sent.ways, *left], failed=failed)
    if after == sent:
        return None
    with keeper.open() as (ledger, key), ledger.sealing(key, keeper.now()) as appending:
        if fresh or left:
            appending.add(Draft("anchor", _payload(after, left), sent.day))
        appending.set("anchor", sent.day)
        appending.set(_SENT, json.dumps(asdict(after)))
    return Anchor(sent.line) if fresh or left else None


def newest(ledger: Ledger) -> Sent | None:
    """Return the newest anchor that was made and how it fares."""
    kept = ledger.cursor(_SENT)
    return Sent(**json.loads(kept)) if kept else None


def _due(ledger: Ledger, key: EvidenceKey, now: int) -> Sent | None:
    """Return what is to be sent: a new day's anchor, or this day's once more."""
    day, last, line = local(now).date().isoformat(), ledger.cursor("anchor"), ledger.last_seal()
    if not last:
        with ledger.sealing(key, now) as appending:
            appending.set("anchor", day)
    elif line is not None and last != day:
        # Not only a later one: a clock that was ahead once must not end the anchors.
        return Sent(day, line.decode("utf-8"))
    else:
        return newest(ledger)
    return None


def _payload(sent: Sent, left: Sequence[str]) -> dict[str, Any]:
    seal = Anchor(sent.line).seal
    about = {"day": sent.day, "hash": seal["hash"], "number": seal["number"], "ways": list(left)}
    return about | ({"failed": sent.failed} if sent.failed else {})


def _send(keeper: Keeper, sent: Sent) -> tuple[list[str], dict[str, str]]:
    """Try each way that the anchor has not gone; return those that it went, and of others why they failed."""
    left: list[str] = []
    failed: dict[str, str] = {}
    for name, go in _WAYS.items():
        if name in sent.ways:
            continue
        try:
            if go(keeper, sent):
                left.append(name)
        except (OSError, SQLAlchemyError) as error:
            failed[name] = why(keeper.home.root, error)
            if failed[name] != (sent.failed or {}).get(name):
                log.warning("anchor_not_sent", way=name, reason=failed[name])
    return left, failed


def _by_folder(keeper: Keeper, sent: Sent) -> bool:
    folder = keeper.settings.evidence.folder
    if folder is not None:
        put(folder, Anchor(sent.line), sent.day)
    return folder is not None


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


def _by_mail(keeper: Keeper, sent: Sent) -> bool:
    """Put the day's anchor into the outbox, once; without a mail server it stays in the box's own mailbox."""
    settings = keeper.settings
    values = facts(Anchor(sent.line).seal, settings.language)
    subject = say("anchor.subject", settings.language, **values)
    body = say("anchor.body", settings.language, line=sent.line, **values)
    letter = {"name": letter_of(sent.day), "subject": subject, "body": body}
    with writing(keeper.sessions) as session:
        outbox.post(session, letter, outbox.by_mail(recipients(settings)), keeper.now())
    return bool(recipients(settings) and settings.mail.host)


_WAYS: dict[str, Callable[[Keeper, Sent], bool]] = {"folder": _by_folder, "mail": _by_mail}


def recipients(settings: Settings) -> list[str]:
    """Return who gets anchors by mail."""
    return settings.evidence.recipients or settings.mail.recipients


def letter_of(day: str) -> str:
    """Return the name that the letter with a day's anchor has in the outbox."""
    return f"anchor-{day}"


def facts(seal: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return the parts of a seal as people read them."""
    return {
        "number": seal["number"],
        "digest": seal["hash"],
        "at": moment(seal["at"], language),
        "fingerprint": grouped(seal["key"]),
    }
