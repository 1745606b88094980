"""`./czujka bench [NAME]`: run the benchmarks by name, or all of them."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main(arguments: list[str]) -> int:
    """Run the named benchmark with the rest of the arguments, or every benchmark."""
    if not arguments:
        return max((_run(name, []) for name in NAMES), default=0)
    name, *rest = arguments
    if name not in NAMES:
        print(f"No benchmark {name!r}. There are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return _run(name, rest)


def _run(name: str, arguments: list[str]) -> int:
    print(f"== {name}", flush=True)
    return int(import_module(f"tests.benchmarks.{name}").main(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
