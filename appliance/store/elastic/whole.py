"""All documents of an index as they are in the cluster, for whoever must see every one of them."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.settings import ElasticSettings
from appliance.store.elastic.client import asking, connect
from appliance.store.elastic.documents import dump
from appliance.store.elastic.mapping import ID, TIME
from appliance.store.elastic.questions import Questions
from appliance.store.elastic.retention import listed

PAGE = 1000
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

    def documents(self, index: str) -> Iterator[tuple[str, bytes]]:
        """Yield id and JSON of every document by time; none of an index that is gone.

        Raises StoreUnavailable, and QueryTimeout when one page takes longer than a question may.
        """
        questions = Questions(self._client, index, self._settings.timeout_seconds)
        after: list[int | str] = []
        while True:
            hits = questions.ask(
                questions.limits(),
                size=PAGE,
                query={"match_all": {}},
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
