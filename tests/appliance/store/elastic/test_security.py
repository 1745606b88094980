"""TLS, users and API keys of real Elasticsearch 8 and 9."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.settings import ElasticSettings, StoreSettings
from appliance.store import Keeping, StoreUnavailable
from appliance.store.elastic.check import check
from appliance.store.elastic.finding import Weight
from appliance.store.elastic.rights import INDEX, least_role
from appliance.store.shape import encode
from tests.appliance.store.conftest import Make
from tests.appliance.store.elastic.conftest import Pair
from tests.nodes.certificate import write_certificate
from tests.nodes.clusters import clean
from tests.nodes.engines import ENGINES
from tests.nodes.node import PASSWORD, USER, Node

pytestmark = pytest.mark.nodes
SECURE = [name for name, engine in ENGINES.items() if engine.secure]


@pytest.fixture(scope="module", params=SECURE)
def secure(nodes: dict[str, Node], request: pytest.FixtureRequest) -> Node:
    found = nodes[request.param]
    found.ready()
    return found


@pytest.fixture
def key(secure: Node) -> Iterator[str]:
    """An API key with the least role, as docs/elasticsearch.md makes it."""
    body = {"name": "czujka", "role_descriptors": {"czujka": least_role("least")}}
    with secure.http() as client:
        yield client.post("/_security/api_key", json=body).raise_for_status().json()["encoded"]
    clean(secure, "least")


def test_the_least_role_is_enough_and_no_more(secure: Node, key: str, tmp_path: Path, make: Make) -> None:
    settings = ElasticSettings(hosts=[secure.url], ca_file=secure.certificate, api_key=key, index="least")
    pair = Pair(settings, tmp_path)
    pair.store.append(encode([make(n, **{"event.ingested": 10**15}) for n in range(5)]), [], 1)
    pair.store.flush()
    assert pair.reader.count("") == 5
    assert pair.reader.stats().events == 5
    assert "pc-1" in {str(value).lower() for value, _ in pair.reader.top("", "host.name")}
    assert pair.store.retain(Keeping({"ordinary": 1})).events == 5
    found = check(StoreSettings(kind="elasticsearch", elasticsearch=settings))
    assert not [one for one in found if one.weight is Weight.BAD], found
    pair.close()


def test_rights_that_are_missing_are_named(node: Node, tmp_path: Path) -> None:
    role = {"cluster": ["monitor"], "indices": [{"names": ["least-*"], "privileges": ["read", "monitor"]}]}
    with node.http() as client:
        body = {"name": "poor", "role_descriptors": {"poor": role}}
        key = client.post("/_security/api_key", json=body).raise_for_status().json()["encoded"]
    settings = ElasticSettings(hosts=[node.url], ca_file=node.certificate, api_key=key, index="least")
    found = check(StoreSettings(kind="elasticsearch", elasticsearch=settings))
    (bad,) = [one for one in found if one.weight is Weight.BAD]
    assert all(name in bad.text("pl") for name in set(INDEX) - {"read", "monitor"})


def _settings(node: Node, **more: object) -> ElasticSettings:
    return ElasticSettings.model_validate({"hosts": [node.url], "user": USER, "password": PASSWORD, **more})


def _asked(settings: ElasticSettings, folder: Path) -> None:
    pair = Pair(settings, folder)
    try:
        pair.reader.count("")
    finally:
        pair.close()


def test_a_fingerprint_is_trust_enough(node: Node, tmp_path: Path) -> None:
    packed = ssl.PEM_cert_to_DER_cert(node.certificate.read_text())
    fingerprint = hashlib.sha256(packed).hexdigest()
    _asked(_settings(node, fingerprint=":".join(fingerprint[at : at + 2].upper() for at in range(0, 64, 2))), tmp_path)
    with pytest.raises(StoreUnavailable, match="Nie ma połączenia"):
        _asked(_settings(node, fingerprint="0" * 64), tmp_path)


def test_a_certificate_of_nobody_known_is_refused(node: Node, tmp_path: Path) -> None:
    write_certificate(tmp_path / "other.pem", tmp_path / "other.key")
    for trust in ({"ca_file": tmp_path / "other.pem"}, {}):
        with pytest.raises(StoreUnavailable, match="Nie ma połączenia"):
            _asked(_settings(node, **trust), tmp_path)


def test_a_wrong_password_is_told(node: Node, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="nie uznał klucza ani hasła"):
        _asked(_settings(node, ca_file=node.certificate, password="inne"), tmp_path)
