"""Past events for commands that look back: of given files, or of a box's store, a little at a time.

The store is read where it lies rather than through the running box: so it works on a stopped box and on a copy of its
folder, and a long pass takes no time from the console. The reader is the box's own and may run beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Annotated, TextIO

import typer

from appliance import clock
from appliance.cli.client import fail
from appliance.cli.exits import Exit
from appliance.cli.rulefiles import load, of_box
from appliance.cli.search import clean
from appliance.detect import Event, RuleSet
from appliance.detect.selftest import CORRELATIONS, SIGMA
from appliance.home import Home, default_home
from appliance.importer import find, records
from appliance.normalise import Source, Unreadable, normalise
from appliance.normalise.times import parse_time
from appliance.settings import Settings, SettingsError, load_settings

_AGENT = "00000000-0000-4000-8000-000000000000"
#: Unreadable records that are told one by one.
_TOLD = 20
#: Seconds between two lines of progress.
_STEP = 2.0

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH", exists=True, help="Pliki lub foldery ze zdarzeniami (EVTX, NDJSON); bez nich: magazyn Czujki."
    ),
]
HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder stanu Czujki, której zdarzenia czytać.")]
RulesOption = Annotated[
    list[Path] | None, typer.Option("--rules", exists=True, help="Reguły zamiast domyślnych: plik lub folder.")
]
SinceOption = Annotated[str | None, typer.Option("--from", help="Od kiedy, na przykład 2026-11-22T08:00:00Z.")]
UntilOption = Annotated[str | None, typer.Option("--to", help="Do kiedy (bez tej chwili).")]


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time in microseconds, `start` inclusive, `end` exclusive; None is open."""

    start: int | None = None
    end: int | None = None

    def has(self, event: Event) -> bool:
        """Whether an event lies in the range; one without a time does not lie in a bounded range."""
        if self.start is None and self.end is None:
            return True
        time = event.get("@timestamp")
        if type(time) is not int:
            return False
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)


def span(since: str | None, until: str | None) -> Span:
    """Return the range that two options name. Leaves with USAGE for what is no time."""
    return Span(_moment("--from", since), _moment("--to", until))


def _moment(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    found = parse_time(text)
    if found is None:
        fail(ValueError(f"{option} {text}: to nie jest czas. Napisz na przykład 2026-11-22T08:00:00Z."), Exit.USAGE)
    return found


class History:
    """Events with the place each was read from. Counts what it gives and what could not be read."""

    def __init__(self, paths: Sequence[Path], home: Path | None, within: Span, err: TextIO | None = None) -> None:
        if paths and home is not None:
            fail(ValueError("Podaj albo pliki, albo --home, nie jedno i drugie."), Exit.USAGE)
        self.events = 0
        self.broken = 0
        self.home = None if paths else Home((home or default_home()).resolve())
        self._paths = paths
        self._within = within
        self._err = err or sys.stderr
        self.settings = None if self.home is None else _settings(self.home)
        if self.home is not None and _is_empty(self.home, self.settings):
            text = f"W {self.home.root} nie ma zapisanych zdarzeń. Podaj folder stanu w --home albo pliki."
            fail(ValueError(text), Exit.USAGE)

    def __iter__(self) -> Iterator[tuple[str, Event]]:
        """Yield (place, event). Leaves with UNREACHABLE when the store cannot be read on."""
        started = said = monotonic()
        for place, event in self._stored() if self.home is not None else self._read():
            self.events += 1
            yield place, event
            if self.events % 500 == 0 and monotonic() - said >= _STEP:
                said = monotonic()
                rate = self.events / (said - started)
                self._err.write(f"przeczytane zdarzenia: {self.events} ({rate:.0f}/s)\n")

    def _read(self) -> Iterator[tuple[str, Event]]:
        source = Source(_AGENT, clock.now(), importer=True)
        for file in (file for path in self._paths for file in find(path)):
            for number, line in enumerate(records(file), 1):
                try:
                    event = normalise(line, source)
                except Unreadable as error:
                    self.broken += 1
                    if self.broken <= _TOLD:
                        self._err.write(clean(f"{file}:{number}: {error.reason}") + "\n")
                    continue
                if self._within.has(event):
                    yield f"{file}:{number}", event

    def _stored(self) -> Iterator[tuple[str, Event]]:
        # DuckDB and pyarrow take half a second to import; files need neither.
        from appliance.store import QueryTimeout, StoreUnavailable, open_reader  # noqa: PLC0415 - half a second, for stored events alone
        from appliance.store.scan import scan  # noqa: PLC0415 - half a second, for stored events alone

        assert self.home is not None
        assert self.settings is not None
        reader = open_reader(self.home, self.settings)
        try:
            for event in scan(reader, self._within.start, self._within.end):
                yield str(event["event.id"]), event
        except (StoreUnavailable, QueryTimeout) as error:
            fail(
                OSError(f"Nie można dalej czytać zdarzeń ({self.home.root}): {error}. Spróbuj ponownie."),
                Exit.UNREACHABLE,
            )
        finally:
            reader.close()


def _settings(home: Home) -> Settings:
    try:
        return load_settings(home)
    except SettingsError as error:
        fail(error, Exit.USAGE)


def _is_empty(home: Home, settings: Settings | None) -> bool:
    embedded = settings is None or settings.store.kind == "embedded"
    return embedded and not (home.store / "manifest.db").is_file()


def rules_for(rules: Sequence[Path] | None, home: Home | None) -> RuleSet:
    """Load the named rules, else those that the box of `home` runs, else the shipped ones; faults are told.

    The box's exceptions stay out: what they hide is to be seen here. Its state database may be that of a copy.
    Leaves with USAGE when there is not one rule, or the box's settings cannot be read.
    """
    ruleset = of_box(home, exceptions=False) if home is not None and not rules else load(rules or [SIGMA, CORRELATIONS])
    for fault in ruleset.faults:
        typer.echo(clean(str(fault)), err=True)
    if not ruleset.rules:
        fail(ValueError("Nie ma ani jednej reguły do użycia. Sprawdź: czujka rules check ŚCIEŻKA"), Exit.USAGE)
    return ruleset
