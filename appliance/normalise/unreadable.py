"""What an importer or agent could not read: always a dead letter, with the sender's reason."""

from __future__ import annotations

from appliance.normalise.model import Event, Raw, Source, Unreadable

MODULE = "unreadable"
MAX_REASON = 300


def normalise(record: Raw, source: Source) -> Event:
    """Raise Unreadable with the sender's reason, file and line."""
    del source
    reason = record.get("reason")
    text = reason if isinstance(reason, str) and reason else "Nadawca nie odczytał tego zapisu."
    place = [str(record["file"])] if isinstance(record.get("file"), str) else []
    line = record.get("line")
    if isinstance(line, int) and not isinstance(line, bool):
        place.append(str(line))
    raise Unreadable((f"{':'.join(place)}: " if place else "")[:MAX_REASON] + text[:MAX_REASON])
