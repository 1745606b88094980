"""The API against its own description: no server error, every answer as described."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from appliance.web.limits import Rates
from appliance.web.policy import Scope
from tests.appliance.web.conftest import TestBox, at

EXAMPLES = 12
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def still(box: TestBox) -> TestBox:
    """A box whose clock stands, so that its roles stay alive however long the test takes."""
    return at(box, box.context.now())


@pytest.fixture
def api(still: TestBox) -> schemathesis.BaseSchema:
    box = still
    party = box.token(Scope.ADMIN)
    generation = GenerationConfig(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", box.app, headers=party.headers, config=config)
    return schema.exclude(path_regex="/stream$")


def test_every_operation_answers_as_it_says(still: TestBox, api: schemathesis.BaseSchema) -> None:
    box = still
    party = box.token(Scope.ADMIN)
    tried = 0
    for result in api.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]
        strategy = operation.as_strategy()

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=strategy)
        def ask(case: schemathesis.Case[Any]) -> None:
            box.app.state.rates = Rates()
            case.call_and_validate(headers=party.headers, checks=CHECKS)

        ask()
        tried += 1
    assert tried > 35
