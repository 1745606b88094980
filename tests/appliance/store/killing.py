"""Work that is killed with signal 9: a process that has everything loaded forks one for each try.

    with Slaughter(folder) as slaughter:
        died = slaughter.run(Work("tests...crash:ship", ["a"]), Place("appliance...spool:Spool.done", after=False))

A try dies where it is told, before or after a function is run for the n-th time, or some seconds after it began.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from appliance.home import CHECKOUT

LOOK_SECONDS = 0.0005
LONGEST_SECONDS = 120.0
KILLS = int(os.environ.get("CZUJKA_STORE_KILLS", "0"))
"""Kills at random moments of each kind of work, beside those at its steps; none in a run of the suite."""
SEED = 20261123


@dataclass(frozen=True, slots=True)
class Work:
    """What is run: `module:function`, and its arguments, which JSON must take."""

    name: str
    arguments: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a try dies: when `module:Class.function` begins for the n-th time, or `after` it was run."""

    name: str
    after: bool = False
    nth: int = 1

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.name.rpartition(':')[2]}, {self.nth}"


def between(*steps: str) -> list[Place]:
    """Return the places before, between and after functions that are run one after another."""
    return [Place(steps[0]), *(Place(name, after=True) for name in steps)]


@dataclass
class Slaughter:
    """Runs works in processes of their own, and kills them; `killed` of them so far. Use as a context manager."""

    folder: Path
    load: Sequence[str] = ()
    killed: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Slaughter:
        command = [sys.executable, "-m", __name__, str(self.folder / "said.log"), *self.load]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=CHECKOUT
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()

    def run(self, work: Work, at: Place | float | None = None) -> bool:
        """Do some work that dies at a place or after so many seconds, if it comes so far; return whether it died."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        told = {"work": asdict(work), "at": asdict(at) if isinstance(at, Place) else at}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        assert code in (0, -signal.SIGKILL), (self.folder / "said.log").read_text("utf-8", "replace")[-6000:]
        self.killed += code != 0
        return code != 0

    def timed(self, work: Work) -> float:
        """Do some work whole and return the seconds that it took."""
        began = time.monotonic()
        assert not self.run(work)
        return time.monotonic() - began

    def attempts(self, places: Sequence[Place], seconds: float) -> Iterator[Place | float]:
        """Yield where tries are to die: at each place, then at random moments of work that takes so long."""
        yield from places
        for _ in range(KILLS):
            yield self.rng.uniform(0.0, seconds)


def _named(name: str) -> tuple[Any, str, Any]:
    """Return what `module:Class.function` names: what has it, its name there, and itself."""
    module, _, path = name.partition(":")
    *owners, last = path.split(".")
    owner: Any = import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    return owner, last, getattr(owner, last)


def _deadly(place: Place) -> None:
    owner, name, function = _named(place.name)
    left = place.nth

    @wraps(function)
    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if not left and not place.after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = function(*arguments, **named)
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, name, dying)


def _child(told: dict[str, Any], log: IO[bytes]) -> None:
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    if isinstance(told["at"], dict):
        _deadly(Place(**told["at"]))
    work = Work(**told["work"])
    _named(work.name)[2](*work.arguments)


def _attempt(told: dict[str, Any], log: IO[bytes]) -> int:
    child = os.fork()
    if not child:
        code = 1
        try:
            _child(told, log)
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
            raise
        finally:
            sys.stderr.flush()
            os._exit(code)
    due = told["at"] if isinstance(told["at"], float) else LONGEST_SECONDS
    until = time.monotonic() + due
    while not (found := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() >= until:
            os.kill(child, signal.SIGKILL)
            found = os.waitpid(child, 0)
            break
        time.sleep(LOOK_SECONDS)
    return os.waitstatus_to_exitcode(found[1])


def main(log: str, modules: Sequence[str]) -> None:
    """Do what each line of the input says, in a process of its own, and answer with the code that it ended with."""
    for module in modules:
        import_module(module)
    with Path(log).open("ab") as said:
        for line in sys.stdin:
            print(_attempt(json.loads(line), said), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
