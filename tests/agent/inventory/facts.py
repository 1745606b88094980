"""Raw facts as tests write them down: a value, or the problem that there was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.inventory.gather import Host
from agent.inventory.raw import PROBLEMS, Raw, Raws, Source
from agent.inventory.section import Section, bounded
from agent.wire.event import Record


def raw(said: Any) -> Raw:
    """Return a raw value; `!absent` and the other problems stand for themselves, `{failed: …}` tells its number."""
    if isinstance(said, str) and said.startswith("!"):
        assert said[1:] in PROBLEMS, said
        return Raw(None, said[1:])
    if isinstance(said, dict) and set(said) == {"failed"}:
        return Raw(said["failed"], "failed")
    return Raw(said)


def raws(sources: Mapping[str, Source], facts: Mapping[str, Any]) -> Raws:
    """Return the raws of named sources; those that are not mentioned are absent."""
    assert set(facts) <= set(sources), set(facts) - set(sources)
    return Raws({name: raw(facts.get(name, "!absent")) for name in sources})


def items(section: Section, **facts: Any) -> dict[str, Record]:
    """Return a section's items of what its sources said."""
    return bounded(section.parse(raws(section.sources, facts)))


def host(sources: Mapping[str, Source], facts: Mapping[str, Any]) -> Host:
    """Return a host on which these sources say what is given and all others are absent."""
    table = {(type(source), source): raw(facts[name]) for name, source in sources.items() if name in facts}

    def read(source: Source) -> Raw:
        return table.get((type(source), source), Raw(None, "absent"))

    return {kind: read for kind, _ in table}
