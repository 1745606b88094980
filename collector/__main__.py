"""The sensor's command line: enrol, run, read, status."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from agent import __version__
from agent.wire.sending.home import AgentHome, Program, home_of

PROGRAM = Program("czujka-collector", Path("/var/lib/czujka-collector"), "CZUJKA_COLLECTOR_HOME")


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    arguments = _parser().parse_args(argv)
    match arguments.command:
        case "read":
            from collector.read import read  # noqa: PLC0415 (each command loads what it needs)

            return read(arguments.files, arguments.log, tuple(arguments.network))
        case "run":
            from collector.live import run  # noqa: PLC0415 (as above)

            return run(home_of(arguments.home, PROGRAM), arguments.interface, tuple(arguments.network))
        case "enrol":
            return _enrol(home_of(arguments.home, PROGRAM), arguments.token)
        case _:
            return _status(home_of(arguments.home, PROGRAM))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM.name, description="Czujnik sieciowy Czujki.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="POLECENIE")
    texts = {
        "enrol": "zarejestruj czujnik w Czujce",
        "run": "obserwuj port lustrzany i wysyłaj zdarzenia",
        "read": "pokaż zdarzenia z plików pcap i pcapng",
        "status": "pokaż stan czujnika",
    }
    made = {name: commands.add_parser(name, help=text, description=text) for name, text in texts.items()}
    for name in ("enrol", "run", "status"):
        made[name].add_argument("--home", metavar="FOLDER", help=f"folder czujnika (domyślnie {PROGRAM.folder})")
    made["enrol"].add_argument("token", metavar="TOKEN", help="token z polecenia „czujka enrol-token create”")
    made["run"].add_argument(
        "--interface", metavar="KARTA", action="append", required=True, help="karta sieciowa; można podać kilka razy"
    )
    made["read"].add_argument("files", metavar="PLIK", nargs="+", help="plik pcap lub pcapng; „-” to wejście")
    made["read"].add_argument(
        "--log", metavar="NAZWA", action="append", help="tylko ten dziennik (conn, dns, …); można podać kilka razy"
    )
    for name in ("run", "read"):
        made[name].add_argument(
            "--network", metavar="SIEĆ", action="append", default=[], help="sieć urzędu (domyślnie prywatne)"
        )
    return parser


def _enrol(home: AgentHome, token: str) -> int:
    from agent.wire.sending import enrol_command  # noqa: PLC0415 (as above)

    words = f"Zarejestrowano czujnik. Numer: {{}}. Uruchom: {PROGRAM.name} run --interface …"
    return enrol_command.run(home, token, lambda made: words.format(made.agent_id))


def _status(home: AgentHome) -> int:
    identity = home.identity()
    if identity is None:
        sys.stdout.write(f"Niezarejestrowany ({home.folder}). Użyj: {PROGRAM.name} enrol TOKEN\n")
        return 1
    sys.stdout.write(f"Czujnik: {identity.agent_id}\nCzujka: {', '.join(identity.urls)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
