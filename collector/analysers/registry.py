"""All analysers that the sensor asks, in the order of their names."""

from __future__ import annotations

from collector.analysers.bindings import Bindings
from collector.analysers.devices import Devices
from collector.analysers.model import Analyser
from collector.analysers.servers import Servers
from collector.analysers.services import Services
from collector.analysers.starvation import Starvation
from collector.analysers.usual import Usual


def analysers() -> tuple[Analyser, ...]:
    """Return a new one of each: their state is that of one stream of packets."""
    devices = Devices()
    look_up = devices.device
    return (Bindings(), devices, Servers(), Services(look_up), Starvation(), Usual(look_up))
