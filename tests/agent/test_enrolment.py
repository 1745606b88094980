"""Enrolment by token with a pinned CA, and renewal, against a real TLS server."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import __main__ as cli
from agent import identity_request
from agent.sensors import linux_sensors
from agent.wire.categories import CATEGORIES
from agent.wire.policy import Off, Policy
from agent.wire.sending import enrolment
from agent.wire.sending.enrol_token import MAX_TOKEN, BadToken, EnrolToken, decode, encode
from agent.wire.sending.home import AgentHome, Identity, InUse, home_of
from agent.wire.sending.kept_policy import KeptPolicy
from agent.wire.sending.own_duties import Renewal
from agent.wire.transport import Box, RetryLater, client_context
from tests.agent.box import FakeBox, Handler

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path / "box")
    yield made
    made.down()


def test_an_agent_enrols(server: FakeBox, tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "agent"
    assert cli.main(["enrol", server.token(), "--home", str(folder)]) == 0
    assert "7e57" in capsys.readouterr().out
    home = AgentHome(folder)
    identity = home.identity()
    assert identity is not None
    assert identity.agent_id == "7e57"
    assert stat.S_IMODE(home.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(server.seen.enrolments[0]) == {"secret", "csr", "hostname", "os", "version", "machine"}
    with Box(identity.urls, client_context(home.ca, home.certificate, home.key)) as box:
        box.heartbeat({})
    assert cli.main(["status", "--home", str(folder)]) == 0
    assert "7e57" in capsys.readouterr().out


def test_what_is_off_is_known_before_there_is_an_identity(
    server: FakeBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = AgentHome(tmp_path / "agent")
    server.policy = Policy("7e57", 5, (Off("scripts", "Anna", 5),), 1)
    known: list[Policy] = []
    save = AgentHome.save_identity

    def saved(self: AgentHome, identity: Identity) -> None:
        save(self, identity)
        known.append(KeptPolicy(self).now)

    monkeypatch.setattr(AgentHome, "save_identity", saved)
    enrolment.enrol(decode(server.token()), home)
    assert known == [server.policy]
    server.policy = None
    enrolment.enrol(decode(server.token()), home)
    assert KeptPolicy(home).now.categories == {"dns"}, "a box that says nothing leaves none of an earlier box"


def test_a_box_with_another_key_gets_nothing(server: FakeBox, tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(["enrol", server.token(pin="0" * 64), "--home", str(tmp_path / "a")]) == 1
    error = capsys.readouterr().err
    assert "nie jest tą Czujką" in error
    assert len(error.splitlines()) == 1
    assert server.seen.enrolments == []


def test_a_used_token_is_refused(server: FakeBox, tmp_path: Path, capsys: Captured) -> None:
    token = server.token(secret="a-secret-that-nobody-gave")
    assert cli.main(["enrol", token, "--home", str(tmp_path / "a")]) == 1
    assert "odrzuciła token" in capsys.readouterr().err
    assert AgentHome(tmp_path / "a").identity() is None


def test_a_dead_box_is_named(server: FakeBox, tmp_path: Path, capsys: Captured) -> None:
    token = server.token()
    server.down()
    assert cli.main(["enrol", token, "--home", str(tmp_path / "a")]) == 3
    assert server.url in capsys.readouterr().err
    server.up()


def test_a_certificate_for_another_host_is_refused(tmp_path: Path, capsys: Captured) -> None:
    server = FakeBox(tmp_path / "box", names=("elsewhere.example",))
    try:
        assert cli.main(["enrol", server.token(), "--home", str(tmp_path / "a")]) == 1
        assert "Certyfikat serwera" in capsys.readouterr().err
        assert server.seen.enrolments == []
    finally:
        server.down()


def test_renewal_waits_for_two_thirds_and_keeps_the_key(server: FakeBox, tmp_path: Path) -> None:
    home = AgentHome(tmp_path / "agent")
    identity = enrolment.enrol(decode(server.token()), home)
    key, certificate = home.key.read_bytes(), home.certificate.read_bytes()
    box = Box(identity.urls, client_context(home.ca, home.certificate, home.key))
    assert not enrolment.renew(home, box, identity.renew_at - 1)
    assert enrolment.renew(home, box, identity.renew_at)
    box.close()
    assert server.seen.renewals == 1
    assert home.key.read_bytes() == key
    assert home.certificate.read_bytes() != certificate
    renewed = home.identity()
    assert renewed is not None
    assert renewed.issued_at == identity.renew_at


@pytest.mark.parametrize("fault", ["disk", "box", "refused"])
def test_a_renewal_that_fails_stops_nothing_while_the_certificate_is_good(
    server: FakeBox, tmp_path: Path, fault: str
) -> None:
    home = AgentHome(tmp_path / "agent")
    identity = enrolment.enrol(decode(server.token()), home)
    renewal = Renewal(home, identity._replace(issued_at=0, expires_at=1 << 60))
    renewal.ask(*([None] * 2))  # type: ignore[arg-type]
    kept = home.certificate.read_bytes()
    if fault == "disk":
        (home.folder / ".agent.pem.new").mkdir()  # where the new one is written first
    else:

        def refuse(handler: Handler, _path: str) -> bool:
            handler.reply(500 if fault == "box" else 403, b"{}")
            return True

        server.fault = refuse
    with Box(identity.urls, client_context(home.ca, home.certificate, home.key)) as box:
        assert not renewal.renew(box)
        server.fault = None
        box.heartbeat({})
        asked = server.seen.renewals
        assert not renewal.renew(box)  # not again at once
        assert server.seen.renewals == asked
        ended = Renewal(home, identity._replace(expires_at=1))
        ended.ask(*([None] * 2))  # type: ignore[arg-type]
        if fault == "disk":
            with pytest.raises(RetryLater):
                ended.renew(box)
            (home.folder / ".agent.pem.new").rmdir()
    assert home.certificate.read_bytes() == kept
    renewal._not_before = 0.0
    with Box(identity.urls, client_context(home.ca, home.certificate, home.key)) as box:
        assert renewal.renew(box)
    assert home.certificate.read_bytes() != kept


def test_renew_at_is_two_thirds() -> None:
    assert Identity("a", (), 100, 400).renew_at == 300


@pytest.mark.parametrize(
    "text", ["", "x", "czujka1.", "czujka1.!!!", "czujka1.e30", "czujka2.e30", "czujka1." + "A" * MAX_TOKEN]
)
def test_a_bad_token_is_wrong_usage(text: str, tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(["enrol", text, "--home", str(tmp_path / "a")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Nieprawidłowy token")
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "a").exists()


def raw(value: object) -> str:
    return "czujka1." + base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


GOOD = {"u": ["https://box:7443"], "p": "a" * 64, "s": "s" * 20}


@pytest.mark.parametrize(
    "change",
    [{"u": []}, {"u": ["http://box"]}, {"u": ["https://"]}, {"u": ["https://a:99999"]}, {"u": ["https://x@box"]}, {"u": "https://box"},
     {"u": ["https://b"] * 9}, {"p": "a" * 63}, {"p": 5}, {"s": ""}, {"s": "s" * 300}, {"s": None}],
)  # fmt: skip
def test_a_token_without_what_it_needs(change: dict[str, object]) -> None:
    assert decode(raw(GOOD)).secret == "s" * 20
    with pytest.raises(BadToken):
        decode(raw({**GOOD, **change}))


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_not(text: str) -> None:
    for candidate in (text, "czujka1." + text):
        try:
            assert decode(candidate).urls
        except BadToken:
            continue


@given(st.lists(st.sampled_from(["https://a:1", "https://[::1]:7", "https://host.example"]), min_size=1, max_size=8))
def test_a_token_travels(urls: list[str]) -> None:
    token = EnrolToken(tuple(urls), "0" * 64, "x" * 16)
    assert decode(encode(token)) == token


def test_what_is_no_certificate_is_said_in_one_line(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"not a key")
    assert identity_request.main(["csr", str(tmp_path / "key")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert identity_request.main([]) == 2


def test_run_without_enrolment_says_what_to_do(tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(["run", "--home", str(tmp_path)]) == 2
    assert "enrol TOKEN" in capsys.readouterr().err
    assert cli.main(["status", "--home", str(tmp_path)]) == 1


def test_what_is_sent_names_every_sensor(tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(["co-zbieram", "--home", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.count("•") == len(CATEGORIES) + 2 + len(linux_sensors(tmp_path, ""))
    assert "sensor.reason" not in text


def test_one_home_is_for_one_agent(tmp_path: Path) -> None:
    home = AgentHome(tmp_path)
    home.lock()
    with pytest.raises(InUse):
        AgentHome(tmp_path).lock()


def test_home_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CZUJKA_AGENT_HOME", "/x")
    assert home_of(None).folder == Path("/x")
    assert home_of("/y").folder == Path("/y")
