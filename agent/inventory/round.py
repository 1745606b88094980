"""One round: sections whose time has come are collected, checks judged, and what changed is told."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from agent.inventory.gather import Gatherer, Host
from agent.inventory.raw import Unknown
from agent.inventory.section import HOUR, Section, Stays, bounded
from agent.inventory.store import Store
from agent.posture.check import Check, verdict
from agent.wire.categories import POSTURE, permitted, section_category
from agent.wire.event import Record
from agent.wire.inventory import MAX_ITEMS, item_fields, item_record

LOG = logging.getLogger(__name__)


class Plan(NamedTuple):
    """What this system's round looks at."""

    sections: Sequence[Section]
    checks: Sequence[Check]
    judged_every: int = 2 * HOUR
    """Seconds between two judgements."""


def run(
    plan: Plan, host: Host, store: Store, now: float, *, seen: int, whole: bool = False, off: Set[str] = frozenset()
) -> Iterator[Record]:
    """Look at what is due and yield the records to send; `whole` looks at everything and sends all of it.

    What belongs to a category that is `off` is not looked at, and items lose what may not be told. Every section
    is written as soon as it is known, so that one that is killed costs the others nothing.
    """
    number = store.begin(seen)
    gatherer = Gatherer(host)
    for section in plan.sections:
        if section_category(section.name) not in off and (whole or store.due(section.name, section.every, now)):
            _section(section, gatherer, store, now, number=number, whole=whole, off=off)
    if POSTURE not in off and (whole or store.posture_due(plan.judged_every, now)):
        for check in plan.checks:
            store.keep_finding(check.name, verdict(check, gatherer, now), number, now, whole=whole)
        store.posture_done(now)
    yield from store.records(seen, number, now, whole=whole)
    yield {"inventory.round": number}


def _section(
    section: Section, gatherer: Gatherer, store: Store, now: float, *, number: int, whole: bool, off: Set[str]
) -> None:
    try:
        raws = gatherer.raws(section.sources)
        found = _with_unseen(bounded(section.parse(raws)), store.items(section.name), section.unseen(raws))
        items = {key: _narrowed(section.name, key, fields, off) for key, fields in found.items()}
    except Unknown as unknown:
        store.keep_problem(section.name, unknown.reason, number, now)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        LOG.warning("inventory_unreadable section=%s error=%r", section.name, error)
        store.keep_problem(section.name, "unreadable", number, now)
    except Exception:  # one section's fault must not silence the others
        LOG.exception("inventory_fault section=%s", section.name)
        store.keep_problem(section.name, "fault", number, now)
    else:
        store.keep(section.name, items, number, now, whole=whole)


def _narrowed(section: str, key: str, fields: Record, off: Set[str]) -> Record:
    """Return an item's fields as the agent will let them through."""
    return item_fields(permitted(item_record(section, key, fields, present=True, revision=0), off) or {})


def _with_unseen(found: Mapping[str, Record], before: Mapping[str, Record], stays: Stays) -> dict[str, Record]:
    """Return what was found, and what was there before where nobody could look now."""
    unseen = [key for key in before if key not in found and stays(key)]
    return {**found, **{key: before[key] for key in unseen[: max(0, MAX_ITEMS - len(found))]}}
