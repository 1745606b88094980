"""The parts of the page of one alert, from the values of the box: condition tree, evidence, card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from appliance.detect import Tree
from appliance.web.pages.views.events import Summary, summarise, text_of

_AROUND = 60
"""Characters kept on each side of what matched."""
_DEEPEST = 40
"""Levels of a condition that are drawn."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a rule's condition; leaves have a field, groups have children."""

    kind: str
    truth: bool
    children: tuple[Condition, ...] = ()
    name: str = ""
    field: str = ""
    key: str = ""
    operator: str = ""
    wanted: tuple[str, ...] = ()
    before: str = ""
    mark: str = ""
    after: str = ""
    empty: bool = False


def condition(tree: Tree, depth: int = 0) -> Condition:
    """Return a rule's condition tree with what was found cut to what matters.

    A group of one group is that group; alternatives of one field that were not found stand on one line.
    """
    if tree.kind != "leaf":
        children = tuple(condition(child, depth + 1) for child in tree.children) if depth < _DEEPEST else ()
        if len(children) == 1 and tree.kind != "not" and children[0].kind != "leaf":
            return replace(children[0], name=tree.name or children[0].name)
        if len(children) == 1 and tree.kind == "not" and children[0].kind == "any":
            children = children[0].children
        return Condition(tree.kind, tree.truth, _merged(children) if tree.kind == "any" else children, tree.name)
    before, mark, after = around(text_of(tree.found), tree.span)
    return Condition(
        "leaf",
        tree.truth,
        field=tree.field or tree.key or tree.name,
        key=tree.key,
        operator=tree.operator,
        wanted=(tree.wanted,),
        before=before,
        mark=mark,
        after=after,
        empty=tree.found is None,
    )


def _merged(children: Sequence[Condition]) -> tuple[Condition, ...]:
    """Join alternatives that were not found and differ only in what was wanted; those found come first."""
    joined: dict[tuple[str, ...], Condition] = {}
    for child in (one for one in children if one.kind == "leaf" and not one.truth):
        alike = (child.field, child.key, child.operator, child.before)
        known = joined.get(alike)
        joined[alike] = replace(known, wanted=known.wanted + child.wanted) if known else child
    rest = tuple(one for one in children if one.kind != "leaf" or one.truth)
    return (*rest, *joined.values())


def around(text: str, span: tuple[int, int] | None) -> tuple[str, str, str]:
    """Split a text into what stands before, in and after a span; what is far away is cut, and the cut is shown."""
    if span is None:
        return (text if len(text) <= 4 * _AROUND else text[: 4 * _AROUND] + "…"), "", ""
    start, end = span
    head, tail = text[:start], text[end:]
    head = head if len(head) <= _AROUND else "…" + head[-_AROUND:]
    tail = tail if len(tail) <= _AROUND else tail[:_AROUND] + "…"
    return head, text[start:end], tail


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event that the alert rests on."""

    id: str
    at: int
    summary: Summary


def evidence(rows: Sequence[tuple[str, int, Mapping[str, object]]]) -> list[Evidence]:
    """Return evidence lines from (event id, time, event as it was)."""
    return [Evidence(number, at, summarise(event)) for number, at, event in rows]


@dataclass(frozen=True, slots=True)
class Card:
    """A triage card as it is read: texts filled in and in one language."""

    title: str
    steps: tuple[str, ...]
    happened: str
    severity: str
    call: str
    dont: tuple[str, ...]
    false_alarm: str
    blocks: tuple[str, ...] = ()
    principles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Phone:
    """Somebody to call; `name` is a catalogue key under `phone.`."""

    name: str
    number: str


def sentences(text: str) -> tuple[str, ...]:
    """Split a card's prohibitions into sentences, so that each gets its own mark."""
    parts: list[str] = []
    for piece in filter(None, map(str.strip, text.replace("\n", " ").split(". "))):
        whole = piece if piece.endswith((".", "?")) else piece + "."
        # A sentence that does not forbid explains the one before it.
        if parts and not piece.startswith(("Nie ", "Do not ", "Never ", "Don’t ")):
            parts[-1] += " " + whole
        else:
            parts.append(whole)
    return tuple(parts)
