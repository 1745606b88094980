"""A token that an installation left: used once, put aside when it is refused, kept while the box is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.wire.sending.enrol_command import run_waiting
from agent.wire.sending.enrol_token import MAX_TOKEN, decode, encode
from agent.wire.sending.home import AgentHome
from tests.agent.box import FakeBox


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path / "box")
    yield made
    made.down()


@pytest.fixture
def home(tmp_path: Path) -> AgentHome:
    made = AgentHome(tmp_path / "agent")
    made.create()
    return made


def waiting(home: AgentHome, text: str) -> int:
    (home.folder / "token").write_text(text)
    return run_waiting(home, lambda made: made.agent_id)


def left(home: AgentHome) -> set[str]:
    return {path.name for path in home.folder.iterdir() if path.name.startswith("token")}


def test_without_a_token_nothing_happens(home: AgentHome) -> None:
    assert run_waiting(home, lambda made: made.agent_id) == 0
    assert home.identity() is None


def test_the_address_beside_the_token_goes_before_its_own(server: FakeBox, home: AgentHome) -> None:
    elsewhere = encode(decode(server.token())._replace(urls=("https://127.0.0.1:1",)))
    assert waiting(home, elsewhere) == 3, "the box of the token does not answer"
    assert left(home) == {"token"}, "it is tried again"
    assert waiting(home, f"{elsewhere}\n{server.url}\n") == 0
    identity = home.identity()
    assert identity is not None
    assert identity.urls == (server.url,)
    assert left(home) == set()


def test_a_token_that_is_refused_is_not_tried_again(server: FakeBox, home: AgentHome) -> None:
    assert waiting(home, server.token(secret="a-secret-that-nobody-gave")) == 1
    assert left(home) == {"token.refused"}


@pytest.mark.parametrize("text", ["no token", "\xff" * 50, "czujka1." + "x" * 3 * MAX_TOKEN])
def test_what_is_no_token_is_put_aside(home: AgentHome, text: str) -> None:
    assert waiting(home, text) == 2
    assert left(home) == {"token.refused"}
