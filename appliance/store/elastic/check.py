"""What is wrong with a cluster before it is used, or while it is: from its own answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError

from appliance import clock
from appliance.settings import StoreSettings
from appliance.store.elastic.client import PLAIN, connect, told
from appliance.store.elastic.finding import AWAY, Finding, Value, Weight
from appliance.store.elastic.retention import Index, listed
from appliance.store.elastic.rights import CLUSTER, INDEX
from appliance.store.model import Keeping

SECONDS = 10.0
SUPPORTED = {"elasticsearch": (8, 9), "opensearch": (3,)}
FULL_SHARDS = 0.9
_NAMES = {"elasticsearch": "Elasticsearch", "opensearch": "OpenSearch"}
_WATERMARK = "cluster.routing.allocation.disk.watermark.high"
_THRESHOLD = "cluster.routing.allocation.disk.threshold_enabled"
_LIMIT = "cluster.max_shards_per_node"
_UNITS = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}
Told = Mapping[str, Any]


def check(settings: StoreSettings) -> list[Finding]:
    """Return what there is to say about the cluster of the settings; the first that is unreachable is the last."""
    client = connect(settings.elasticsearch).options(request_timeout=SECONDS)
    try:
        return list(_findings(client, settings))
    finally:
        client.close()


def _findings(client: Elasticsearch, settings: StoreSettings) -> Iterator[Finding]:
    try:
        info = _get(client, "/")
    except UnsupportedProductError:
        yield Finding(Weight.BAD, "no_product")
        return
    except (ApiError, TransportError) as error:
        yield Finding(Weight.BAD, AWAY, {"reason": told(error)})
        return
    yield version(info, settings.elasticsearch.engine)
    for ask in (_health, _disk, _history, _rights):
        yield from _asked(ask, client, settings)
    yield from _silent(settings)


def _asked(
    ask: Callable[[Elasticsearch, StoreSettings], Iterator[Finding]], client: Elasticsearch, settings: StoreSettings
) -> Iterator[Finding]:
    try:
        yield from ask(client, settings)
    except (ApiError, TransportError) as error:
        yield Finding(Weight.BAD, "unknown", {"reason": told(error)})


def _silent(settings: StoreSettings) -> Iterator[Finding]:
    """Say which of several addresses does not answer: the client goes to the others without a word."""
    hosts = settings.elasticsearch.hosts
    for host in hosts if len(hosts) > 1 else ():
        alone = connect(settings.elasticsearch.model_copy(update={"hosts": [host]})).options(request_timeout=SECONDS)
        try:
            _get(alone, "/")
        except (ApiError, TransportError, UnsupportedProductError) as error:
            yield Finding(Weight.WARN, "silent_host", {"host": host, "reason": told(error)})
        finally:
            alone.close()


def version(info: Told, engine: str) -> Finding:
    """Return what the answer of `GET /` says."""
    said = info.get("version", {})
    product = str(said.get("distribution", "elasticsearch"))
    name = f"{_NAMES.get(product, product)} {said.get('number')}"
    if product != engine:
        return Finding(Weight.BAD, "product", {"name": name, "product": product})
    major = re.match(r"\d+", str(said.get("number")))
    wanted = SUPPORTED.get(product, ())
    if major is None or int(major[0]) not in wanted:
        return Finding(Weight.BAD, "unsupported", {"name": name, "versions": ", ".join(map(str, wanted))})
    return Finding(Weight.GOOD, "version", {"name": name})


def _health(client: Elasticsearch, _: StoreSettings) -> Iterator[Finding]:
    health = _get(client, "/_cluster/health")
    yield state(health)


def state(health: Told) -> Finding:
    """Return what the health of the cluster means."""
    match health["status"]:
        case "green":
            return Finding(Weight.GOOD, "green", {"nodes": int(health["number_of_data_nodes"])})
        case "yellow":
            return Finding(Weight.WARN, "yellow")
    return Finding(Weight.BAD, "red")


def _disk(client: Elasticsearch, _: StoreSettings) -> Iterator[Finding]:
    settings = _settings(client)
    stats = _get(client, "/_nodes/stats/fs")
    if str(settings.get(_THRESHOLD, "true")) == "false":
        yield Finding(Weight.WARN, "unguarded")
    for node in stats["nodes"].values():
        total = node.get("fs", {}).get("total", {})
        if total:
            yield disk(node["name"], total["total_in_bytes"], total["available_in_bytes"], str(settings[_WATERMARK]))


def disk(name: str, total: int, free: int, watermark: str) -> Finding:
    """Return how far a node's disk is from the mark at which the cluster moves data away and soon stops writing."""
    left = free - reserve(watermark, total)
    said: dict[str, Value] = {"node": name, "free": free, "total": total, "watermark": watermark}
    if left <= 0:
        return Finding(Weight.BAD, "disk_over", said)
    if left < total // 20:
        return Finding(Weight.WARN, "disk_near", {**said, "left": left})
    return Finding(Weight.GOOD, "disk", said)


