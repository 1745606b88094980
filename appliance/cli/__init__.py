"""The command line: one module a command, loaded only when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import typer

from appliance.cli.usage import PolishGroup

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "up": "appliance.cli.up",
        "import": "appliance.cli.import_",
        "detect": "appliance.cli.detect",
        "explain": "appliance.cli.explain",
        "hunt": "appliance.cli.hunt",
        "search": "appliance.cli.search",
        "alerts": "appliance.cli.alerts",
        "status": "appliance.cli.status",
        "rules": "appliance.cli.rules",
        "exceptions": "appliance.cli.exceptions",
        "store": "appliance.cli.store",
        "report": "appliance.cli.report",
        "hold": "appliance.cli.hold",
        "verify": "appliance.cli.verify",
        "evidence": "appliance.cli.evidence",
        "feeds": "appliance.cli.feeds",
        "indicators": "appliance.cli.indicators",
        "token": "appliance.cli.token",
        "enrol-token": "appliance.cli.enrol_token",
        "build": "appliance.cli.build_",
        "rollout": "appliance.cli.rollout",
        "stations": "appliance.cli.stations",
    }
)
"""Command → module. A module has either `command`, a function, or `app`, a group of sub-commands."""


def build(names: list[str]) -> typer.Typer:
    """Return the application with the named commands."""
    app = typer.Typer(
        cls=PolishGroup,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Czujka: monitoring bezpieczeństwa dla urzędów.",
    )
    for name in names:
        _add(app, name, import_module(COMMANDS[name]))
    if len(names) == 1:
        # With a single command typer would drop the command's name from the command line.
        app.callback()(lambda: None)
    return app


def _add(app: typer.Typer, name: str, module: Any) -> None:
    if hasattr(module, "app"):
        app.add_typer(module.app, name=name)
    else:
        app.command(name)(module.command)
