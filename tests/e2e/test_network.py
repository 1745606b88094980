"""The story's attacks and their harmless twins as packets over real virtual cards: what raises an alert, what none."""

from __future__ import annotations

import signal
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.collector.packets import pcap
from tests.e2e import attacks, history, shown
from tests.e2e.box import Box, wait_for
from tests.e2e.station import Sensor

pytestmark = pytest.mark.root
#: Title of the alert → whom it is about.
WANTED = {
    "Weak Tickets for Many Services Collected": attacks.ROASTER,
    "Service Made on Another Computer over the Network": attacks.INTRUDER,
    "Program Sent to an Administrative Share over the Network": attacks.INTRUDER,
    "One Port Tried on Many Computers": attacks.SWEEPER,
    "Data Travels in Names Asked of DNS": attacks.TUNNELLER,
    "Small Connections to One Address All Day": attacks.CALLER,
    "Program That Breaks into Telephone Exchanges": attacks.EXCHANGE,
    "Thirty Sign-Ins of Telephones Refused": attacks.STRANGER,
    "Telephone Signed In after Thirty Refusals": attacks.STRANGER,
    "Exchange Makes a Call Abroad for a Stranger": attacks.EXCHANGE,
    "Second DHCP Server in the Network": "",
    "Computer Asks for Many Addresses That Nobody Has": attacks.SEARCHER,
    "Thirty Sign-Ins of One Account Refused on the Wire": attacks.GUESSER,
    "Account Signed In on the Wire after Thirty Refusals": attacks.GUESSER,
    "Thirty Remote Desktop Connections in a Row": attacks.KNOCKER,
    "Exchange Calls an Expensive Number": attacks.EXCHANGE,
    "Exchange Makes Many Calls Abroad within an Hour": attacks.EXCHANGE,
    "Another Card Claims the Address of the Gateway or a Server": attacks.GATEWAY,
    "Traces of Remote Execution Tools on a Share": attacks.INTRUDER,
    "Weak Tickets for Several Services Collected in a Day": "",
    "Call Abroad or to an Expensive Number Asked for from Outside": attacks.EXCHANGE,
}
#: What is a flow for as long as it is not silent for a minute, or the sensor ends.
LASTING = {
    ("Data Carried in Ping or Time Queries", "10.66.1.43"),
    ("Thirty SSH Sign-Ins Failed from One Address on the Wire", "10.66.1.7"),
    ("SSH Sign-In on the Wire after Thirty Failures", "10.66.1.7"),
}
#: What the twins do that is told rightly, at level low: after a slip they sign in, and nothing hides their password.
TRUE_OF_TWINS = {"Password Sent in the Clear over FTP"}
#: The last parts of addresses of twins whose connections end with what they say.
LAST_TWINS = (5, 24, 30, 31, 32, 40, 41, 48, 80, 81, 82, 101, 110, 116, 117, 118)
#: Twins of which some is told only then, too.
LASTING_TWINS = {f"10.66.4.{n}" for n in (111, 112, 113, 115)} | {"192.168.10.67"}
#: What ends last of the twins, and how often it comes.
LAST = (
    ("event.dataset:zeek.conn AND source.ip:10.66.0.54", 60),
    ("zeek.sip.method:*", 8),
    ("zeek.nd.op:router_advertisement", 1),
    *((f"event.dataset:zeek.conn AND source.ip:10.66.4.{n}", 1) for n in LAST_TWINS),
)


class Wire(Sensor):
    """A sensor whose cards no other test has."""

    card, other, space = "czt-wire", "czt-far", "czt-far"


def about(alert: dict[str, Any]) -> str:
    """The address of whom an alert is about: `account@address`, `address, port`."""
    return str(alert["entity"]).partition(", ")[0].rpartition("@")[2]


def missing(box: Box, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The wanted alerts, each a title and whom it is about, that there are not."""
    alerts = box.get("alerts", limit=500)["items"]
    there = {(alert["title"], about(alert)) for alert in alerts}
    return wanted - there - {(title, "") for title, _ in there}


def stored(box: Box, query: str, count: int) -> bool:
    return int(box.get("events/count", q=query)["count"]) >= count


def test_attacks_on_the_wire_raise_their_alerts_and_their_harmless_twins_none(tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.pcap" for name in ("twins", "attacks")}
    cases = shown.cases()
    files["twins"].write_bytes(pcap([*attacks.twins(), *chain.from_iterable(case.twin for case in cases)]))
    files["attacks"].write_bytes(pcap([*attacks.attacks(), *chain.from_iterable(case.frames for case in cases)]))
    wanted = {*WANTED.items(), *((title, case.about) for case in cases for title in case.titles)}
    (folder := tmp_path / "box").mkdir()
    with Box(folder) as box, Wire(box, tmp_path) as sensor:
        try:
            agent_id = sensor.enrol()
            history.remember(sensor.home / "spool.db")
            sensor.start()
            wait_for("the first heartbeat", lambda: sensor.told(agent_id)["sensors"])
            sensor.pass_by(files["twins"])
            # An event is shown once its alerts are.
            for query, count in LAST:
                wait_for(query, partial(stored, box, query, count), 60)
            assert {alert["title"] for alert in box.get("alerts")["items"]} == TRUE_OF_TWINS
            sensor.pass_by(files["attacks"])
            with suppress(AssertionError):  # what is missing is told better by what follows
                wait_for("the alerts", lambda: missing(box, wanted) <= LASTING, 60)
            assert missing(box, wanted) <= LASTING
            assert sensor.stop() == 0
            sensor.start()
            wait_for("what the sensor told at its end", lambda: not missing(box, wanted), 60)
            assert not LASTING_TWINS & set(map(about, box.get("alerts", limit=500)["items"]))
        finally:
            if sensor.process is not None and sensor.process.poll() is None:
                sensor.stop(signal.SIGKILL)
