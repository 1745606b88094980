"""One start of the matcher, in a process that has nothing else: what each step takes, as JSON to standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

#: A start of a program, for which most rules are there.
RECORD = {
    "event.module": "windows.eventlog",
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Provider_Name": "Microsoft-Windows-Sysmon",
    "EventID": 1,
    "EventRecordID": 1,
    "Computer": "PC-1",
    "TimeCreated": "2026-09-21T13:46:00.000Z",
    "Image": "C:\\Windows\\System32\\whoami.exe",
    "CommandLine": "whoami /all",
    "ParentImage": "C:\\Windows\\System32\\cmd.exe",
    "User": "URZAD\\anna",
}


def main(began: float, cache: Path, folders: list[Path]) -> None:
    """Load and match, and write by step the seconds of the clock and of CPU; `began` is when the process was made."""
    took: dict[str, tuple[float, float]] = {}

    @contextmanager
    def step(name: str) -> Iterator[None]:
        clock, cpu = perf_counter(), process_time()
        yield
        took[name] = perf_counter() - clock, process_time() - cpu

    import orjson  # noqa: PLC0415 - counts

    from appliance.detect import Engine, load_plans, load_rules, save_plans  # noqa: PLC0415 - counts
    from appliance.normalise import Source, normalise  # noqa: PLC0415 - counts

    took["imports"] = perf_counter() - began, process_time()
    with step("rules"):
        ruleset = load_rules(folders, cache)
    with step("plans"):
        plans = load_plans(cache)
    with step("engine"):
        engine = Engine(ruleset, plans=plans)
    with step("first verdict"):
        engine.match(normalise(orjson.dumps(RECORD), Source("00000000-0000-4000-8000-000000000000", 1 << 50)))
    save_plans(cache, engine.plans)
    sys.stdout.write(orjson.dumps(took).decode())


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]), list(map(Path, sys.argv[3:])))
