"""Events of an alert that only a cluster has, for a pack: the chain has the digest of each, which is proof enough."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from appliance.evidence.plain import event_line
from appliance.settings import ElasticSettings


class Altered(RuntimeError):
    """An event is not as it was when an alert was raised over it; the text is its id."""


def lines_of(settings: ElasticSettings, times: Mapping[str, int], digests: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the lines of the events that the cluster has; `times` and `digests` are theirs, by their ids.

    Raises Altered, StoreUnavailable, QueryTimeout.
    """
    import orjson  # noqa: PLC0415 - only where events are read, as what follows

    from appliance.store.elastic.client import connect  # noqa: PLC0415 - as above
    from appliance.store.elastic.documents import decode  # noqa: PLC0415 - as above
    from appliance.store.elastic.known import documents  # noqa: PLC0415 - as above
    from appliance.store.elastic.questions import Questions  # noqa: PLC0415 - as above

    client = connect(settings)
    try:
        questions = Questions(client, f"{settings.index}-*", settings.timeout_seconds)
        for item in documents(questions, times, questions.limits()):
            line = event_line(decode(orjson.loads(item.body)))
            if hashlib.sha256(line).hexdigest() != digests[item.id]:
                raise Altered(item.id)
            yield line
    finally:
        client.close()
