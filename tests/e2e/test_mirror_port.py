"""A network sensor at a card: what passes by becomes alerts with their packets, and a file of it is read."""

from __future__ import annotations

import hashlib
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.collector.packets import accepted, asked, claim, frames_of, lease, pcap, router, scan, tunnel
from tests.e2e.box import Box, wait_for
from tests.e2e.memory import eight_days_pass
from tests.e2e.names import RESOLVER, invented, ordinary, turned
from tests.e2e.pages.tabs import violations
from tests.e2e.person import browsing, set_up
from tests.e2e.station import Sensor


@pytest.mark.root
@pytest.mark.browser
def test_a_scan_seen_on_the_mirror_port_raises_its_alert_and_an_import_of_it_is_read(box: Box, tmp_path: Path) -> None:
    capture, before, after = (tmp_path / f"{name}.pcap" for name in ("scan", "before", "after"))
    capture.write_bytes(pcap(scan("10.66.0.9", "10.66.0.20", range(1, 41))))
    known = [lease("10.66.0.2", "10.66.0.1"), claim("10.66.0.1", "00:0c:42:00:00:01"), claim(PRINTER, PRINTER_CARD)]
    before.write_bytes(pcap([*known, *accepted(PRINTER, "10.66.0.2", 25)]))
    claims = [claim(f"10.66.1.{n}", STRANGER) for n in range(120)]
    flood = asked(f"00:1b:78:66:00:{n:02x}" for n in range(100))
    gateway = claim("10.66.0.1", "00:0c:42:00:00:01")
    strange = [gateway, claim("10.66.0.1", STRANGER), lease("10.66.0.66", "10.66.0.66"), router(STRANGER, "2001:db8::")]
    after.write_bytes(
        pcap([*strange, *claims, *flood, *(f for port in (3389, 4444) for f in accepted(PRINTER, "10.66.0.2", port))])
    )
    names = tmp_path / "names.pcap"
    names.write_bytes(pcap([*tunnel("10.66.0.10", RESOLVER, 80), *invented(), *turned(), *ordinary()]))
    with Sensor(box, tmp_path) as sensor:
        try:
            agent_id = sensor.begin()
            assert [(one["name"], one["state"]) for one in sensor.told(agent_id)["sensors"]] == [("network", "on")]
            sensor.pass_by(before)
            sensor.pass_by(capture)
            sensor.pass_by(names)
            wait_for("the alert", lambda: _alerts(box, PORTS_TRIED), 40)
            wait_for("what an analyser noticed", lambda: _alerts(box, "Data Travels in Names Asked of DNS"), 40)
            for title, about in (("Invented Domains Sought over a Day", "10.66.0.11"), (REBINDING, "10.66.0.12")):
                (alert,) = wait_for(title, partial(_alerts, box, title), 40)
                assert alert["entity"] == about
            query = f"agent.id:{agent_id} AND event.dataset:zeek.conn AND source.ip:10.66.0.9"
            wait_for("the connections", lambda: box.get("events/count", q=query)["count"] == 40)
            (alert,) = _alerts(box, PORTS_TRIED)
            _packets_of(box, alert["id"], tmp_path)
            (one,) = sensor.told(agent_id)["sensors"]
            assert one["figures"]["drops"] == 0
            assert sensor.stop() == 0
            eight_days_pass(sensor.home / "spool.db")
            sensor.start()
            wait_for("the alerts of what was not known before the restart", lambda: _strange(box, sensor, after), 60)
            assert set(_disputed(box, GATEWAY_CLAIMED)) >= set(strange[:2])
            assert set(_disputed(box, "Unknown DHCP Server Hands out Addresses")) == {strange[2]}
            assert set(_disputed(box, "Unknown IPv6 Router Announces Itself")) == {strange[3]}
            assert sensor.stop() == 0
        finally:
            if sensor.process is not None and sensor.process.poll() is None:
                sensor.stop(signal.SIGKILL)
    done = box.run("import", str(capture))
    assert (done.returncode, done.stdout.strip()) == (0, "Przeczytane: 40, przyjęte: 40, już znane: 0, odrzucone: 0")
    again = box.run("import", str(capture))
    assert again.stdout.strip().endswith("już znane: 40, odrzucone: 0")
    # Of what was imported, the box itself keeps the packets.
    (event, *_) = box.get("events", q=f"NOT agent.id:{agent_id} AND event.dataset:zeek.conn")["items"]
    with box.api() as client:
        number = client.post("slices", json={"event_id": event["event.id"]}).json()["id"]
    read = wait_for("the packets are read", lambda: _slice(box, number, "read"), 60)
    assert (read["reason"], read["summary"]["packets"]) == ("", 2)


