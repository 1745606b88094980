"""A token that an installation left: used once, put aside when it is refused, kept while the box is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.wire.sending.enrol_command import run_waiting
from agent.wire.sending.enrol_token import MAX_TOKEN, decode, encode
from agent.wire.sending.home import AgentHome
from tests.agent.box import FakeBox, Handler


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


@pytest.mark.parametrize("page", [b"<html>Zaloguj do sieci</html>", b""])
def test_a_portal_that_answers_everything_does_not_cost_the_token(
    server: FakeBox, home: AgentHome, page: bytes
) -> None:
    def portal(handler: Handler, _path: str) -> bool:
        handler.reply(200, page)
        return True

    server.fault = portal
    assert waiting(home, server.token()) != 0
    assert left(home) == {"token"}
    server.fault = None
    assert run_waiting(home, lambda made: made.agent_id) == 0
    assert left(home) == set()


def test_a_box_of_another_key_in_between_does_not_cost_the_token(
    server: FakeBox, home: AgentHome, tmp_path: Path
) -> None:
    other = FakeBox(tmp_path / "other")
    try:
        assert waiting(home, encode(decode(server.token())._replace(urls=(other.url,)))) == 1
    finally:
        other.down()
    assert left(home) == {"token"}
    assert other.seen.enrolments == []


@pytest.mark.parametrize("file", ["ca.pem", "agent.pem", "identity.json"])
def test_a_disk_that_takes_nothing_does_not_cost_the_token(
    server: FakeBox, home: AgentHome, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = home.folder / f".{file}.new"
    blocked.mkdir()  # where the file is written first
    assert waiting(home, server.token()) == 1
    assert "Nie można zapisać" in capsys.readouterr().err
    assert (left(home), home.identity()) == ({"token"}, None)
    blocked.rmdir()
    assert run_waiting(home, lambda made: made.agent_id) == 0
    assert left(home) == set()
