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
        case "read" | "run":
            return _watch(arguments)
        case "enrol":
            return _enrol(home_of(arguments.home, PROGRAM), arguments.token)
        case _:
            return _status(home_of(arguments.home, PROGRAM))


def _watch(arguments: argparse.Namespace) -> int:
    from collector.settings import Unusable, settings  # noqa: PLC0415 (each command loads what it needs)

    home = home_of(arguments.home, PROGRAM) if arguments.command == "run" else None
    try:
        wanted = settings(arguments.network, arguments.leave_out, home.folder if home else None)
    except Unusable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if home is None:
        from collector.read import read  # noqa: PLC0415 (as above)

        return read(arguments.files, arguments.log, wanted)
    from collector.foreign.sensor import Wanted  # noqa: PLC0415 (as above)
    from collector.live import run  # noqa: PLC0415 (as above)

    others = [Wanted(kind, place) for kind in ("eve", "zeek") for place in getattr(arguments, kind)]
    if not (arguments.interface or others):
        sys.stderr.write("Podaj, co obserwować: --interface, --eve lub --zeek.\n")
        return 2
    return run(home, arguments.interface, wanted, arguments.workers, others)


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
        "--interface", metavar="KARTA", action="append", default=[], help="karta sieciowa; można podać kilka razy"
    )
    for name, text in (("eve", "dziennik EVE Suricaty: plik, unix:GNIAZDO lub unix-dgram:GNIAZDO"),
                       ("zeek", "dziennik JSON Zeeka")):  # fmt: skip
        made["run"].add_argument(
            f"--{name}", metavar="MIEJSCE", action="append", default=[], help=f"{text}; można podać kilka razy"
        )
    made["run"].add_argument(
        "--workers", metavar="N", type=int, choices=range(1, 17), default=1,
        help="ile procesów ma dzielić ruch między siebie (domyślnie 1)",
    )  # fmt: skip
    made["read"].add_argument("files", metavar="PLIK", nargs="+", help="plik pcap lub pcapng; „-” to wejście")
    made["read"].add_argument(
        "--log", metavar="NAZWA", action="append", help="tylko ten dziennik (conn, dns, …); można podać kilka razy"
    )
    for name in ("run", "read"):
        made[name].add_argument(
            "--network", metavar="SIEĆ", action="append", default=[], help="sieć urzędu (domyślnie prywatne)"
        )
        made[name].add_argument(
            "--leave-out", metavar="REGUŁA", action="append", default=[],
            help="czego nie obserwować: host=, vlan=, port= lub kilka po przecinku; można podać kilka razy",
        )  # fmt: skip
    return parser


def _enrol(home: AgentHome, text: str) -> int:
    from agent.wire.sending.enrol_token import BadToken, decode  # noqa: PLC0415 (as above)
    from agent.wire.sending.enrolment import EnrolmentFailed, enrol  # noqa: PLC0415 (as above)

    try:
        identity = enrol(decode(text), home)
    except BadToken as error:
        sys.stderr.write(f"Nieprawidłowy token: {error}.\n")
        return 2
    except EnrolmentFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return failure.code
    sys.stdout.write(f"Zarejestrowano czujnik. Numer: {identity.agent_id}. Uruchom: {PROGRAM.name} run --interface …\n")
    return 0


def _status(home: AgentHome) -> int:
    identity = home.identity()
    if identity is None:
        sys.stdout.write(f"Niezarejestrowany ({home.folder}). Użyj: {PROGRAM.name} enrol TOKEN\n")
        return 1
    sys.stdout.write(f"Czujnik: {identity.agent_id}\nCzujka: {', '.join(identity.urls)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
