"""What a correlation makes of events, as lines of text: what it found, or what came closest to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from appliance.cli.explained import Words, cut
from appliance.cli.search import clean
from appliance.detect import Event, RuleSet
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.explain import Explanation, Part, explain_correlation
from appliance.detect.correlation.nearest import nearest
from appliance.detect.correlation.reading import correlate, narrowed
from appliance.language.dates import moment
from appliance.web.pages.views.correlation import Correlated, correlated

#: Places of events that are told.
_PLACES = 30


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether a correlation holds for events, in how many groups, and the explanation of its first time.

    Where it does not hold, the explanation is that of what came closest, None when no event counts for it.
    `events` are the places of the explained events among those that were given.
    """

    holds: bool
    groups: int
    explanation: Explanation | None
    events: tuple[int, ...]

    def document(self) -> dict[str, Any]:
        """Plain values."""
        found = None if self.explanation is None else asdict(self.explanation)
        return {"correlation": found, "groups": self.groups, "events": list(self.events)}


def tried(ruleset: RuleSet, correlation: Correlation, events: Sequence[Event]) -> Trial:
    """Run a correlation over events; `ruleset` has what it refers to."""
    alone = narrowed(ruleset, correlation)
    matches = [match for match in correlate(alone, events) if match.correlation.id == correlation.id]
    first = min(matches, key=lambda match: (match.at, match.id), default=None)
    named = {name for _, name in first.evidence} if first else set()
    chosen = [one for one in events if one["event.id"] in named] if first else nearest(ruleset, correlation, events)
    ids = {one["event.id"] for one in chosen}
    return Trial(
        first is not None,
        len({match.values for match in matches}),
        explain_correlation(ruleset, correlation, chosen) if chosen else None,
        tuple(place for place, one in enumerate(events) if one["event.id"] in ids),
    )


def together_lines(one: Correlation, trial: Trial, lang: str) -> Iterator[str]:
    """What to print of a trial: the verdict, what is asked for, and what was found or came closest."""
    words = Words(lang)
    yield words.text("explain.correlates" if trial.holds else "explain.uncorrelated", title=clean(one.title))
    if trial.explanation is None:
        yield words.text("explain.no_part")
        return
    shown = correlated(one, trial.explanation, lang, lambda *_: "")
    yield f"{words.text('corr.kind')}: {words.text(f'correlation.{shown.kind}')}"
    yield f"{words.text('corr.condition')}: {_condition(shown, words)}"
    yield f"{words.text('corr.window')}: {shown.window}".replace("\u00a0", " ")
    yield words.text("explain.held" if trial.holds else "explain.nearest", n=trial.groups)
    for field, value in shown.group:
        yield f"  {words.text('corr.same')} {clean(field)} = {cut(value)}"
    if shown.number:
        yield f"  {words.text('explain.number', number=shown.number)}"
    if shown.values:
        yield f"  {words.text('corr.values')} {', '.join(map(cut, shown.values))}"
    for link in shown.links:
        yield f"  {_part(link.part, words, lang)}"
    yield f"  {words.text('explain.places', places=_places(trial.events))}"


def _condition(shown: Correlated, words: Words) -> str:
    tests = ", ".join(words.text(f"corr.test.{test.operator}", n=test.number) for test in shown.tests)
    fields = f"; {words.text('corr.field')} {clean(', '.join(shown.fields))}" if shown.fields else ""
    return f"{tests or clean(shown.expression)}{fields}"


def _part(part: Part, words: Words, lang: str) -> str:
    times = "" if part.first is None else f"; {words.text('corr.first')} {moment(part.first, lang)}"
    truth = words.text("explain.yes" if part.count else "explain.no")
    return f"{truth}  {clean(part.title)}: {words.text('explain.events', n=part.count)}{times}".replace("\u00a0", " ")


def _places(places: Sequence[int]) -> str:
    told = ", ".join(map(str, places[:_PLACES]))
    return f"{told}, …" if len(places) > _PLACES else told
