"""A hunt counts the events whose direction nobody wrote down."""

from __future__ import annotations

from appliance.clock import HOUR
from appliance.normalise import Event
from appliance.normalise.network import MODULE
from appliance.state.hunts import HuntState
from tests.appliance.hunt.kit import Office, event
from tests.appliance.rulesets.kit import NOW


def connection(number: int, **more: str) -> Event:
    ends = {"source.ip": "10.0.0.7", "destination.ip": "198.51.100.7"}
    plain = event(500 + number, NOW - number * HOUR, "")
    del plain["process.executable"], plain["audit.type"]
    return {**plain, "event.module": MODULE, "event.category": "connection", **ends, **more}


DIRECTION = """title: Outwards
id: 00000000-0000-4000-8000-000000000061
status: stable
level: high
logsource: {product: zeek, service: conn}
detection:
  selection: {network.direction: outbound}
  condition: selection
"""


def test_a_hunt_says_of_how_many_events_nobody_wrote_down_which_way_they_went(office: Office) -> None:
    (office.folder / "rules" / "61.yml").write_text(DIRECTION)
    office.keep([connection(n) for n in (1, 2, 3)])
    directed = {"network.direction": "outbound"}
    one_end = {name: value for name, value in connection(5).items() if name != "destination.ip"}
    office.keep([connection(4, **directed), one_end, connection(90)])
    number, other = office.ask(61), office.ask(1)
    assert office.hunter().turn()
    assert office.hunter().turn()
    row = office.hunt(number)
    assert (row.state, row.hits, row.undirected) == (HuntState.DONE, 1, 3)
    assert office.hunt(other).undirected == 0
