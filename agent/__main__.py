"""The agent's command line: enrol, run, co-zbieram, stan, status."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent import __version__
from agent.wire.sending.home import AgentHome, Identity, home_of

if TYPE_CHECKING:
    import argparse


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    match sys.argv[1:] if argv is None else argv:
        case ["run"]:
            return _run(home_of(None))
        case ["run", "--home", folder]:
            return _run(home_of(folder))
        case others:
            return _command(others)


def _run(home: AgentHome) -> int:
    """Run the agent, in which the parser of command lines need not stay for weeks."""
    from agent.sensors import linux_sensors  # noqa: PLC0415 (the other commands need none of it)
    from agent.wire.sending.run import run  # noqa: PLC0415 (the other commands need none of it)

    return run(home, lambda boot_id: linux_sensors(home.folder, boot_id))


def _command(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    home = home_of(arguments.home)
    match arguments.command:
        case "enrol":
            return _enrol(home, arguments.token)
        case "run":
            return _run(home)
        case "co-zbieram":
            return _what_is_sent(home)
        case "stan":
            return _posture()
        case _:
            return _status(home)


def _parser() -> argparse.ArgumentParser:
    import argparse  # noqa: PLC0415 (see _run)

    parser = argparse.ArgumentParser(prog="czujka-agent", description="Agent Czujki na stacji roboczej.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="POLECENIE")
    for name, text in (
        ("enrol", "zarejestruj ten komputer w Czujce"),
        ("run", "uruchom agenta"),
        ("co-zbieram", "pokaż, co ten komputer wysyła"),
        ("stan", "sprawdź, jak zabezpieczony jest ten komputer i co poprawić"),
        ("status", "pokaż stan agenta"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--home", metavar="FOLDER", help="folder agenta (domyślnie /var/lib/czujka-agent)")
        if name == "enrol":
            command.add_argument("token", metavar="TOKEN", help="token z polecenia „czujka enrol-token create”")
    return parser


def _enrol(home: AgentHome, token: str) -> int:
    from agent.wire.sending import enrol_command  # noqa: PLC0415 (the running agent needs none of it)

    return enrol_command.run(
        home, token, lambda made: f"Zarejestrowano. Numer agenta: {made.agent_id}; certyfikat ważny do {_day(made)}."
    )


def _what_is_sent(home: AgentHome) -> int:
    from agent.sensors import linux_sensors  # noqa: PLC0415 (only this command and the running agent need it)

    lines = ["Ten komputer wysyła do Czujki:"]
    for sensor in linux_sensors(home.folder, ""):
        availability = sensor.availability()
        state = {"on": "włączone", "limited": "częściowo", "off": "wyłączone"}[availability.state]
        reason = f" – {REASONS.get(availability.reason, availability.reason)}" if availability.reason else ""
        lines.append(f"  • [{state}{reason}] {sensor.about.pl}")
    sys.stdout.write("\n".join([*lines, *_ALWAYS]) + "\n")
    return 0


def _posture() -> int:
    from agent.posture import stan  # noqa: PLC0415 (only this command needs it)

    return stan.run()


def _status(home: AgentHome) -> int:
    identity = home.identity()
    if identity is None:
        sys.stdout.write(f"Niezarejestrowany ({home.folder}). Użyj: czujka-agent enrol TOKEN\n")
        return 1
    sys.stdout.write(
        f"Agent: {identity.agent_id}\nCzujka: {', '.join(identity.urls)}\nCertyfikat ważny do: {_day(identity)}\n"
        f"Działa: {'tak' if _running(home) else 'nie'}\nCzeka na wysłanie: {_waiting(home.spool)}\n"
    )
    return 0


def _running(home: AgentHome) -> bool:
    import os  # noqa: PLC0415 (only here)

    from agent.wire.sending.home import InUse  # noqa: PLC0415 (as above)

    try:
        os.close(home.lock())
    except InUse:
        return True
    except OSError:
        return False
    return False


def _waiting(path: Path) -> str:
    import sqlite3  # noqa: PLC0415 (only here)

    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2.0)
        try:
            return str(database.execute("SELECT count(*) FROM records").fetchone()[0])
        finally:
            database.close()
    except sqlite3.Error:
        return "0"


def _day(identity: Identity) -> str:
    from datetime import datetime  # noqa: PLC0415 (only here)

    return datetime.fromtimestamp(identity.expires_at / 1_000_000).astimezone().strftime("%d.%m.%Y")


_ALWAYS = (
    "  • [włączone] Stan agenta co 10 s: nazwa komputera, system, wersja agenta, liczba czekających zdarzeń.",
    "  • [włączone] Zdarzenia agenta: start, zatrzymanie, wykryte braki w danych, skok zegara.",
    "Hasła i tokeny w poleceniach i wierszach dziennika są zastępowane znakami *** przed zapisem na dysk.",
    "Nie są zbierane: naciśnięcia klawiszy, obraz ekranu, schowek, treść plików i poczty, historia przeglądarki.",
)
REASONS = {
    "sensor.reason.needs_root": "wymaga uprawnień administratora (root)",
    "sensor.reason.no_audit": "jądro systemu nie udostępnia audytu",
    "sensor.reason.auditd_immutable": "reguły audytu są zablokowane do ponownego uruchomienia",
    "sensor.reason.unknown_machine": "nieznana architektura procesora, brak własnych reguł audytu",
    "sensor.reason.no_journal": "na tym komputerze nie działa dziennik systemd",
    "sensor.reason.no_journalctl": "brak programu journalctl",
    "sensor.reason.journal_in_use": "te same wpisy są czytane z dziennika systemd",
    "sensor.reason.no_log_files": "nie ma jeszcze plików dziennika",
    "sensor.reason.inventory_killed": "ostatnie zbieranie trwało za długo albo nie doszło do końca",
    "sensor.reason.failed": "nie udało się uruchomić, kolejna próba za chwilę",
}
"""What each reason key of the sensors means; the box has its own catalogue for its pages."""


if __name__ == "__main__":
    sys.exit(main())
