"""References of correlations to rules and to each other: found by id or name, ordered, free of cycles."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from appliance.detect.encode import encode_rule
from appliance.detect.model import RETIRED, Fault, Rule

from .encode import encode_correlation
from .model import Correlation

#: Correlations that may stand on top of each other.
MAX_CHAIN = 8
#: What the memory of a correlation depends on, of itself and of a rule that it stands on.
_COUNTED = ("id", "kind", "rules", "group_by", "timespan", "condition", "aliases")
_MATCHED = ("id", "logsource", "condition")
Target = Rule | Correlation


@dataclass(frozen=True, slots=True)
class Resolved:
    """Sound correlations, each after those it refers to; `targets` has what each of its references means."""

    correlations: tuple[Correlation, ...]
    targets: Mapping[str, tuple[Target, ...]]
    faults: tuple[Fault, ...]


def resolve(rules: Iterable[Rule], correlations: Sequence[Correlation]) -> Resolved:
    """Find what every reference means; a correlation that refers to something unsound is unsound itself."""
    named: dict[str, list[Target]] = defaultdict(list)
    everything: tuple[Target, ...] = (*rules, *correlations)
    for one in everything:
        named[one.id.lower()].append(one)
        if one.name and one.name != one.id:
            named[one.name].append(one)
    return _Walk(named).all(correlations)


class _Walk:
    """Depth first, so that what is referred to comes before what refers to it."""

    def __init__(self, named: Mapping[str, Sequence[Target]]) -> None:
        self._named = named
        self._depth: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self._bad: set[str] = set()
        self._faults: list[Fault] = []
        self._order: list[Correlation] = []
        self._targets: dict[str, tuple[Target, ...]] = {}

    def all(self, correlations: Sequence[Correlation]) -> Resolved:
        for one in correlations:
            self._visit(one)
        return Resolved(tuple(self._order), self._targets, tuple(sorted(set(self._faults))))

    def _visit(self, first: Correlation) -> None:
        """Settle a correlation and all that it stands on; as a loop, because a chain may be as long as a file."""
        waiting = [first]
        while waiting:
            one = waiting[-1]
            if self._is_settled(one):
                waiting.pop()
                continue
            self._open[one.id] = None
            below = next(self._unsettled(one), None)
            if below is not None:
                waiting.append(below)
                continue
            waiting.pop()
            self._settle(one)

    def _is_settled(self, one: Correlation) -> bool:
        return one.id in self._depth or one.id in self._bad

    def _unsettled(self, one: Correlation) -> Iterator[Correlation]:
        """What a correlation refers to and nobody has looked at yet."""
        for reference in one.rules:
            found = self._found(reference)
            for target in found.values() if len(found) == 1 else ():
                if isinstance(target, Correlation) and target.id not in self._open and not self._is_settled(target):
                    yield target

    def _settle(self, one: Correlation) -> None:
        targets = [self._target(one, reference) for reference in one.rules]
        del self._open[one.id]
        depth = 1 + max((self._depth.get(target.id, 0) for target in targets if target), default=0)
        if depth > MAX_CHAIN:
            self._fault(one, one.line, f"ponad {MAX_CHAIN} korelacji jedna na drugiej; spłaszcz je")
        if one.id in self._bad or not all(targets):
            self._bad.add(one.id)
            return
        self._depth[one.id] = depth
        self._order.append(one)
        self._targets[one.id] = tuple(target for target in targets if target)

    def _target(self, one: Correlation, reference: str) -> Target | None:
        line = one.places.get(reference, one.line)
        found = self._found(reference)
        if len(found) != 1:
            if found:
                where = ", ".join(sorted(f"{target.source_file}:{target.line}" for target in found.values()))
                self._fault(one, line, f"nazwa „{reference}” oznacza kilka reguł ({where}); wpisz identyfikator")
            else:
                self._fault(one, line, f"nie ma reguły „{reference}”; popraw nazwę albo dodaj tę regułę")
            return None
        (target,) = found.values()
        if isinstance(target, Rule):
            return target
        if target.id in self._open:
            self._fault(one, line, f"korelacje odwołują się do siebie w kółko (przez „{reference}”); usuń odwołanie")
            return None
        if target.id in self._bad:
            self._fault(one, line, f"korelacja „{reference}” jest wadliwa; popraw najpierw ją")
            return None
        return target

    def _found(self, reference: str) -> dict[str, Target]:
        """What has a name as it is written, or an id in any case."""
        return _meant(self._named.get(reference) or self._named.get(reference.lower()) or ())

    def _fault(self, one: Correlation, line: int, message: str) -> None:
        self._bad.add(one.id)
        self._faults.append(Fault(one.source_file, line, message))


def _meant(targets: Iterable[Target]) -> dict[str, Target]:
    """Return what a reference means, by id: what its authors have given up only where nothing else has the name."""
    found = {target.id: target for target in targets}
    return {name: one for name, one in found.items() if one.status not in RETIRED} or found


def silent_rules(correlations: Iterable[Correlation], targets: Mapping[str, Sequence[Target]]) -> frozenset[str]:
    """Ids of rules and correlations that give no alerts of their own.

    Those that a correlation refers to, unless one that refers to them says `generate: true`. What is of level
    informational stays silent even then: by the specification of rules it should trigger no alerting.
    """
    used: set[str] = set()
    kept: set[str] = set()
    for one in correlations:
        used |= {target.id for target in targets[one.id]}
        if one.generate:
            kept |= {target.id for target in targets[one.id] if target.level > 0}
    return frozenset(used - kept)


def digests(resolved: Resolved) -> dict[str, str]:
    """A hash of what each correlation counts together with everything it refers to; words about it do not count."""
    found: dict[str, str] = {}
    for one in resolved.correlations:
        said = encode_correlation(one)
        state = hashlib.sha256(_plain([said[name] for name in _COUNTED]))
        for target in resolved.targets[one.id]:
            if isinstance(target, Rule):
                rule = encode_rule(target)
                state.update(_plain([rule[name] for name in _MATCHED]))
            else:
                state.update(found[target.id].encode())
        found[one.id] = state.hexdigest()[:32]
    return found


def _plain(value: object) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS)
