"""The agent's command line: enrol, run, co-zbieram, stan, status."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent import __version__
from agent.wire.sending.home import AGENT, AgentHome, Identity, home_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _speak_utf8()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    arguments = sys.argv[1:] if argv is None else argv
    until_eof = arguments[-1:] == ["--until-eof"]
    shorter = arguments[:-1] if until_eof else arguments
    if shorter == ["run"]:
        return _run(home_of(None), until_eof=until_eof)
    if shorter[:2] == ["run", "--home"] and len(shorter) == 3:
        return _run(home_of(shorter[2]), until_eof=until_eof)
    return _command(arguments)


def _speak_utf8() -> None:
    """Write UTF-8 into files and pipes on Windows too, where else a letter outside its code page ends the program."""
    if sys.platform == "win32":
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a service has none
                stream.reconfigure(encoding="utf-8", errors="replace")


def _run(home: AgentHome, *, until_eof: bool = False) -> int:
    """Run the agent, in which the parser of command lines need not stay for weeks."""
    from agent.inventory import again  # noqa: PLC0415 (the other commands need none of it)
    from agent.sensors import host_sensors  # noqa: PLC0415 (as above)
    from agent.update.telling import Trial, tell_failure  # noqa: PLC0415 (as above)
    from agent.wire.commands import REFRESH, UPDATE  # noqa: PLC0415 (as above)
    from agent.wire.sending.run import run  # noqa: PLC0415 (as above)

    if home.identity() is None and (code := _enrol_waiting(home)):
        return code
    tell_failure(home)
    trial = Trial(home)
    return run(
        home,
        lambda boot_id: host_sensors(home.folder, boot_id),
        trial.facts,
        {UPDATE: trial.obey, REFRESH: again.duty(home.folder)},
        station=True,
        until_eof=until_eof,
        answered=trial.answered,
    )


def _command(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    home = home_of(arguments.home)
    commands: dict[str, Callable[[], int]] = {
        "enrol": lambda: _enrol(home, arguments.token),
        "run": lambda: _run(home, until_eof=arguments.until_eof),
        "co-zbieram": lambda: _what_is_sent(home),
        "selftest": lambda: _selftest(home, as_json=arguments.json),
        "record": lambda: _record(home, Path(arguments.file)),
        "stan": _posture,
        "status": lambda: _status(home),
    }
    return commands[arguments.command]()


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
        ("selftest", "sprawdź, czy na tym komputerze działa wszystko, czego agent potrzebuje"),
        ("record", "zapisz próbkę zdarzeń Windows do pliku zip (hasła są ukryte, nazwy kont zostają)"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--home", metavar="FOLDER", help=f"folder agenta (domyślnie {AGENT.folder})")
        if name == "run":
            command.add_argument(
                "--until-eof", action="store_true", help="zakończ, gdy skończy się standardowe wejście"
            )
        if name == "selftest":
            command.add_argument("--json", action="store_true", help="wynik jako JSON")
        if name == "record":
            command.add_argument("file", metavar="PLIK.zip", help="plik, którego jeszcze nie ma")
        if name == "enrol":
            command.add_argument("token", metavar="TOKEN", help="token z polecenia „czujka enrol-token create”")
    return parser


def _enrol(home: AgentHome, token: str) -> int:
    from agent.wire.sending import enrol_command  # noqa: PLC0415 (the running agent needs none of it)

    return enrol_command.run(home, token, _enrolled)


def _enrol_waiting(home: AgentHome) -> int:
    """Use the token that an installation left."""
    from agent.wire.sending import enrol_command  # noqa: PLC0415 (only before the first run)

    return enrol_command.run_waiting(home, _enrolled)


def _enrolled(made: Identity) -> str:
    return f"Zarejestrowano. Numer agenta: {made.agent_id}; certyfikat ważny do {_day(made)}."


def _what_is_sent(home: AgentHome) -> int:
    from agent.sensors import host_sensors  # noqa: PLC0415 (only this command and the running agent need it)
    from agent.what import lines  # noqa: PLC0415 (as above)
    from agent.wire.sending.kept_policy import KeptPolicy  # noqa: PLC0415 (as above)
    from agent.wire.sending.states import Shown, kept, shown  # noqa: PLC0415 (as above)

    found = shown(home) if home.closed() else Shown(KeptPolicy(home).now, kept(home))
    if found is None:
        return _closed(home)
    sys.stdout.write("\n".join(lines(host_sensors(home.folder, ""), *found)) + "\n")
    return 0


def _closed(home: AgentHome) -> int:
    """Say that this account may not see what was asked for."""
    how = "wiersz polecenia jako administrator" if sys.platform == "win32" else "sudo czujka-agent"
    sys.stderr.write(f"Brak dostępu do {home.folder} albo agent nie działa. Użyj konta administratora: {how}.\n")
    return 1


def _selftest(home: AgentHome, *, as_json: bool) -> int:
    from agent import selftest  # noqa: PLC0415 (only this command needs it)
    from agent.sensors import host_sensors  # noqa: PLC0415 (as above)

    return selftest.run(home, host_sensors(home.folder, ""), as_json=as_json)


def _record(home: AgentHome, target: Path) -> int:
    if sys.platform != "win32":
        sys.stderr.write("To polecenie zapisuje zdarzenia z dziennika Windows, a ten komputer go nie ma.\n")
        return 69
    if home.closed():
        return _closed(home)
    from agent.sensors.windows.selfcheck import record_sample  # noqa: PLC0415 (only this command needs it)
    from agent.wire.sending.kept_policy import KeptPolicy  # noqa: PLC0415 (as above)

    try:
        count = record_sample(target, KeptPolicy(home).permitted)
    except OSError as error:
        sys.stderr.write(f"Nie można zapisać próbki w {target}: {error}.\n")
        return 69
    sys.stdout.write(f"Zapisano {count} zdarzeń w {target}. Przejrzyj plik, zanim go przekażesz.\n")
    return 0


def _posture() -> int:
    from agent.posture import stan  # noqa: PLC0415 (only this command needs it)

    return stan.run()


def _status(home: AgentHome) -> int:
    if home.closed():
        return _closed(home)
    identity = home.identity()
    if identity is None:
        sys.stdout.write(f"Niezarejestrowany ({home.folder}). Użyj: czujka-agent enrol TOKEN\n")
        return 1
    sys.stdout.write(
        f"Agent: {identity.agent_id}\nCzujka: {', '.join(identity.urls)}\nCertyfikat ważny do: {_day(identity)}\n"
        f"Działa: {'tak' if home.running() else 'nie'}\nCzeka na wysłanie: {_waiting(home.spool)}\n"
    )
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
