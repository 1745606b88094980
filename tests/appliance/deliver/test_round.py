"""Delivery to real servers."""

from __future__ import annotations

import hmac
import json
import mailbox
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import HOUR, SECOND
from appliance.deliver import enqueue
from appliance.deliver.mail import compose
from appliance.deliver.outbox import post, targets
from appliance.deliver.round import Courier
from appliance.deliver.texts import Writer, load_catalogue
from appliance.home import Home
from appliance.settings import Mail, Settings, Webhook
from appliance.state.database import open_sessions, open_state, writing
from appliance.state.models import Attempt, Base, Outbox
from tests.appliance.deliver.conftest import MailServer, WebServer
from tests.appliance.deliver.samples import NOW, SampleCard, sample_alert

Make = Callable[[Settings], Courier]


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[sessionmaker[Session]]:
    engine = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    Base.metadata.create_all(engine)
    yield open_sessions(engine)
    engine.dispose()


@pytest.fixture
def courier(tmp_path: Path, sessions: sessionmaker[Session], clock: Clock) -> Make:
    """Makes a courier with one alert waiting in the outbox."""

    def make(settings: Settings) -> Courier:
        with writing(sessions) as session:
            alert = sample_alert()
            session.add(alert)
            session.flush()
            enqueue(session, [alert], settings, clock())
        writer = Writer(load_catalogue(), settings, lambda _alert, _events: SampleCard())
        return Courier(Home(tmp_path), settings, sessions, writer, clock)

    return make


def states(courier: Courier) -> list[str]:
    with courier.sessions() as session:
        return list(session.scalars(select(Outbox.state).order_by(Outbox.id)))


def attempts(courier: Courier) -> list[tuple[bool, str]]:
    with courier.sessions() as session:
        return [(row.ok, row.detail) for row in session.scalars(select(Attempt).order_by(Attempt.id))]


def mail_to(server: MailServer, **more: object) -> Mail:
    values = {"host": "127.0.0.1", "port": server.port, "starttls": False, "recipients": ["jan@urzad.pl"], **more}
    return Mail.model_validate(values)


def hook(url: str, secret: str = "") -> Settings:
    return Settings.model_validate({"mail": {"recipients": []}, "webhooks": [{"url": url, "secret": secret}]})


def test_mail_arrives_with_its_polish_letters(courier: Make, mail_server: MailServer) -> None:
    made = courier(Settings(mail=mail_to(mail_server)))
    assert made.deliver_due() == 1
    (letter,) = mail_server.letters
    assert letter["Subject"] == "Wysoki: Powłoka z serwera WWW – stacja PC-WOJT [Czujka 1]"
    assert letter["Message-ID"] == "<czujka-1@localhost>"
    assert "uruchomił powłokę" in letter.get_content()
    assert mail_server.recipients == [["jan@urzad.pl"]]
    assert states(made) == ["delivered"]
    assert made.deliver_due() == 0


def test_a_refused_mail_is_sent_again_later_and_every_try_is_kept(
    courier: Make, mail_server: MailServer, clock: Clock
) -> None:
    mail_server.refusals = 2
    made = courier(Settings(mail=mail_to(mail_server)))
    assert [made.deliver_due(), made.deliver_due()] == [1, 0]
    clock.now += 5 * SECOND
    made.deliver_due()
    clock.now += 10 * SECOND
    made.deliver_due()
    assert [ok for ok, _ in attempts(made)] == [False, False, True]
    assert "451" in attempts(made)[0][1] or "try again later" in attempts(made)[0][1]
    assert states(made) == ["delivered"]
    assert len(mail_server.letters) == 1


def test_a_mail_server_that_is_away_costs_a_try(courier: Make, mail_server: MailServer) -> None:
    made = courier(Settings(mail=Mail(host="127.0.0.1", port=1, starttls=False)))
    made.deliver_due()
    assert states(made) == ["waiting"]
    assert attempts(made)[0][0] is False


def test_plain_text_is_never_sent_where_tls_is_demanded(courier: Make, mail_server: MailServer) -> None:
    made = courier(Settings(mail=mail_to(mail_server, starttls=True)))
    made.deliver_due()
    assert mail_server.letters == []
    assert states(made) == ["waiting"]