def _packets_of(box: Box, alert: int, folder: Path) -> None:
    """Fetch the packets of an alert by a click, see what tshark makes of them, and take them away."""
    with browsing() as tab:
        page = tab.new_page()
        set_up(page, box)
        page.goto(f"{box.base}/alerty/{alert}")
        page.get_by_role("button", name="Pobierz pakiety z czujnika").first.click()
        page.wait_for_url("**?ok=slice_asked#pakiety")
        expect(page.locator("[data-part=packets]")).to_contain_text("Co znalazł tshark", timeout=90_000)
        assert violations(page, "light") == []
        page.get_by_text("2 pierwsze pakiety po kolei").click()
        expect(page.locator("[data-part=packets] table.ev")).to_contain_text("[SYN]")
        page.set_viewport_size({"width": 320, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        with page.expect_download() as download:
            page.get_by_role("link", name="Pobierz plik pcapng").click()
        taken = folder / "taken.pcapng"
        download.value.save_as(taken)
    frames, broken = frames_of(taken.read_bytes())
    assert ([len(frame) for _, frame, _, _ in frames], broken) == ([54, 54], "")
    (done,) = [one for one in box.get("operations")["items"] if one["action"] == "slice.downloaded"]
    assert (done["who"], done["detail"]["sha256"]) == ("marek", hashlib.sha256(taken.read_bytes()).hexdigest())


def _disputed(box: Box, title: str) -> list[bytes]:
    """Return the frames that an alert about an address has as its evidence, as the sensor brings them."""
    (alert,) = _alerts(box, title)
    (event, *_) = box.get(f"alerts/{alert['id']}/events")["items"]
    with box.api() as client:
        number = client.post("slices", json={"event_id": event["event_id"]}).json()["id"]
        wait_for("the frames", lambda: _slice(box, number, "read"), 60)
        taken = client.get(f"slices/{number}/pcap").content
    return [frame for _, frame, _, _ in frames_of(taken)[0]]


def _slice(box: Box, number: int, state: str) -> dict[str, Any] | None:
    found: dict[str, Any] = box.get(f"slices/{number}")
    return found if found["state"] == state else None


PORTS_TRIED = "Many Ports of One Computer Tried"
REBINDING = "Name of the Internet Turns into an Address of the Office"
PRINTER, PRINTER_CARD, STRANGER = "10.66.0.80", "00:80:77:00:00:80", "08:00:27:00:00:66"
GATEWAY_CLAIMED = "Another Card Claims the Address of the Gateway or a Server"
NOTICED = {
    GATEWAY_CLAIMED,
    "A Card Claims Addresses without End",
    "Unknown DHCP Server Hands out Addresses",
    "Unknown IPv6 Router Announces Itself",
    "Addresses of the Office Are Being Used up",
    "Computer Can Suddenly Be Controlled from Afar",
    "Computer Answers on a Port of Break-in Tools",
    "Printer, Camera, Telephone or Kiosk Does Something Else",
}


def _strange(box: Box, sensor: Sensor, capture: Path) -> bool:
    """Let strange things pass by, again and again as long as the sensor may not listen yet."""
    sensor.pass_by(capture)
    return _noticed(box) == NOTICED


def _noticed(box: Box) -> set[str]:
    return {alert["title"] for alert in box.get("alerts")["items"]} & NOTICED


def _alerts(box: Box, title: str) -> list[dict[str, Any]]:
    return [alert for alert in box.get("alerts")["items"] if alert["title"] == title]
