"""The query language for people: text → tree with located errors, and what the tree means."""

from __future__ import annotations

from appliance.search.errors import QueryError
from appliance.search.evaluate import matches
from appliance.search.fields import Fields, aliases, columns, labels
from appliance.search.nodes import Field, Kind, Node
from appliance.search.parse import parse

__all__ = ["Field", "Fields", "Kind", "Node", "QueryError", "aliases", "columns", "labels", "matches", "parse"]
