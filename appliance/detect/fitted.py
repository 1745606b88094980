"""What a rule asks for as events have it: GUIDs of Windows lose their braces there, hexadecimal texts are numbers.

Rules may write either. Expressions (`re`) and parts of a hexadecimal number see what the event has.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from appliance.normalise.schema import windows
from appliance.normalise.windows_plan import BRACES, integer

from .nodes import CASED, FOLDED, Atom, Op, Pattern, Wild
from .written import joined, shape

_OPEN, _CLOSE = BRACES[0], BRACES[1]
_EQUALS = frozenset({Op.EQUALS, Op.CASED_EQUALS})
#: What may stand before and after the text of an operator.
_AROUND = {Op.EQUALS: (0, 0), Op.STARTSWITH: (0, 1), Op.ENDSWITH: (1, 0), Op.CONTAINS: (1, 1)}


@cache
def _numbers() -> frozenset[str]:
    return frozenset(key for group in windows().groups for key in group.integers.values())


@cache
def _guids() -> frozenset[str]:
    return frozenset(key for group in windows().groups for key in group.guids.values())


def fitted(atom: Atom, key: str) -> Atom:
    """The atom as it is asked of an event key; most are as they were."""
    if key in _guids():
        return _unbraced(atom)
    if key in _numbers() and atom.op in _EQUALS:
        number = integer(str(atom.wanted))
        return atom if number is None else replace(atom, wanted=str(number))
    return atom


def _pattern(atom: Atom) -> Pattern:
    """The whole value that a text asks for; empty for what is no text."""
    plain = FOLDED.get(atom.op, atom.op)
    if plain is Op.LIKE:
        assert isinstance(atom.wanted, tuple)
        return atom.wanted  # type: ignore[return-value]  # the wanted of this operator
    if plain not in _AROUND:
        return ()
    before, after = _AROUND[plain]
    return (*[Wild.MANY] * before, str(atom.wanted), *[Wild.MANY] * after)


def _unbraced(atom: Atom) -> Atom:
    pattern = _pattern(atom)
    before, after = pattern[:1] == (Wild.MANY,), pattern[-1:] == (Wild.MANY,)
    core = list(pattern[before : len(pattern) - after])
    opens = bool(core) and isinstance(core[0], str) and core[0].startswith(_OPEN)
    closes = bool(core) and isinstance(core[-1], str) and core[-1].endswith(_CLOSE)
    if not (opens or closes) or not (opens or before) or not (closes or after):
        # No brace, or one where the other cannot be.
        return atom
    # A brace is an end of the value: what may stand beyond it is nothing.
    if opens:
        core[0] = str(core[0])[1:]
    if closes:
        core[-1] = str(core[-1])[:-1]
    op, wanted = shape(joined([*[Wild.MANY] * (not opens), *core, *[Wild.MANY] * (not closes)]))
    return replace(atom, op=CASED.get(op, op) if atom.op in FOLDED else op, wanted=wanted)
