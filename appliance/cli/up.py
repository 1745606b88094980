"""`czujka up`: every role of the box in this terminal."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import httpx
import typer

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.forked import Forked
from appliance.home import Home, HomeBusy
from appliance.roles import fork_all
from appliance.settings import Settings, SettingsError, load_settings
from appliance.supervisor import Child, Console, Program, supervise

if TYPE_CHECKING:
    from appliance.bootstrap import Prepared

_COLOURS = {"gateway": 36, "pipeline": 35, "web": 34, "jobs": 33, "agent": 32, "czujka": 1}
_READY_SECONDS = 120.0


class NotReady(RuntimeError):
    """The roles run, and the console does not answer."""


class PortTaken(RuntimeError):
    """Another process listens on a port that the box needs."""


def command(
    home: HomeOption,
    port: Annotated[int | None, typer.Option(help="Port panelu.", min=1, max=65535)] = None,
    gateway_port: Annotated[int | None, typer.Option(help="Port dla stacji.", min=1, max=65535)] = None,
    agent: Annotated[bool, typer.Option(help="Obserwuj też ten komputer.")] = True,
) -> None:
    """Uruchom Czujkę w tym terminalu. Ctrl-C kończy."""
    os.umask(0o077)
    _override(port, gateway_port)
    box = Home(home.resolve())
    with _explained(box):
        box.create()
        lock = box.lock()
        settings = load_settings(box)
        _claim(settings)
    roles = fork_all(box, lock.close)
    with lock, _explained(box):
        asyncio.run(_run(box, settings, roles, agent))


@contextmanager
def _explained(box: Home) -> Iterator[None]:
    """Say of what keeps the box from running what to do about it, and end with its exit code."""
    try:
        yield
    except HomeBusy:
        fail(
            RuntimeError(f"W folderze {box.root} działa już inna Czujka. Zatrzymaj ją albo podaj inny --home."),
            Exit.BUSY,
        )
    except PortTaken as error:
        fail(error, Exit.BUSY)
    except SettingsError as error:
        fail(error, Exit.USAGE)
    except NotReady as error:
        fail(error, Exit.UNREACHABLE)
    except _faults_of_the_folder() as error:
        _fail_for(box, error)


def _faults_of_the_folder() -> tuple[type[Exception], ...]:
    """What preparing the folder may raise; asked, and loaded, only when something was raised."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - only when something was raised

    from appliance.pki import PkiError  # noqa: PLC0415 - only when something was raised

    return PkiError, OSError, DBAPIError


def _fail_for(box: Home, error: Exception) -> None:
    from appliance.ops.disk import is_full  # noqa: PLC0415 - only when something was raised
    from appliance.pki import PkiError  # noqa: PLC0415 - only when something was raised

    if isinstance(error, PkiError):
        fail(error, Exit.NO)
    if is_full(error):
        fail(RuntimeError(f"Na dysku z folderem {box.root} nie ma miejsca. Zwolnij je i ponów."), Exit.LACKING)
    fail(RuntimeError(f"Nie można użyć folderu {box.root}: {_short(error)}. Podaj inny w --home."), Exit.USAGE)


def _short(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error).split("\n", maxsplit=1)[0]


def _override(port: int | None, gateway_port: int | None) -> None:
    for name, value in (("CZUJKA_PORT", port), ("CZUJKA_GATEWAY_PORT", gateway_port)):
        if value is not None:
            os.environ[name] = str(value)


def _claim(settings: Settings) -> None:
    for host, number, option in (
        (settings.host, settings.port, "--port"),
        (settings.gateway_host, settings.gateway_port, "--gateway-port"),
    ):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, number))
            except OSError as error:
                raise PortTaken(
                    f"Port {number} na adresie {host} jest zajęty ({error.strerror}). Podaj inny: {option} NUMER"
                ) from error


async def _run(home: Home, settings: Settings, roles: Mapping[str, Forked], with_agent: bool) -> None:
    write = Console(_COLOURS)
    prepared, answering = asyncio.Event(), asyncio.Event()

    async def released() -> None:
        await prepared.wait()

    children = [Child(_role(name, home), gate=released, forked=forked) for name, forked in roles.items()]

    async def enrolled() -> None:
        await answering.wait()
        await _enrol(home, settings, write)

    if with_agent:
        children.append(Child(_agent(home), gate=enrolled))

    async def ready() -> None:
        prepared_home = await asyncio.to_thread(_prepare, home, settings)
        home.ports.write_text(json.dumps({"web": settings.port, "gateway": settings.gateway_port}))
        prepared.set()
        await _wait_ready(home, settings)
        answering.set()
        _announce(settings, prepared_home)

    await supervise(children, write, ready)


def _prepare(home: Home, settings: Settings) -> Prepared:
    from appliance.bootstrap import prepare  # noqa: PLC0415 - only a box that starts loads this; help does without

    return prepare(home, settings)


def _role(name: str, home: Home) -> Program:
    command = (sys.executable, "-m", "appliance", "role", name, "--home", str(home.root))
    return Program(name, command, _COLOURS[name])


def _agent(home: Home) -> Program:
    return Program("agent", (sys.executable, "-m", "agent", "run", "--home", str(home.agent)), _COLOURS["agent"])


async def _enrol(home: Home, settings: Settings, write: Console) -> None:
    """Enrol the agent of this machine, once."""
    from appliance.bootstrap import agent_token  # noqa: PLC0415 - only to enrol, once

    token = agent_token(home, settings)
    if not token:
        return
    arguments = ("-m", "agent", "enrol", token, "--home", str(home.agent))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    answer, _ = await process.communicate()
    for line in answer.decode("utf-8", "replace").splitlines():
        write("agent", line)


async def _wait_ready(home: Home, settings: Settings) -> None:
    trust = ssl.create_default_context(cafile=str(home.ca))
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=2) as client:
        while asyncio.get_running_loop().time() < deadline:
            try:
                answer = await client.get(f"https://127.0.0.1:{settings.port}/api/v1/health")
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == httpx.codes.OK:
                return
            await asyncio.sleep(0.1)
    raise NotReady(f"Czujka nie była gotowa w ciągu {_READY_SECONDS:.0f} s. Przyczyna jest w wierszach powyżej.")


def _announce(settings: Settings, prepared: Prepared) -> None:
    base = f"https://127.0.0.1:{settings.port}"
    typer.echo(f"\nCzujka działa:         {base}/")
    if prepared.setup_token:
        typer.echo(f"Pierwsze uruchomienie: {base}/ustaw?token={prepared.setup_token}")
        typer.echo(f"Odcisk klucza dowodów (zapisz go poza tą maszyną): {prepared.evidence_key}\n")
