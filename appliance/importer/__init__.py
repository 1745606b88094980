"""From files that a person has to records on the wire."""

from __future__ import annotations

from appliance.importer.files import find, records

__all__ = ["find", "records"]
