"""`python -m tests.nodes`: fetch what the nodes need, all engines at once; the tests then find it in the cache."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.nodes.engines import ENGINES
from tests.nodes.install import NodeFault, java, program


def main() -> int:
    """Fetch; return 1 with one line that says why when something could not be had."""
    try:
        runtime = java()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda engine: program(engine, runtime), ENGINES.values()))
    except (NodeFault, OSError) as error:
        sys.stderr.write(" ".join(str(error).split())[-500:] + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
