"""Both stores at once over a real node: the same events in both, whatever fails between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.wire.event import event_id
from appliance.cli import build
from appliance.clock import DAY, MINUTE, now
from appliance.home import Home
from appliance.journal import DeadLetters
from appliance.normalise.model import Event
from appliance.settings import ElasticSettings, Settings, StoreSettings
from appliance.store import (
    BatchResult,
    EmbeddedReader,
    EmbeddedStore,
    Keeping,
    StoreUnavailable,
    open_reader,
    open_writer,
)
from appliance.store.elastic.client import connect
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.target import ClusterTarget
from appliance.store.elastic.writer import ElasticStore
from appliance.store.shape import Rows, encode
from appliance.store.twin import TwinStore
from tests.appliance.store.elastic.test_crash import check_sums

pytestmark = pytest.mark.nodes
AT = now() - 20 * MINUTE
SAME = "ZGODNE: te same zdarzenia w obu magazynach (na tym komputerze: 4, w klastrze: 4).\n"


def events(*numbers: int) -> list[Event]:
    return [{"event.id": event_id(n), "@timestamp": AT + n, "host.name": f"PC-{n}"} for n in numbers]


@pytest.fixture
def box(tmp_path: Path) -> Home:
    home = Home(tmp_path / "box")
    home.create()
    return home


@pytest.fixture
def both(settings: ElasticSettings) -> Settings:
    return Settings(store=StoreSettings(both=True, elasticsearch=settings))


@pytest.fixture
def store(box: Home, both: Settings) -> Iterator[TwinStore]:
    with closing(DeadLetters(box.dead_letters)) as letters:
        made = open_writer(box, both, letters)
        assert isinstance(made, TwinStore)
        with closing(made):
            yield made


class Failing(EmbeddedStore):
    """Segments on a disk that takes nothing for once."""

    failed = False

    def append(self, rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        if not self.failed:
            self.failed = True
            raise StoreUnavailable("full")
        super().append(rows, results, upto)


def compared(box: Home, both: Settings, *arguments: str) -> tuple[int, str]:
    cluster = both.store.elasticsearch
    about = {"index": cluster.index, "ca_file": str(cluster.ca_file), "user": cluster.user}
    about["password"] = cluster.password.get_secret_value()
    lines = [f'{name} = "{value}"' for name, value in about.items()]
    hosts = ", ".join(f'"{host}"' for host in cluster.hosts)
    box.config.write_text("\n".join(["[store]", "both = true", "[store.elasticsearch]", f"hosts = [{hosts}]", *lines]))
    done = CliRunner().invoke(build(["store"]), ["store", "compare", "--home", str(box.root), *arguments])
    return done.exit_code, done.stdout


def test_what_is_written_is_in_both_and_what_is_gone_from_one_is_named(
    box: Home, both: Settings, store: TwinStore
) -> None:
    store.append(encode(events(1, 2, 3)), [], 7)
    store.append(encode(events(3, 4)), [], 8)
    store.flush()
    assert store.applied() == 8
    with closing(open_reader(box, both)) as reader:
        assert reader.count("") == 4
        waiting = reader.waiting()
        assert waiting is not None
        assert waiting.events == 0
    assert compared(box, both) == (
        0,
        "ZGODNE: te same zdarzenia w obu magazynach (na tym komputerze: 4, w klastrze: 4).\n",
    )
    client = connect(both.store.elasticsearch)
    found = client.search(index=f"{both.store.elasticsearch.index}-*", query={"ids": {"values": [event_id(2)]}})
    client.delete(index=found["hits"]["hits"][0]["_index"], id=event_id(2), refresh=True)
    client.close()
    code, told = compared(box, both)
    assert code == 1
    assert "tylko na tym komputerze: " in told
    assert event_id(2) in told
    assert told.splitlines()[-1] == "RÓŻNE: na tym komputerze: 4, w klastrze: 3; tylko na tym komputerze: 1."
    code, told = compared(box, both, "--to", "2020-01-01T00:00:00Z")
    assert (code, told.partition(":")[0]) == (0, "ZGODNE")


def test_both_have_the_same_classes_and_let_them_go_alike(box: Home, both: Settings) -> None:
    settings, keeping = both.store.elasticsearch, Keeping({"ordinary": 3, "accountability": 30})
    logs: list[Event] = [{**event, "event.category": "iam"} for event in events(3, 4, 5)]

    def twin(at: int) -> TwinStore:
        cluster = ElasticStore(settings, box.spool, lambda *_: None, lambda: at, background=False)
        return TwinStore(EmbeddedStore(box.store, now=lambda: at), cluster)

    def stored() -> list[list[tuple[int, str, int]]]:
        with closing(open_reader(box, both)) as here, closing(ElasticReader(settings, box.spool)) as there:
            return [sorted((d.day, d.source_class, d.events) for d in one.usage().days) for one in (here, there)]

    day = AT // DAY
    with closing(twin(AT)) as store:
        store.append(encode([*events(1, 2), *logs]), [], 5)
        store.flush()
    assert stored() == [[(day, "accountability", 3), (day, "ordinary", 2)]] * 2
    with closing(twin(AT + 4 * DAY)) as store:
        assert store.retain(keeping).events == 2
    assert stored() == [[(day, "accountability", 3)]] * 2


def test_a_batch_that_only_the_spool_took_comes_again_and_is_there_once(
    box: Home, both: Settings, tmp_path: Path
) -> None:
    cluster = ElasticStore(both.store.elasticsearch, box.spool, lambda *_: None, background=False)
    store = TwinStore(Failing(box.store), cluster)
    with closing(store):
        with pytest.raises(StoreUnavailable):
            store.append(encode(events(1, 2)), [], 5)
        assert (store.applied(), cluster.applied()) == (0, 5)
        assert not store.known(encode(events(1, 2))).any()
        store.append(encode(events(1, 2)), [], 5)
        store.flush()
        assert store.applied() == 5
    with closing(open_reader(box, both)) as here:
        assert here.count("") == 2
    assert compared(box, both)[0] == 0


def test_events_that_were_shipped_before_their_batch_came_again_are_summed_once(box: Home, both: Settings) -> None:
    cluster = ElasticStore(both.store.elasticsearch, box.spool, lambda *_: None, background=False)
    with closing(TwinStore(Failing(box.store), cluster)) as store:
        with pytest.raises(StoreUnavailable):
            store.append(encode(events(1, 2)), [], 5)
        cluster.flush()
        # Meanwhile more has come: what is taken again is not what was taken before.
        store.append(encode(events(1, 2, 3)), [], 6)
        cluster.flush()
        store.append(encode(events(4)), [], 7)
        store.flush()
    check_sums(both.store.elasticsearch, box.spool)
    assert compared(box, both) == (0, SAME)


def test_a_copy_beside_a_twin_that_ships_counts_an_event_once(box: Home, both: Settings) -> None:
    settings = both.store.elasticsearch
    cluster = ElasticStore(settings, box.spool, lambda *_: None, background=False)
    with (
        closing(TwinStore(EmbeddedStore(box.store), cluster)) as store,
        closing(ClusterTarget(settings, box.spool)) as to,
    ):
        store.append(encode(events(1, 2)), [], 5)
        to.put(events(1, 2))
        store.append(encode(events(3, 4)), [], 6)
        store.flush()
        to.put(events(3, 4))
    check_sums(settings, box.spool)
    assert compared(box, both) == (0, SAME)


def test_a_cluster_that_is_away_does_not_keep_the_segments_from_being_cleared(box: Home) -> None:
    away = ElasticSettings.model_validate({"hosts": ["http://127.0.0.1:1"], "timeout_seconds": 1})
    cluster = ElasticStore(away, box.spool, lambda *_: None, background=False)
    with closing(TwinStore(EmbeddedStore(box.store, now=lambda: AT), cluster)) as store:
        store.append(encode(events(1)), [], 5)
    late = TwinStore(EmbeddedStore(box.store, now=lambda: AT + 9 * DAY), ElasticStore(away, box.spool, lambda *_: None))
    with closing(late) as store, pytest.raises(StoreUnavailable):
        store.retain(Keeping({"ordinary": 3}))
    with closing(EmbeddedReader(box.store)) as reader:
        assert reader.count("") == 0


def test_while_the_cluster_is_away_the_segments_answer_and_it_is_said(box: Home, tmp_path: Path) -> None:
    away = ElasticSettings.model_validate({"hosts": ["http://127.0.0.1:1"], "timeout_seconds": 1})
    both = Settings(store=StoreSettings(both=True, elasticsearch=away))
    cluster = ElasticStore(away, box.spool, lambda *_: None, background=False)
    with closing(TwinStore(EmbeddedStore(box.store), cluster)) as store:
        store.append(encode(events(1, 2)), [], 5)
        with pytest.raises(StoreUnavailable):
            cluster.ship()
    with closing(open_reader(box, both)) as reader:
        assert reader.count("") == 2
        waiting = reader.waiting()
        assert waiting is not None
        assert waiting.events == 2
        assert waiting.reason