def test_without_a_server_mail_lies_in_the_mailbox_once(
    courier: Make, sessions: sessionmaker[Session], clock: Clock
) -> None:
    made = courier(Settings())
    made.deliver_due()
    # The crash between putting the message and writing it down: it is due again.
    with writing(sessions) as session:
        session.get_one(Outbox, 1).state = "waiting"
    clock.now += HOUR
    assert made.deliver_due() == 1
    box = mailbox.Maildir(made.home.mailbox, create=False)
    (letter,) = list(box)
    box.close()
    assert letter["Message-ID"] == "<czujka-1@localhost>"
    assert letter["To"] == "informatyk@localhost"


def test_one_dead_target_holds_up_nobody(courier: Make, mail_server: MailServer, web_server: WebServer) -> None:
    webhooks = [Webhook.model_validate({"url": "http://127.0.0.1:1/"}), Webhook.model_validate({"url": web_server.url})]
    made = courier(Settings(mail=mail_to(mail_server), webhooks=webhooks))
    assert made.deliver_due() == 3
    assert states(made) == ["delivered", "waiting", "delivered"]


def test_a_webhook_gets_signed_json(courier: Make, web_server: WebServer) -> None:
    made = courier(hook(web_server.url, "tajne"))
    made.deliver_due()
    path, headers, body = web_server.requests[0]
    assert path == "/alerts"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Czujka-Signature"] == "sha256=" + hmac.new(b"tajne", body, sha256).hexdigest()
    assert headers["X-Czujka-Message"] == "1"
    assert web_server.json()["title"] == "Powłoka z serwera WWW"
    assert states(made) == ["delivered"]


def test_a_letter_of_the_box_goes_to_webhooks_too(courier: Make, web_server: WebServer) -> None:
    made = courier(hook(web_server.url))
    letter = {"name": "hunt-3", "subject": "Znaleziono później: 4 alerty", "body": "Zobacz"}
    with writing(made.sessions) as session:
        post(session, letter, targets(made.settings), NOW)
        post(session, letter, targets(made.settings), NOW)
    made.deliver_due()
    assert states(made) == ["delivered"] * 2
    sent = [json.loads(body) for _, _, body in web_server.requests]
    assert [one for one in sent if "letter" in one] == [
        {"letter": "hunt-3", "title": "Znaleziono później: 4 alerty", "text": "Zobacz", "office": "Urząd"}
    ]


def test_without_a_secret_there_is_no_signature(courier: Make, web_server: WebServer) -> None:
    courier(hook(web_server.url)).deliver_due()
    assert "X-Czujka-Signature" not in web_server.requests[0][1]


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_an_answer_that_is_no_success_is_a_try(courier: Make, web_server: WebServer, status: int) -> None:
    web_server.answers = [(status, {"Location": web_server.url}, b"")]
    made = courier(hook(web_server.url))
    made.deliver_due()
    assert states(made) == ["waiting"]
    assert attempts(made) == [(False, f"WebhookFault: HTTP {status}")]
    assert len(web_server.requests) == 1


def test_a_huge_answer_is_not_read(courier: Make, web_server: WebServer) -> None:
    web_server.answers = [(200, {}, b"x" * (30 << 20))]
    made = courier(hook(web_server.url))
    made.deliver_due()
    assert states(made) == ["delivered"]


def test_a_webhook_that_left_the_settings_is_a_try(courier: Make, web_server: WebServer) -> None:
    made = courier(hook(web_server.url))
    other = Courier(made.home, hook("http://127.0.0.1:1/"), made.sessions, made.writer, made.clock)
    other.deliver_due()
    assert attempts(made) == [(False, "Undeliverable: the address is no longer in the settings")]


@pytest.mark.parametrize("evil", ["x\r\nBcc: zly@example.pl", "x\nBcc: zly@example.pl", "x\u2028y", "\x00", "\ud800"])
def test_no_header_can_be_smuggled(evil: str) -> None:
    letter = compose(evil, "a@b.pl", 1, subject=evil, body=evil, at=NOW)
    head = letter.as_bytes().partition(b"\r\n\r\n")[0]
    assert not [line for line in head.split(b"\r\n") if line.lower().startswith(b"bcc")]
    assert letter["Bcc"] is None
