"""All analysers that the sensor asks, in the order of their names."""

from __future__ import annotations

from collector.analysers.beacon import Beacon
from collector.analysers.dns_generated import DnsGenerated
from collector.analysers.dns_rebinding import DnsRebinding
from collector.analysers.dns_tunnel import DnsTunnel
from collector.analysers.long import LongConnection
from collector.analysers.model import Analyser
from collector.analysers.odd_hours import OddHours
from collector.analysers.sent import Sent
from collector.analysers.slow_scan import SlowScan
from collector.analysers.ssl_inside import SslInside
from collector.analysers.targets import Names
from collector.analysers.upload import Upload


def analysers() -> tuple[Analyser, ...]:
    """Return a new one of each: their state is that of one stream of packets."""
    names, sent = Names(), Sent()
    return (
        Beacon(names),
        DnsGenerated(),
        DnsRebinding(),
        DnsTunnel(),
        LongConnection(names),
        OddHours(names, sent),
        SlowScan(),
        SslInside(),
        Upload(names, sent),
    )
