"""The sensor's command line: enrol, run, read, slice, status."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent import __version__
from agent.wire.sending.home import AgentHome, Program, home_of
from collector.slices.files import Limits, slices_of

if TYPE_CHECKING:
    from collector.settings import Settings
    from collector.slices.ring import Slices

PROGRAM = Program("czujka-collector", Path("/var/lib/czujka-collector"), "CZUJKA_COLLECTOR_HOME")


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    arguments = _parser().parse_args(argv)
    match arguments.command:
        case "read" | "run":
            return _watch(arguments)
        case "slice":
            return _slice(home_of(arguments.home, PROGRAM), arguments.uid, arguments.output, arguments.most)
        case "enrol":
            return _enrol(home_of(arguments.home, PROGRAM), arguments.token)
        case _:
            return _status(home_of(arguments.home, PROGRAM))


def _watch(arguments: argparse.Namespace) -> int:
    from collector.settings import Unusable, settings, trusted  # noqa: PLC0415 (each command loads what it needs)

    home = home_of(arguments.home, PROGRAM) if arguments.command == "run" else None
    try:
        wanted = settings(arguments.network, arguments.leave_out, home.folder if home else None)
        wanted = wanted._replace(trust=trusted(arguments.trust))
    except Unusable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if home is None:
        return _read(arguments, wanted)
    from collector.foreign.sensor import Wanted  # noqa: PLC0415 (as above)
    from collector.live import run  # noqa: PLC0415 (as above)

    others = [Wanted(kind, place) for kind in ("eve", "zeek") for place in getattr(arguments, kind)]
    if not (arguments.interface or others):
        sys.stderr.write("Podaj, co obserwować: --interface, --eve lub --zeek.\n")
        return 2
    return run(home, arguments.interface, wanted, arguments.workers, others, limits=_limits(arguments))


def _read(arguments: argparse.Namespace, wanted: Settings) -> int:
    from collector.logs import LOGS  # noqa: PLC0415 (as above)
    from collector.read import read  # noqa: PLC0415 (as above)

    if unknown := sorted(set(arguments.log or ()) - LOGS):
        sys.stderr.write(f"Nie ma dziennika {', '.join(unknown)}. Są: {', '.join(sorted(LOGS))}.\n")
        return 2
    return read(arguments.files, arguments.log, wanted, _ring(arguments), summary=not arguments.quiet)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM.name, description="Czujnik sieciowy Czujki.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="POLECENIE")
    texts = {
        "enrol": "zarejestruj czujnik w Czujce",
        "run": "obserwuj port lustrzany i wysyłaj zdarzenia",
        "read": "pokaż zdarzenia z plików pcap i pcapng",
        "slice": "wytnij z dysku czujnika pakiety jednego połączenia",
        "status": "pokaż stan czujnika",
    }
    made = {name: commands.add_parser(name, help=text, description=text) for name, text in texts.items()}
    for name in ("enrol", "run", "slice", "status"):
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
    made["read"].add_argument("--quiet", action="store_true", help="nie pisz na końcu, czego nie odczytano w pliku")
    made["read"].add_argument(
        "--log", metavar="NAZWA", action="append", help="tylko ten dziennik (conn, dns, …); można podać kilka razy"
    )
    made["read"].add_argument("--home", metavar="FOLDER", help="zachowaj początki połączeń w tym folderze czujnika")
    made["slice"].add_argument("uid", metavar="UID", help="identyfikator połączenia: pole uid w jego dziennikach")
    made["slice"].add_argument(
        "-o", "--output", metavar="PLIK", help="plik pcapng (domyślnie UID.pcapng); „-” to wyjście"
    )
    made["slice"].add_argument("--most", metavar="BAJTY", type=_size, default=64 << 20, help="granica wielkości pliku")
    for name in ("run", "read"):
        made[name].add_argument(
            "--slices",
            metavar="BAJTY",
            type=_size,
            default=Limits().bytes,
            help="ile miejsca na początki połączeń, na przykład 2G; 0: nie zachowuj (domyślnie 2G)",
        )
        made[name].add_argument(
            "--slices-days",
            metavar="DNI",
            type=float,
            default=Limits().days,
            help="po ilu dniach je usuwać (domyślnie 7)",
        )
        made[name].add_argument(
            "--network", metavar="SIEĆ", action="append", default=[], help="sieć urzędu (domyślnie prywatne)"
        )
        made[name].add_argument(
            "--trust",
            metavar="PLIK",
            help="certyfikaty główne, którym ufa urząd (PEM): sprawdzaj nimi certyfikaty serwerów",
        )
        made[name].add_argument(
            "--leave-out", metavar="REGUŁA", action="append", default=[],
            help="czego nie obserwować: host=, vlan=, port= lub kilka po przecinku; można podać kilka razy",
        )  # fmt: skip
    return parser


def _size(text: str) -> int:
    """Return a count of bytes; K, M and G are powers of 1024. Raises ValueError."""
    unit = {"K": 10, "M": 20, "G": 30}.get(text[-1:].upper())
    return int(text) if unit is None else int(text[:-1]) << unit


def _limits(arguments: argparse.Namespace) -> Limits:
    return Limits(max(0, arguments.slices), arguments.slices_days)


def _ring(arguments: argparse.Namespace) -> Slices | None:
    """Return where heads of flows of files are kept, which is only where somebody names a folder."""
    from collector.slices.ring import Slices  # noqa: PLC0415 (as above)

    limits = _limits(arguments)
    wanted = arguments.home is not None and limits.bytes
    return Slices(slices_of(home_of(arguments.home, PROGRAM)), limits) if wanted else None


def _slice(home: AgentHome, uid: str, output: str | None, most: int) -> int:
    from agent.wire.commands import is_uid  # noqa: PLC0415 (as above)
    from collector.slices.cut import NONE, PART, WHOLE, cut  # noqa: PLC0415 (as above)

    if not is_uid(uid):
        sys.stderr.write(f"To nie jest identyfikator połączenia: {uid[:64]!r}. Jest w polu uid dziennika conn.\n")
        return 2
    try:
        found = cut(slices_of(home), uid, most)
        if found is None:
            sys.stderr.write(
                f"Na dysku nie ma pakietów połączenia {uid}: były starsze niż inne albo ich nie zachowano.\n"
            )
            return NONE
        if output == "-":
            sys.stdout.buffer.write(found.content)
        else:
            Path(output or f"{uid}.pcapng").write_bytes(found.content)
    except OSError as error:
        sys.stderr.write(f"Nie można wyciąć połączenia: {error.filename or ''} {error.strerror or error}\n")
        return 69
    rest = "" if found.whole else " Dalsze pakiety nie mieszczą się w granicy --most."
    sys.stderr.write(f"Pakiety: {found.packets}.{rest}\n")
    return WHOLE if found.whole else PART


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
