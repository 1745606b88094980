"""What the box asks for is obeyed when its CA signed it, for this program, in time, and once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from agent.wire.commands import REFRESH, RENEW, SLICE, Command, signed_bytes
from agent.wire.limits import MAX_COMMANDS
from agent.wire.sending.backoff import Backoff, Pause
from agent.wire.sending.home import AgentHome, Identity
from agent.wire.sending.orders import CLOCKS, Orders
from agent.wire.transport import Box, Permanent, RetryLater, client_context
from tests.agent.box import PEM, Certificate, FakeBox, Handler, make_ca

OWN = "00000000-0000-4000-8000-000000000001"


def now() -> int:
    return time.time_ns() // 1000


def command(number: int = 1, agent: str = OWN, until: int = 0) -> Command:
    return Command(number, agent, SLICE, "CabcDEF0123456789", until or now() + 1_000_000)


class Sensor:
    """A program with an identity, and what it did."""

    def __init__(self, folder: Path) -> None:
        self.ca: Certificate = make_ca()
        self.home = AgentHome(folder / "home")
        self.home.create()
        self.home.ca.write_bytes(self.ca[0].public_bytes(PEM))
        self.home.save_identity(Identity(OWN, ("https://box",), 1, 2))
        self.box = Box(["https://127.0.0.1:1"], client_context(self.home.ca))
        self.done: list[int] = []
        self.fault: Exception | None = None
        self.orders = Orders(self.home, {SLICE: self.do})

    def do(self, _box: Box, order: Command) -> None:
        if self.fault is not None:
            raise self.fault
        self.done.append(order.id)

    def signed(self, order: Command, key: ec.EllipticCurvePrivateKey | None = None) -> dict[str, str]:
        statement = order.statement()
        signature = (key or self.ca[1]).sign(signed_bytes(statement), ec.ECDSA(hashes.SHA256()))
        return {"statement": statement, "signature": signature.hex()}

    def hears(self, *orders: Any) -> list[int]:
        self.orders.obey(self.box, {"commands": list(orders)})
        return self.done


@pytest.fixture
def sensor(tmp_path: Path) -> Sensor:
    return Sensor(tmp_path)


def test_a_signed_command_is_done_once(sensor: Sensor) -> None:
    order = sensor.signed(command())
    assert sensor.hears(order) == [1]
    assert sensor.hears(order, sensor.signed(command(2))) == [1, 2]


def test_nobody_else_gives_orders(sensor: Sensor) -> None:
    good = sensor.signed(command())
    other = good["statement"].replace("CabcDEF", "CabcDEX")
    stranger = sensor.signed(command(), ec.generate_private_key(ec.SECP256R1()))
    wrong = [{**good, "statement": other}, stranger, {**good, "signature": "00"}, {**good, "signature": "zz"}]
    assert sensor.hears(*wrong) == []
    assert sensor.hears({"statement": good["statement"]}, good | {"signature": 5}, 7, None) == []
    assert sensor.hears(sensor.signed(command(agent="00000000-0000-4000-8000-000000000002"))) == []
    assert sensor.hears(sensor.signed(command(until=now() - CLOCKS - 1_000_000))) == []
    assert sensor.hears(good) == [1]


def test_an_answer_without_orders_or_with_too_many_is_bounded(sensor: Sensor) -> None:
    answers: list[dict[str, Any]] = [{}, {"commands": "x"}, {"commands": {}}, {"time": 1}]
    for answer in answers:
        sensor.orders.obey(sensor.box, answer)
    many = [{"statement": "x", "signature": ""}] * MAX_COMMANDS
    assert sensor.hears(*many, sensor.signed(command())) == []
    Orders(sensor.home, {}).obey(sensor.box, {"commands": [sensor.signed(command())]})
    assert sensor.done == []


def test_what_did_not_reach_the_box_is_done_again_and_what_it_refused_is_not(sensor: Sensor) -> None:
    order = sensor.signed(command())
    sensor.fault = RetryLater("away")
    with pytest.raises(RetryLater):
        sensor.hears(order)
    sensor.fault = Permanent(409, "answered")
    assert sensor.hears(order) == []
    sensor.fault = None
    assert sensor.hears(order) == []


def answering(handler: Handler, _path: str) -> bool:
    handler.reply(200, b'{"time": 1, "commands": [5]}')
    return True


def test_a_heartbeats_answer_reaches_the_duties(tmp_path: Path) -> None:
    server = FakeBox(tmp_path / "box")
    try:
        server.fault = answering
        with Box([server.url], client_context(server.folder / "ca.pem", *server.client_files())) as box:
            assert box.heartbeat({}) == {"time": 1, "commands": [5]}
    finally:
        server.down()


def test_a_slice_and_another_command_of_one_number_are_two(sensor: Sensor) -> None:
    """The box numbers slices and the other kinds apart."""
    asked: list[str] = []
    duties = dict.fromkeys((SLICE, REFRESH), lambda _box, order: asked.append(order.argument))
    orders = Orders(sensor.home, duties)
    both = [sensor.signed(command()), sensor.signed(Command(1, OWN, REFRESH, "posture", now() + 1_000_000))]
    orders.obey(sensor.box, {"commands": [*both, *both]})
    assert asked == ["CabcDEF0123456789", "posture"]


def test_the_next_heartbeat_tells_what_became_of_commands_until_the_box_has_heard(sensor: Sensor) -> None:
    def refuse(_box: Box, _order: Command) -> None:
        raise Permanent(409, "not here")

    orders = Orders(sensor.home, {SLICE: sensor.do, REFRESH: lambda _box, _order: None, RENEW: refuse})
    wanted = [Command(1, OWN, REFRESH, "posture", now() + 10**6), Command(2, OWN, RENEW, "", now() + 10**6), command(3)]
    assert orders.heartbeat() == {}
    orders.obey(sensor.box, {"commands": [sensor.signed(one) for one in wanted]})
    told = {"commands": [[1, "done"], [2, "refused"]]}
    assert orders.heartbeat() == told
    assert orders.heartbeat() == told, "the answer was lost"
    orders.obey(sensor.box, {})
    assert orders.heartbeat() == {}


def test_while_nothing_can_be_checked_it_is_tried_ever_more_rarely(sensor: Sensor, tmp_path: Path) -> None:
    """The helper is broken here for want of the CA's file: a heartbeat every ten seconds for an hour."""
    order, clock = sensor.signed(command()), 0.0
    backoff = Backoff(30.0, 600.0)
    orders = Orders(sensor.home, {SLICE: sensor.do}, Pause(backoff, lambda: clock))
    sensor.home.ca.rename(tmp_path / "away")
    for beat in range(360):
        clock = beat * 10.0
        orders.obey(sensor.box, {"commands": [order]})
    assert 5 <= backoff.failures <= 20
    (tmp_path / "away").rename(sensor.home.ca)
    clock += 600.0
    orders.obey(sensor.box, {"commands": [order]})
    assert (sensor.done, backoff.failures) == ([1], 0)


def test_an_order_that_is_signed_by_nothing_holds_up_no_other(sensor: Sensor) -> None:
    good = sensor.signed(command())
    assert sensor.hears({**good, "signature": "zz"}, good) == [1]
