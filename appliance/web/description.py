"""The API's OpenAPI description: the shared error body and the two ways to prove who asks."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from appliance.web.auth import COOKIE
from appliance.web.problem import ProblemBody

_REFERENCE = "#/components/schemas/{model}"
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token, `czj_…`."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "The console's session."},
}


def describe(app: FastAPI) -> None:
    """Make the app describe its errors and its authentication; the description is made once, when first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _made(app)
        return app.openapi_schema

    # FastAPI's own documented way to extend the description.
    app.openapi = openapi  # type: ignore[method-assign]


def _made(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    problem = ProblemBody.model_json_schema(ref_template=_REFERENCE)
    parts = schema["components"]
    parts["schemas"] |= problem.pop("$defs") | {"ProblemBody": problem}
    parts["securitySchemes"] = _SCHEMES
    schema["security"] = [{name: []} for name in _SCHEMES]
    return schema
