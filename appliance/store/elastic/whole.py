"""All documents of an index as they are in the cluster, for whoever must see every one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from appliance.clock import HOUR
from appliance.search.nodes import Everything
from appliance.settings import ElasticSettings
from appliance.store.elastic.clauses import Clause, all_of, any_of, exists, none_of, span
from appliance.store.elastic.client import asking, connect
from appliance.store.elastic.documents import dump
from appliance.store.elastic.mapping import ID, TIME
from appliance.store.elastic.questions import Asked, Questions
from appliance.store.elastic.retention import listed
from appliance.store.elastic.sums import hour_of

PAGE = 1000
INGESTED = "event.ingested"
_BY_TIME = [
    {TIME: {"order": "asc", "unmapped_type": "long"}},
    {ID: {"order": "asc", "unmapped_type": "keyword"}},
]


class WholeIndices:
    """The indices of one store, document by document."""

    def __init__(self, settings: ElasticSettings) -> None:
        self._client, self._settings = connect(settings), settings

    def indices(self) -> list[str]:
        """Return the names of the indices that are there, by day. Raises StoreUnavailable."""
        with asking():
            return [one.name for one in listed(self._client, self._settings.index)]

    def hours(self, index: str, start: int | None, end: int | None) -> dict[int, int]:
        """Return how many events of a time came in which hour of arrival; times and hours in microseconds.

        Raises as `documents`.
        """
        questions = Questions(self._client, index, self._settings.timeout_seconds)
        when = Asked(Everything(), start, end).when
        by_hour = {"histogram": {"field": INGESTED, "interval": HOUR, "min_doc_count": 1}}
        answer = questions.ask(
            questions.limits(), size=0, query=all_of([when, exists(INGESTED)]), aggs={"hours": by_hour}
        )
        buckets = answer.get("aggregations", {}).get("hours", {}).get("buckets", ())
        found = Counter({int(one["key"]): int(one["doc_count"]) for one in buckets})
        # A field that the index did not take is no field there.
        bare = self._pages(questions, all_of([when, none_of(exists(INGESTED))]))
        found.update(hour_of(body) for _, body in bare)
        return dict(found)

    def documents(
        self, index: str, hour: int | None = None, start: int | None = None, end: int | None = None
    ) -> Iterator[tuple[str, bytes]]:
        """Yield id and JSON of every document by time, or of those of an hour of arrival and of a time.

        There are none of an index that is gone. Raises StoreUnavailable, and QueryTimeout when one page takes longer
        than a question may.
        """
        questions = Questions(self._client, index, self._settings.timeout_seconds)
        when = Asked(Everything(), start, end).when
        if hour is None:
            yield from self._pages(questions, when)
            return
        came = any_of([span(INGESTED, gte=hour, lt=hour + HOUR), none_of(exists(INGESTED))])
        found = self._pages(questions, all_of([when, came]))
        yield from ((name, body) for name, body in found if hour_of(body) == hour)

    def _pages(self, questions: Questions, clause: Clause) -> Iterator[tuple[str, bytes]]:
        after: list[int | str] = []
        while True:
            hits = questions.ask(
                questions.limits(),
                size=PAGE,
                query=clause,
                sort=_BY_TIME,
                track_total_hits=False,
                **({"search_after": after} if after else {}),
            )["hits"]["hits"]
            for hit in hits:
                yield hit["_id"], dump(hit["_source"])
            if len(hits) < PAGE:
                return
            after = hits[-1]["sort"]

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