def reserve(watermark: str, total: int) -> int:
    """Return the bytes that must stay free by a watermark: a share of the disk in use, or bytes that are free."""
    text = watermark.strip().lower()
    if text.endswith("%"):
        return total - int(total * float(text[:-1]) / 100)
    found = re.fullmatch(r"([0-9.]+)([kmgt]?b)", text)
    if found:
        return int(float(found[1]) * _UNITS[found[2]])
    return total - int(total * float(text))


def _history(client: Elasticsearch, settings: StoreSettings) -> Iterator[Finding]:
    health = _get(client, "/_cluster/health")
    limit = int(_settings(client)[_LIMIT]) * max(1, health["number_of_data_nodes"])
    copies = 2 if health["number_of_data_nodes"] > 1 else 1
    there = listed(client, settings.elasticsearch.index, SECONDS)
    days, today = settings.kept_days(), clock.now() // clock.DAY
    wanted = most_indices(there, days, today) * settings.elasticsearch.shards * copies
    yield shards(health["active_shards"], limit, wanted)
    yield from kept(there, days)


def most_indices(there: Sequence[Index], days: Mapping[str, int], today: int) -> int:
    """Return the most indices that there will be at a time.

    Each of now stays until it goes by its age, and every day each class that occurs gets one, or all together where
    all are kept equally long. Where no class has an index of its own yet, all are taken to occur.
    """
    keeping = Keeping(days)
    divided = {one.source_class for one in there} - {""} or {*days}
    occurring = divided if len({*days.values()}) > 1 else {""}
    ends = sorted((one.day + keeping.of(one.source_class) - today for one in there), reverse=True)
    # More come all the time: there are most when one of now is about to go, or after the last.
    counts = [now + _coming(occurring, keeping, end) for now, end in enumerate(ends, 1)]
    return max([*counts, _coming(occurring, keeping, max(days.values()) + 1)])


def _coming(classes: Collection[str], keeping: Keeping, after: int) -> int:
    """Return how many indices of days to come there are after so many days."""
    return sum(min(max(after, 0), keeping.of(one) + 1) for one in classes)


def kept(there: Sequence[Index], days: Mapping[str, int]) -> Iterator[Finding]:
    """Say how long each class stays, and what stays longer: indices of all classes from before each had its own."""
    for source_class, one in days.items():
        yield Finding(Weight.GOOD, "kept_class", {"source_class": source_class, "days": one})
    undivided, longest = [one for one in there if not one.source_class], max(days.values())
    if undivided and min(days.values()) < longest:
        yield Finding(Weight.WARN, "undivided", {"indices": len(undivided), "days": longest})


def shards(used: int, limit: int, wanted: int) -> Finding:
    """Return whether the shards that all days of history will have stay below the cluster's limit."""
    said: dict[str, Value] = {"used": used, "limit": limit, "wanted": wanted}
    if used >= limit * FULL_SHARDS:
        return Finding(Weight.BAD, "shards_full", said)
    if wanted > limit:
        return Finding(Weight.WARN, "shards_many", said)
    return Finding(Weight.GOOD, "shards", said)


def _rights(client: Elasticsearch, settings: StoreSettings) -> Iterator[Finding]:
    if settings.elasticsearch.engine == "opensearch":
        yield Finding(Weight.WARN, "rights_unknown")
        return
    asked = {
        "cluster": list(CLUSTER),
        "index": [{"names": [f"{settings.elasticsearch.index}-sprawdzenie"], "privileges": list(INDEX)}],
    }
    try:
        answer = client.perform_request("POST", "/_security/user/_has_privileges", headers=PLAIN, body=asked).body
    except ApiError as error:
        if error.meta.status in (400, 405, 500):
            yield Finding(Weight.WARN, "open")
            return
        raise
    yield rights(answer)


def rights(answer: Told) -> Finding:
    """Return which rights the account lacks."""
    held = {**answer["cluster"], **{k: v for one in answer["index"].values() for k, v in one.items()}}
    missing = sorted(name for name, has in held.items() if not has)
    if missing:
        return Finding(Weight.BAD, "rights_missing", {"missing": ", ".join(missing)})
    return Finding(Weight.GOOD, "rights")


def _settings(client: Elasticsearch) -> dict[str, Any]:
    answer = _get(client, "/_cluster/settings?include_defaults=true&flat_settings=true")
    return {**answer.get("defaults", {}), **answer.get("persistent", {}), **answer.get("transient", {})}


def _get(client: Elasticsearch, path: str) -> Any:
    return client.perform_request("GET", path, headers={"accept": PLAIN["accept"]}).body
