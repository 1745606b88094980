"""Names of fields that look like a slip: in another case, or one letter away from a field of Windows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache

from appliance.normalise.fields import group_keys
from appliance.normalise.schema import UserFields, windows
from appliance.normalise.vocabulary import roots

#: Letters of a field's name from which on another letter makes a slip of it rather than another name.
_LONG = 5


@lru_cache(maxsize=4096)
def meant(name: str) -> str:
    """The field of Windows that a name no table knows looks like; empty when it looks like none."""
    bare = name.strip()
    if bare in known():
        return bare if bare != name else ""
    if not bare or ("." in bare and bare.partition(".")[0] in roots()):
        return ""
    folded, spelt = bare.casefold(), _spelt()
    near = (each for other, each in spelt.items() if len(each) >= _LONG and _near(folded, other))
    return spelt.get(folded) or next(near, "")


@cache
def known() -> frozenset[str]:
    """Every name that the table of Windows gives to an attribute or a field."""
    return frozenset(_known())


@cache
def _spelt() -> dict[str, str]:
    """From names without their case to the first as it is spelt."""
    found: dict[str, str] = {}
    for each in sorted(known()):
        found.setdefault(each.casefold(), each)
    return found


def _known() -> Iterator[str]:
    table = windows()
    yield from (*table.system, *table.system_aliases)
    for group in table.groups:
        yield from (*group_keys(group), *group.copies, *(group.hashes or ())[:1])
        for user in group.users:
            yield from _names(user)


def _names(user: UserFields) -> Iterator[str]:
    yield from (name for name in (user.account, user.name, user.domain, user.id, user.whole) if name)


def _near(word: str, other: str) -> bool:
    """Whether one letter was left out, added, changed, or changed places with its neighbour."""
    pairs = enumerate(zip(word, other, strict=False))
    at = next((place for place, (one, two) in pairs if one != two), min(len(word), len(other)))
    mine, its = word[at:], other[at:]
    swapped = mine[:2][::-1] == its[:2] and mine[2:] == its[2:]
    return swapped or mine[1:] in (its[1:], its) or mine == its[1:]
