"""What two comparisons of one field say about each other: facts that hold for every value, or nothing.

Everything here errs to one side: `entails` and `exclude` say yes only when it is certain.
"""

from __future__ import annotations

import ipaddress

from appliance.detect import predicates
from appliance.detect.nodes import FOLDED, Atom, Op, Wild
from appliance.detect.values import fold

#: Operators that look at one text of the field; those behind a negation look at every text.
TEXTS = frozenset(
    {
        *(Op.EQUALS, Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH, Op.LIKE, Op.CASED_EQUALS, Op.CASED_CONTAINS),
        *(Op.CASED_STARTSWITH, Op.CASED_ENDSWITH, Op.CASED_LIKE, Op.REGEX, Op.CIDR, Op.COMPARE, Op.ANY),
    }
)
_FOLDED_TEXTS = frozenset({Op.EQUALS, Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH, Op.LIKE, Op.ANY})
_NUMBERS = frozenset({Op.COMPARE, Op.CIDR})
_LOW, _HIGH = float("-inf"), float("inf")


def entails(one: Atom, other: Atom) -> bool:
    """Whether every text that satisfies `one` satisfies `other`; both are about one field."""
    if one == other or (other.op is Op.ANY and one.op in TEXTS):
        return True
    if one.op not in TEXTS or other.op not in TEXTS:
        return False
    said = _of_whole(one, other)
    if said is not None:
        return said
    if one.op in _NUMBERS:
        return one.op is other.op and (_within if one.op is Op.COMPARE else _subnet)(one, other)
    if other.op in FOLDED and one.op not in FOLDED:
        return False
    return any(_part_says(part, at_start, at_end, other) for part, at_start, at_end in _parts(_comparable(one, other)))


def exclude(one: Atom, other: Atom) -> bool:
    """Whether no single text satisfies both; both are about one field."""
    for first, second in ((one, other), (other, one)):
        if _of_whole(first, _comparable(second, first)) is False:
            return True
    if one.op is Op.COMPARE and other.op is Op.COMPARE:
        return _apart(one, other)
    if one.op is Op.CIDR and other.op is Op.CIDR:
        nets = (ipaddress.ip_network(str(one.wanted)), ipaddress.ip_network(str(other.wanted)))
        return not _overlap(*nets)
    return _ends_differ(one, other)


def _of_whole(one: Atom, other: Atom) -> bool | None:
    """What `other` says of the one text that `one` allows; None when `one` allows several that may differ."""
    if one.field is None or other.op not in TEXTS:
        return None
    if one.op is Op.CASED_EQUALS:
        return predicates.of(other)(str(one.wanted))
    if one.op is not Op.EQUALS:
        return None
    text = str(one.wanted)
    # Numbers and addresses are written without letters that fold from others, so the folded text stands for all.
    if other.op in _FOLDED_TEXTS or (other.op in _NUMBERS and text.isascii()):
        return predicates.of(other)(text)
    return None


def _comparable(one: Atom, other: Atom) -> Atom:
    """`one`, with its case taken away when `other` does not look at case."""
    if one.op not in FOLDED or other.op in FOLDED:
        return one
    wanted = one.wanted
    if isinstance(wanted, tuple):
        return Atom(one.field, FOLDED[one.op], tuple(p if isinstance(p, Wild) else fold(str(p)) for p in wanted))
    return Atom(one.field, FOLDED[one.op], fold(str(wanted)))


def _parts(atom: Atom) -> list[tuple[str, bool, bool]]:
    """The texts that stand in every text which satisfies `atom`: (text, at its start, at its end)."""
    op = FOLDED.get(atom.op, atom.op)
    if op in (Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH, Op.EQUALS):
        return [(str(atom.wanted), op in (Op.STARTSWITH, Op.EQUALS), op in (Op.ENDSWITH, Op.EQUALS))]
    if op is Op.LIKE and isinstance(atom.wanted, tuple):
        last, anchored = len(atom.wanted) - 1, atom.field is not None
        return [
            (part, anchored and place == 0, anchored and place == last)
            for place, part in enumerate(atom.wanted)
            if isinstance(part, str) and not isinstance(part, Wild)
        ]
    return []


def _part_says(part: str, at_start: bool, at_end: bool, other: Atom) -> bool:
    """Whether a text with `part` in that place always satisfies `other`, which looks at case if `part` has it."""
    op, wanted = FOLDED.get(other.op, other.op), other.wanted
    if op is Op.CONTAINS:
        return str(wanted) in part
    if op is Op.STARTSWITH:
        return at_start and part.startswith(str(wanted))
    if op is Op.ENDSWITH:
        return at_end and part.endswith(str(wanted))
    if op is Op.LIKE and isinstance(wanted, tuple) and other.field is not None:
        free = (at_start or wanted[0] is Wild.MANY) and (at_end or wanted[-1] is Wild.MANY)
        return free and predicates.of(other)(part)
    return False


def _ends_differ(one: Atom, other: Atom) -> bool:
    """Whether two fixed starts or two fixed ends cannot belong to one text."""
    for first, at_start, at_end in _parts(_comparable(one, other)):
        for second, also_start, also_end in _parts(_comparable(other, one)):
            if at_start and also_start and not (first.startswith(second) or second.startswith(first)):
                return True
            if at_end and also_end and not (first.endswith(second) or second.endswith(first)):
                return True
    return False


def _bounds(atom: Atom) -> tuple[float, bool, float, bool] | None:
    """(lowest, itself allowed, highest, itself allowed); None for what is no range."""
    assert isinstance(atom.wanted, tuple)
    name, number = str(atom.wanted[0]), float(str(atom.wanted[1]))
    ranges = {
        "lt": (_LOW, True, number, False),
        "lte": (_LOW, True, number, True),
        "gt": (number, False, _HIGH, True),
        "gte": (number, True, _HIGH, True),
    }
    return ranges.get(name)


def _within(one: Atom, other: Atom) -> bool:
    inner, outer = _bounds(one), _bounds(other)
    if inner is None or outer is None:
        return False
    low = inner[0] > outer[0] or (inner[0] == outer[0] and (outer[1] or not inner[1]))
    high = inner[2] < outer[2] or (inner[2] == outer[2] and (outer[3] or not inner[3]))
    return low and high


def _apart(one: Atom, other: Atom) -> bool:
    first, second = _bounds(one), _bounds(other)
    if first is None or second is None:
        return False
    low = max((first[0], not first[1]), (second[0], not second[1]))
    high = min((first[2], first[3]), (second[2], second[3]))
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or not high[1]))


_Net = ipaddress.IPv4Network | ipaddress.IPv6Network


def _overlap(one: _Net, other: _Net) -> bool:
    return one.version == other.version and one.overlaps(other)


def _subnet(one: Atom, other: Atom) -> bool:
    inner, outer = ipaddress.ip_network(str(one.wanted)), ipaddress.ip_network(str(other.wanted))
    return _overlap(inner, outer) and inner.prefixlen >= outer.prefixlen
