"""Starts the network sensor from the folder of this package.

`python3 -I start.py …`: isolated, so that neither the environment nor the folder somebody stands in decides what runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATHS = [str(HERE), str(HERE / "vendor")]


def main(arguments: list[str]) -> int:
    """Run the sensor; return the exit code."""
    # For the processes that the sensor starts.
    os.environ["PYTHONPATH"] = os.pathsep.join(PATHS)
    from collector.__main__ import main as run  # noqa: PLC0415 (from the folder that was just named)

    return run(arguments)


# Workers begin with this module, too.
sys.path[:0] = [path for path in PATHS if path not in sys.path]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
