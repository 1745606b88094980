"""The policy that is obeyed: signed by this box, for this agent, and never an older one again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from agent.what import lines
from agent.wire.categories import CATEGORIES
from agent.wire.policy import Off, Policy, digest, signed_bytes
from agent.wire.sending.backoff import Backoff, Pause
from agent.wire.sending.home import AgentHome, Identity
from agent.wire.sending.kept_policy import COPY, FILE, KeptPolicy, NotChecked, keep, signed_by_ca
from agent.wire.sending.sensor import About, Availability
from tests.agent.box import PEM, make_ca

OWN = "00000000-0000-4000-8000-000000000001"
CA = make_ca()


def offer(policy: Policy, key: ec.EllipticCurvePrivateKey = CA[1]) -> dict[str, object]:
    statement = policy.statement()
    signature = key.sign(signed_bytes(statement), ec.ECDSA(hashes.SHA256()))
    return {"policy": {"statement": statement, "signature": signature.hex()}}


def policy(issued: int = 5, agent: str = OWN, *names: str) -> Policy:
    return Policy(agent, issued, tuple(Off(name, "Anna Nowak", 1_790_000_000_000_000) for name in names or ("logons",)))


@pytest.fixture
def home(tmp_path: Path) -> AgentHome:
    made = AgentHome(tmp_path)
    made.ca.write_bytes(CA[0].public_bytes(PEM))
    made.save_identity(Identity(OWN, ("https://box",), 1, 2))
    return made


def kept(home: AgentHome) -> KeptPolicy:
    """Return the policy with a signature that counts by its length: the real check has its own test."""
    return KeptPolicy(home, lambda _home, _statement, signature: len(signature) > 100)


def test_only_the_boxs_own_signature_counts(home: AgentHome) -> None:
    one = KeptPolicy(home)
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert not one.take(offer(policy(), stranger))
    assert one.take(offer(policy()))
    assert one.now == policy()
    assert KeptPolicy(home).now == policy(), "it holds after a start without the box"
    statement = policy().statement()
    command = CA[1].sign(b"czujka command 1\n" + statement.encode(), ec.ECDSA(hashes.SHA256())).hex()
    assert not signed_by_ca(home, statement, command), "a signature for something else"


def test_an_older_one_and_anothers_do_not_count(home: AgentHome) -> None:
    one = kept(home)
    assert one.take(offer(policy(5)))
    assert not one.take(offer(policy(5)))
    assert not one.take(offer(policy(4, OWN, "logs")))
    assert not one.take(offer(policy(9, "00000000-0000-4000-8000-000000000002", "logs")))
    for answer in ({}, {"policy": None}, {"policy": {"statement": 5, "signature": ""}}, {"policy": {"statement": "x"}}):
        assert not one.take(answer)
    assert one.heartbeat() == {"policy": digest(policy().off), "policy_number": 0}


def test_what_is_decided_later_counts_though_the_boxs_clock_was_put_back(home: AgentHome) -> None:
    """Of an older box and of a newer one: a clock that was a year ahead when something was switched off."""
    ahead, right = 1_826_000_000_000_000, 1_795_000_000_000_000
    one = kept(home)
    assert one.take(offer(policy(ahead)))
    assert one.take(offer(policy(right, OWN, "logs")._replace(number=one.now.number + 1)))
    assert one.now.categories == {"logs"}
    again = kept(home)
    assert again.heartbeat()["policy_number"] == 1, "it is kept with its number"
    assert again.take(offer(policy(right - 1, OWN, "usb")._replace(number=2)))
    for before in (policy(ahead), policy(right, OWN, "logs")._replace(number=1)):
        assert not again.take(offer(before)), "one of before, played again"
    assert again.now.categories == {"usb"}


def no_helper(_home: AgentHome, _statement: str, _signature: str) -> bool:
    raise NotChecked("no process can be started")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"statement": "x", "signature": "y"}', '{"statement": "{\\"ag'])
def test_of_a_file_that_says_nothing_everything_is_off(home: AgentHome, text: str) -> None:
    for name in (FILE, COPY):
        (home.folder / name).write_text(text)
    one = KeptPolicy(home)
    assert one.lost
    assert one.now.categories == set(CATEGORIES)
    assert not one.wants("audit")
    assert one.take(offer(policy())), "the box's answer ends it"
    assert (one.lost, one.now) == (False, policy())


@pytest.mark.parametrize("damaged", [FILE, COPY])
def test_of_two_copies_one_is_enough(home: AgentHome, damaged: str) -> None:
    assert KeptPolicy(home).take(offer(policy()))
    (home.folder / damaged).write_bytes((home.folder / damaged).read_bytes()[:40])
    assert KeptPolicy(home).now == policy()
    (home.folder / damaged).unlink()
    assert KeptPolicy(home).now == policy()


def test_what_cannot_be_checked_now_stays_off_and_opens_nothing(home: AgentHome) -> None:
    keep(home, offer(policy(5, OWN, "programs", "scripts"))["policy"])  # type: ignore[arg-type]
    one = KeptPolicy(home, no_helper)
    assert one.now.categories == {"programs", "scripts", "dns"}
    assert not one.take(offer(policy(9, OWN, "logs")))
    assert one.now.categories == {"programs", "scripts", "dns"}
    broken = AgentHome(home.folder / "no-ca")
    broken.create()
    with pytest.raises(NotChecked):
        signed_by_ca(broken, policy().statement(), "00")


def test_while_nothing_can_be_checked_it_is_tried_ever_more_rarely(home: AgentHome) -> None:
    """A heartbeat every ten seconds for an hour."""
    clock, works = 0.0, False

    def helper(_home: AgentHome, _statement: str, _signature: str) -> bool:
        if not works:
            raise NotChecked("broken")
        return True

    backoff = Backoff(30.0, 600.0)
    one = KeptPolicy(home, helper, Pause(backoff, lambda: clock))
    for beat in range(360):
        clock = beat * 10.0
        assert not one.take(offer(policy()))
    assert 5 <= backoff.failures <= 20
    clock, works = clock + 600.0, True
    assert one.take(offer(policy()))
    assert backoff.failures == 0


def test_a_signed_file_of_another_statement_does_not_count(home: AgentHome) -> None:
    assert KeptPolicy(home).take(offer(policy()))
    value = json.loads((home.folder / FILE).read_text())
    for name in (FILE, COPY):
        (home.folder / name).write_text(json.dumps({**value, "statement": policy(6, OWN, "logs").statement()}))
    assert KeptPolicy(home).lost


def test_a_folder_that_takes_nothing_stops_no_policy(home: AgentHome) -> None:
    one = kept(home)
    (home.folder / f".{FILE}.new").mkdir()
    assert one.take(offer(policy()))
    assert one.permitted({"event.module": "linux.syslog", "log.syslog.appname": "sshd"}) is None


def test_a_sensor_with_nothing_left_to_bring_is_not_wanted(home: AgentHome) -> None:
    one = kept(home)
    assert one.take(offer(policy(5, OWN, "logons", "accounts", "security", "logs")))
    assert (one.wants("journald"), one.wants("audit"), one.wants("of tomorrow")) == (False, True, True)


class Source:
    def __init__(self, name: str, state: str) -> None:
        self.about = About(name, f"Źródło {name}", f"Source {name}")
        self._state = state

    def availability(self) -> Availability:
        return Availability(self._state)  # type: ignore[arg-type]


def test_people_read_what_is_sent_and_who_switched_what_off(home: AgentHome) -> None:
    one = kept(home)
    one.take(offer(policy(5, OWN, "logons", "accounts", "security", "logs")))
    told = "\n".join(lines([Source("audit", "on"), Source("journald", "on")], one.now, {}))  # type: ignore[list-item]
    assert "[wysyłane] uruchamiane programy" in told
    assert "[wyłączone od 21.09.2026, przez: Anna Nowak] logowania" in told
    assert "[nie na tym komputerze] podłączane urządzenia USB" in told
    assert "[nie działa – wyłączone w Czujce] Źródło journald" in told
    first = "\n".join(lines([], KeptPolicy(AgentHome(home.folder / "none")).now, {}))
    assert "[wyłączone, dopóki administrator nie włączy] zapytania DNS" in first
    assert "naciśnięcia klawiszy" in first


def test_what_the_running_agent_does_counts_before_what_could_be_done_here(home: AgentHome) -> None:
    sources = [Source("audit", "on"), Source("fim", "on"), Source("inventory", "off")]
    running = {"audit": Availability("off"), "fim": Availability("limited", "sensor.reason.rounds_only")}
    told = "\n".join(lines(sources, kept(home).now, running))  # type: ignore[arg-type]
    assert "[nie na tym komputerze] uruchamiane programy" in told
    assert "[wysyłane] zmiany plików systemowych" in told
    assert "[działa częściowo – zmiany plików widać tylko przy przeglądzie co 6 godzin; usługa" in told
    assert "[nie działa] Źródło inventory" in told


def test_it_is_in_force_before_its_file_tells_so(home: AgentHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sensors' thread reads on while the file is written; who sees the file may rely on it."""
    one = kept(home)
    seen: list[Policy] = []

    def note(_path: Path, _data: bytes) -> None:
        seen.append(one.now)

    monkeypatch.setattr("agent.wire.sending.kept_policy.write_private", note)
    assert one.take(offer(policy()))
    assert seen == [policy(), policy()]
