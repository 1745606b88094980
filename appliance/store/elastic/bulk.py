"""Documents into the cluster: each item's answer sorted, and what one field spoils repaired."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

import orjson
import structlog
from elasticsearch import ApiError, Elasticsearch, TransportError

from appliance.store.elastic.client import told, writing
from appliance.store.elastic.documents import Item, displaced, dump
from appliance.store.elastic.mapping import PRIORITY, index_body, template_name, template_pattern
from appliance.store.model import StoreUnavailable

SECONDS = 60.0
"""How long a bulk may take."""
SURE_SECONDS = 60.0
"""How long an index is believed to be there."""
CREATED, TOO_LARGE, FORBIDDEN, NOT_FOUND, CONFLICT = 201, 413, 403, 404, 409
_BUSY = frozenset({401, FORBIDDEN, 408, 429, 500, 502, 503, 504})
"""Answers that speak of the cluster or the account and not of the document; it is sent again."""
_CLOSED = frozenset({"index_closed_exception", "cluster_block_exception"})
_FIELD = re.compile(r"field \[([^\]]+)\]")
_SINGLE, _ALL = 5, 6
"""Fields of a document that are moved aside one by one; then all of them are, and then it is given up."""
_TOLD = ("items.*.status", "items.*.error", "error", "status")
"""What is wanted of an answer; the rest is as long as the documents' names."""
Refused = Callable[[Item, str], None]
"""Takes a document that the cluster will never have, and why."""
log = structlog.get_logger()


class Verdict(Enum):
    """What an item's answer means."""

    DONE = auto()
    AGAIN = auto()
    SPOILT = auto()


def verdict(status: int, kind: str) -> Verdict:
    """Sort an item's status and the type of its error; a document that is already there is done."""
    if status in (200, 201, CONFLICT):
        return Verdict.DONE
    if status in _BUSY or status == NOT_FOUND or kind in _CLOSED:
        return Verdict.AGAIN
    return Verdict.SPOILT


@dataclass(slots=True)
class Written:
    """Items as the cluster took them, a repaired one as it was repaired; and those that were there."""

    new: list[Item] = field(default_factory=list)
    there: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class _Sent:
    """An item, and how often it was repaired."""

    item: Item
    repaired: int = 0


