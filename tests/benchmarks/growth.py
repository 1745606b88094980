"""What more rules cost: one stream through 1, 2 and 4 times the rules, all engines alive, chunks in turn, CPU time.

The further rules are SigmaHQ's own with other texts: programs stay, since real rules share them, what is looked for in
command lines, paths and registry keys changes. Only the ratios count; they come from neighbouring chunks of one run.
"""

from __future__ import annotations

import random
import resource
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from string import ascii_lowercase, ascii_uppercase
from time import process_time

from appliance.detect import Engine, Event, Rule, RuleSet, load_rules
from appliance.detect.nodes import All, AnyOf, Atom, Const, Node, Not, Op, Pattern
from tests.appliance.detect import corpus
from tests.benchmarks.engine import rules_decided, unique_events
from tests.conftest import corpora_root

EVENTS, CHUNK = 24_000, 2_000
TIMES = (1, 2, 4)
SEED = 7
#: Shorter exact values are codes, flags and states.
_WORD = 6
_PROGRAMS = ("Image", "OriginalFileName", "Channel", "Provider_Name")


def main(argv: list[str]) -> int:
    """Print the rules, events/s and cost of each engine; `argv` may hold the number of events."""
    count = int(argv[0]) if argv else EVENTS
    corpora = corpora_root()
    rules = load_rules(corpus.rule_folders(corpora)).rules
    engines = [
        Engine(RuleSet([each for step in range(times) for each in variants(rules, step)], [])) for times in TIMES
    ]
    samples = [event for _, event in corpus.sample_events(corpora)]
    quiet = [event for event in samples if not engines[0].match(event)]
    for event in samples:
        # What is built at the first event of each class is start-up, and measured elsewhere.
        for engine in engines:
            engine.match(event)
    for name, stream in (("unique", unique_events(quiet, random.Random(SEED))), ("repetitive", _repetitive(samples))):
        _measure(name, engines, list(islice(stream, count)))
    print(f"rss: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB with {sum(TIMES)} x the rules")
    return 0


def variants(rules: Sequence[Rule], step: int) -> Iterator[Rule]:
    """The rules with every telling text turned by `step` letters; step 0 is the rules themselves."""
    for rule in rules:
        yield replace(rule, id=f"{rule.id}-{step}", condition=_turned(rule.node, step)) if step else rule


def _turned(node: Node, step: int) -> Node:
    if isinstance(node, Const):
        return node
    if isinstance(node, Not):
        return Not(_turned(node.child, step))
    if isinstance(node, All | AnyOf):
        return replace(node, children=tuple(_turned(child, step) for child in node.children))
    return _turned_atom(node, step)


def _turned_atom(atom: Atom, step: int) -> Atom:
    if (atom.field or "").endswith(_PROGRAMS) or atom.op in (Op.CIDR, Op.COMPARE, Op.FIELD):
        return atom
    if atom.op is Op.REGEX and isinstance(atom.wanted, tuple):
        # Another expression of the same meaning: letters of a class or an escape cannot be turned.
        pattern = "(?:" * step + str(atom.wanted[0]) + ")" * step
        return replace(atom, wanted=(pattern, str(atom.wanted[1])))
    if isinstance(atom.wanted, str) and not (atom.op is Op.EQUALS and len(atom.wanted) <= _WORD):
        return replace(atom, wanted=_letters(atom.wanted, step))
    if atom.op in (Op.LIKE, Op.CASED_LIKE) and isinstance(atom.wanted, tuple):
        parts: Pattern = tuple(_letters(part, step) if isinstance(part, str) else part for part in atom.wanted)  # type: ignore[misc]
        return replace(atom, wanted=parts)
    return atom


def _letters(text: str, step: int) -> str:
    turned = str.maketrans(
        ascii_lowercase + ascii_uppercase,
        "".join(letters[step:] + letters[:step] for letters in (ascii_lowercase, ascii_uppercase)),
    )
    return text.translate(turned)


def _repetitive(events: Sequence[Event]) -> Iterator[Event]:
    draw = random.Random(SEED)
    while True:
        yield draw.choice(events)


def _measure(name: str, engines: Sequence[Engine], stream: Sequence[Event]) -> None:
    costs: list[list[float]] = [[] for _ in engines]
    decided = [rules_decided(engine) for engine in engines]
    matched = [0] * len(engines)
    for number, start in enumerate(range(0, len(stream), CHUNK)):
        chunk = stream[start : start + CHUNK]
        for turn in range(len(engines)):
            place = (turn + number) % len(engines)
            began = process_time()
            matched[place] += sum(len(engines[place].match(event)) for event in chunk)
            costs[place].append((process_time() - began) / len(chunk) * 1e6)
    events = len(stream)
    for place, (engine, cost) in enumerate(zip(engines, costs, strict=True)):
        ratios = [mine / first for mine, first in zip(cost, costs[0], strict=True)]
        print(
            f"{name}: {TIMES[place]} x, {len(engine.rules)} rules: {statistics.median(cost):.1f} us/event, "
            f"{statistics.median(ratios):.2f} x the cost of 1 x; "
            f"{(rules_decided(engine) - decided[place]) / events:.2f} rules decided and "
            f"{matched[place] / events:.2f} matched an event"
        )
