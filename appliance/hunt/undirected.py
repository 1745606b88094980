"""Stored events of which nobody wrote down which way they went: rules that go by it cannot find them."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.detect import Rule
from appliance.detect.nodes import fields
from appliance.detect.routes import shipped_routes
from appliance.hunt.question import of_feed
from appliance.search import Field, Kind, Node
from appliance.search.nodes import And, Exists, Leaf, Not, Or

DIRECTION = "network.direction"


def undirected(rules: Iterable[Rule]) -> Node | None:
    """Return a question for the events of rules that go by the direction which name both ends and no direction.

    None when none of the rules goes by it. Events that are stored now all have it.
    """
    going = [rule for rule in rules if DIRECTION in fields(rule.node)]
    feeds = {of_feed(feed): None for rule in going for feed in shipped_routes().feeds(rule.logsource)}
    if not feeds:
        return None
    ends = (Leaf((Field(name, Kind.IP),), Exists()) for name in ("source.ip", "destination.ip"))
    return And((Or(tuple(feeds)), *ends, Not(Leaf((Field(DIRECTION, Kind.KEYWORD),), Exists()))))
