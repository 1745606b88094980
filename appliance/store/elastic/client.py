"""The connection to a cluster: its address, its proof, its bounds, and its errors as the store's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from elastic_transport import ConnectionError as Unreachable
from elastic_transport import ConnectionTimeout, HttpHeaders, NodeConfig, Urllib3HttpNode
from elasticsearch import ApiError, Elasticsearch, SerializationError, TransportError, UnsupportedProductError

from appliance.settings import ElasticSettings
from appliance.store.model import QueryTimeout, StoreUnavailable

PLAIN = {"accept": "application/json", "content-type": "application/json"}
SLACK_SECONDS = 2.0
"""How much longer than the engine itself the connection waits for an answer."""


class PlainJsonNode(Urllib3HttpNode):
    """Speaks plain JSON, as OpenSearch does, where the client means Elasticsearch's own media type and header."""

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: Any = None,
    ) -> Any:
        """Send a request and return its answer, changing nothing but these headers."""
        plain = HttpHeaders(headers or {})
        for name in ("accept", "content-type"):
            if "vnd.elasticsearch+" in (plain.get(name) or ""):
                plain[name] = "application/x-ndjson" if "x-ndjson" in plain[name] else "application/json"
        answer = super().perform_request(method, target, body=body, headers=plain, request_timeout=request_timeout)
        answer.meta.headers = HttpHeaders({"x-elastic-product": "Elasticsearch", **answer.meta.headers})
        return answer


def connect(settings: ElasticSettings) -> Elasticsearch:
    """Return a client; it connects at its first question. Trying again is its callers' business."""
    options: dict[str, Any] = {"max_retries": len(settings.hosts) - 1, "retry_on_status": (), "retry_on_timeout": False}
    if settings.engine == "opensearch":
        options["node_class"] = PlainJsonNode
    if settings.api_key.get_secret_value():
        options["api_key"] = settings.api_key.get_secret_value()
    elif settings.user:
        options["basic_auth"] = (settings.user, settings.password.get_secret_value())
    return Elasticsearch([_node(settings, one) for one in settings.addresses()], **options)


def _node(settings: ElasticSettings, address: tuple[str, str, int, str]) -> NodeConfig:
    scheme, host, port, path = address
    trust: dict[str, Any] = {}
    if scheme == "https" and settings.fingerprint:
        trust["ssl_assert_fingerprint"] = settings.fingerprint
    elif scheme == "https":
        trust["ca_certs"] = None if settings.ca_file is None else str(settings.ca_file)
    return NodeConfig(scheme, host, port, path, **trust)


@contextmanager
def asking() -> Iterator[None]:
    """Turn what a question's client raises into QueryTimeout and StoreUnavailable."""
    try:
        yield
    except ConnectionTimeout as error:
        raise QueryTimeout("the cluster did not answer in time") from error
    except (ApiError, TransportError, UnsupportedProductError, SerializationError) as error:
        raise StoreUnavailable(told(error)) from error


@contextmanager
def writing() -> Iterator[None]:
    """Turn what a write's client raises into StoreUnavailable: nothing is known of it, it is to be done again."""
    try:
        yield
    except (ApiError, TransportError, UnsupportedProductError, SerializationError) as error:
        raise StoreUnavailable(told(error)) from error


def told(error: Exception) -> str:
    """Return in Polish what an error of the client means, and its own words."""
    match error:
        case ConnectionTimeout():
            return "Klaster nie odpowiedział na czas"
        case UnsupportedProductError():
            return (
                'Pod tym adresem nie ma Elasticsearch; dla OpenSearch wpisz store.elasticsearch.engine = "opensearch"'
            )
        case ApiError():
            meaning = _STATUS.get(error.meta.status, "Klaster odmówił")
            return f"{meaning} (kod {error.meta.status}): {_short(error.message)}: {_reason(error)}"
        case Unreachable():
            return f"Nie ma połączenia z klastrem: {_short(str(error.message))}"
    return f"Odpowiedź klastra jest nieczytelna: {_short(str(error))}"


_NO_PRODUCT = 'Pod tym adresem nie ma Elasticsearch; dla OpenSearch wpisz store.elasticsearch.engine = "opensearch"'
_STATUS = {
    401: "Klaster nie uznał klucza ani hasła",
    403: "Konto nie ma w klastrze potrzebnych praw albo zapis jest zablokowany",
    408: "Klaster nie odpowiedział na czas",
    429: "Klaster jest przeciążony",
    503: "Klaster nie jest gotowy",
}


def _reason(error: ApiError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    found = body.get("error")
    return _short(str(found.get("reason", "")) if isinstance(found, dict) else str(found or ""))


def _short(text: str) -> str:
    return " ".join(text.split())[:300]
