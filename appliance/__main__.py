"""`python -m appliance`: the command line, and the roles that `up` starts."""

from __future__ import annotations

import sys

from appliance.cli import COMMANDS, build


def main() -> None:
    """Run one command of the command line."""
    if sys.argv[1:2] == ["role"]:
        from appliance.roles import main as run_role  # noqa: PLC0415 - a role must not load the command line

        sys.exit(run_role(sys.argv[2:]))
    if sys.argv[1:2] == ["collector"]:
        print("Czujnika sieciowego jeszcze nie ma w tym wydaniu.", file=sys.stderr)  # noqa: T201 - the command's answer
        sys.exit(2)
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    build([asked] if asked in COMMANDS else list(COMMANDS))(prog_name="czujka")


if __name__ == "__main__":
    main()