class Bulk:
    """Writes items. Not to be shared between threads."""

    def __init__(self, client: Elasticsearch, shards: int, refused: Refused) -> None:
        self._client, self._shards, self._refused = client, shards, refused
        self._made: dict[str, float] = {}
        self._templates: set[str] = set()

    def write(self, items: Sequence[Item]) -> Written:
        """Write all items, visible to questions on return; return them, those already there stay as they are.

        Raises StoreUnavailable when the cluster does not take some now; the whole may then be repeated.
        """
        left, written = [_Sent(item) for item in items], Written()
        while left:
            self._make({sent.item.index for sent in left})
            left = self._send(left, written)
        return written

    def _make(self, indices: set[str]) -> None:
        """Make the indices that are missing; one that somebody deletes is missed within a minute."""
        now = time.monotonic()
        for index in sorted(one for one in indices if now - self._made.get(one, -SURE_SECONDS) >= SURE_SECONDS):
            self._put_template(template_name(index))
            with writing():
                try:
                    self._client.options(request_timeout=SECONDS).indices.create(
                        index=index, **index_body(self._shards)
                    )
                except ApiError as error:
                    # Made by an earlier run, or by another box of the same cluster, with these very mappings.
                    if "resource_already_exists_exception" not in str(error.body):
                        raise
            self._made[index] = now

    def _put_template(self, name: str) -> None:
        """Give the cluster the mappings for indices that it makes by itself; without the right it goes without."""
        if name in self._templates:
            return
        patient = self._client.options(request_timeout=SECONDS)
        pattern, template = template_pattern(name), index_body(self._shards)
        try:
            patient.indices.put_index_template(
                name=name, index_patterns=[pattern], priority=PRIORITY, template=template
            )
        except ApiError as error:
            if error.meta.status != FORBIDDEN:
                raise StoreUnavailable(told(error)) from error
            log.info("template_not_allowed", template=name)
        except TransportError as error:
            raise StoreUnavailable(told(error)) from error
        self._templates.add(name)

    def _send(self, sent: Sequence[_Sent], written: Written) -> list[_Sent]:
        """Return what is to be sent once more after a repair."""
        # The client takes lines as they are, though its types know mappings alone.
        lines: list[Any] = [line for one in sent for line in (_action(one.item), one.item.body)]
        try:
            with writing():
                answer = self._client.options(request_timeout=SECONDS).bulk(
                    operations=lines, refresh=True, filter_path=_TOLD
                )
        except StoreUnavailable as error:
            return self._halved(sent, error, written)
        items = [next(iter(one.values())) for one in answer.body.get("items", ())]
        if len(items) != len(sent):
            raise StoreUnavailable(f"Klaster odpowiedział o {len(items)} zdarzeniach z {len(sent)}")
        return self._sorted(sent, items, written)

    def _halved(self, sent: Sequence[_Sent], error: StoreUnavailable, written: Written) -> list[_Sent]:
        """Send what is too large at once in two parts; a single document that is too large is refused."""
        cause = error.__cause__
        if not isinstance(cause, ApiError) or cause.meta.status != TOO_LARGE:
            raise error
        if len(sent) == 1:
            self._refused(sent[0].item, "Zdarzenie jest większe, niż klaster przyjmuje")
            return []
        half = len(sent) // 2
        return [*self._send(sent[:half], written), *self._send(sent[half:], written)]

    def _sorted(self, sent: Sequence[_Sent], answers: Sequence[Mapping[str, Any]], written: Written) -> list[_Sent]:
        repaired: list[_Sent] = []
        moved: Counter[str] = Counter()
        again = ""
        for one, answer in zip(sent, answers, strict=True):
            if answer["status"] == CREATED:
                written.new.append(one.item)
                continue
            kind, reason = _fault(answer)
            match verdict(int(answer["status"]), kind):
                case Verdict.DONE:
                    (written.there if answer["status"] == CONFLICT else written.new).append(one.item)
                case Verdict.AGAIN:
                    again = again or f"Klaster nie przyjął części zdarzeń (kod {answer['status']}): {kind}: {reason}"
                    if answer["status"] == NOT_FOUND:
                        self._made.pop(one.item.index, None)
                case Verdict.SPOILT:
                    repaired += self._repaired(one, reason, moved)
        if moved:
            log.warning("fields_moved_aside", fields=dict(moved.most_common(20)))
        if again:
            raise StoreUnavailable(again[:500])
        return repaired

    def _repaired(self, sent: _Sent, reason: str, moved: Counter[str]) -> list[_Sent]:
        """Move the field that the index does not take among the entries; then every field; then give up."""
        if sent.repaired == _ALL:
            log.warning("event_refused_by_cluster", event_id=sent.item.id, reason=reason)
            self._refused(sent.item, f"Klaster nie przyjął zdarzenia: {reason}")
            return []
        document = orjson.loads(sent.item.body)
        found = _FIELD.search(reason)
        name = found[1] if found and found[1] in document and sent.repaired < _SINGLE else None
        moved[name or "*"] += 1
        body = dump(displaced(document, name))
        return [_Sent(replace(sent.item, body=body), sent.repaired + 1 if name else _ALL)]


def _action(item: Item) -> bytes:
    # Neither the name of an index nor an id has a character that JSON would escape.
    return b'{"create":{"_index":"%s","_id":"%s"}}' % (item.index.encode(), item.id.encode())


def _fault(answer: Mapping[str, Any]) -> tuple[str, str]:
    error = answer.get("error")
    if not isinstance(error, dict):
        return "", str(error or "")[:300]
    cause = error.get("caused_by")
    deeper = f" ({cause.get('reason', '')})" if isinstance(cause, dict) else ""
    return str(error.get("type", "")), f"{error.get('reason', '')}{deeper}"[:300]
