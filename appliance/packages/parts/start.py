"""Starts the agent from the folder of this package, or the version that it was updated to.

`python3 -I start.py …` picks the version; `python3 -I start.py --from FOLDER …` runs what lies there. Isolated, so that
neither the environment nor the folder somebody stands in decides what runs as root.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """Pick the version, or run the one that was picked; return the exit code."""
    chosen = arguments[1] if arguments[:1] == ["--from"] else ""
    paths = [chosen or str(HERE), str(HERE / "vendor")]
    sys.path[:0] = paths
    # For the short-lived processes that the agent starts.
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    if sys.platform == "win32":
        # An uninstallation removes the files that it knows.
        os.environ["PYTHONDONTWRITEBYTECODE"] = os.environ["PYTHONUTF8"] = "1"
    if chosen:
        from agent.__main__ import main as run  # noqa: PLC0415 (from the folder that was just named)

        return run(arguments[2:])
    from agent.update.launcher import launch  # noqa: PLC0415 (as above)

    return launch(HERE, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
