"""One filled box for the tests of pages, and a person of each role in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.clock import now
from appliance.state.models import Alert
from tests.appliance.web.conftest import TestBox, app_over
from tests.appliance.web.pages import sample


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBox]:
    context = sample.make_context(tmp_path_factory.mktemp("office") / "home", sample.shipped_rules())
    sample.fill(context, now())
    with context.sessions() as session:
        first = session.query(Alert).order_by(Alert.id.desc()).first()
        assert first is not None
    yield TestBox(app_over(context), context, first.rule_id, first.id)
    for part in (context.store, context.journal, context.dead_letters):
        part.close()
    context.sessions.kw["bind"].dispose()
