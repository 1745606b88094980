"""How the command line talks to the running box: its own API, with the token in the state folder."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NoReturn

import httpx
import typer

from appliance.cli.exits import Exit
from appliance.home import Home, default_home

HomeOption = Annotated[Path, typer.Option("--home", help="Folder stanu Czujki.", default_factory=default_home)]


def printable(text: str) -> str:
    """Return what somebody else chose, such as a host's name, without signs that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


class BoxUnreachable(RuntimeError):
    """The box does not run on this state folder, or does not answer."""


class BoxRefused(RuntimeError):
    """The box answered with an error; the text is its own."""


class BoxClient:
    """A client of the box on this machine. Use it as a context manager.

    Raises BoxUnreachable when there is no box or no answer, BoxRefused when the answer is an error.
    """

    def __init__(self, home: Home, timeout: float = 30.0) -> None:
        try:
            port = listening(home)["web"]
            token = home.local_token.read_text().strip()
        except (OSError, ValueError, KeyError) as error:
            raise BoxUnreachable(_absent(home)) from error
        self._home = home
        self._http = httpx.Client(
            base_url=f"https://127.0.0.1:{port}/api/v1",
            verify=_trust(home),
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "pl"},
            timeout=timeout,
            trust_env=False,
        )

    def __enter__(self) -> BoxClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of a GET; parameters that are None are left out."""
        return self._json("GET", path, params={k: v for k, v in params.items() if v is not None})

    def post(self, path: str, body: Any = None) -> Any:
        """Return the JSON of a POST."""
        return self._json("POST", path, json=body)

    def download(self, path: str) -> bytes:
        """Return the body of a GET as bytes."""
        return self._send("GET", path).content

    def stream(self, path: str, into: BinaryIO, **params: Any) -> Mapping[str, str]:
        """Write the body of a GET to a file while it comes; return the answer's headers.

        Raises BoxRefused also when the body breaks off.
        """
        wanted = {k: v for k, v in params.items() if v is not None}
        try:
            with self._http.stream("GET", path, params=wanted) as answer:
                if answer.is_error:
                    answer.read()
                    raise BoxRefused(_problem(answer))
                for part in answer.iter_bytes():
                    into.write(part)
                return answer.headers
        except httpx.RemoteProtocolError as error:
            raise BoxRefused("Czujka przerwała wysyłanie pliku. Plik jest niepełny.") from error
        except httpx.TransportError as error:
            raise BoxUnreachable(_absent(self._home)) from error

    def _json(self, method: str, path: str, **options: Any) -> Any:
        answer = self._send(method, path, **options)
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise BoxUnreachable(_absent(self._home)) from error
        if answer.is_error:
            raise BoxRefused(_problem(answer))
        return answer


def listening(home: Home) -> dict[str, int]:
    """Return the ports of the box that runs, or ran last, on a state folder; empty when none did."""
    try:
        ports: dict[str, int] = json.loads(home.ports.read_text())
    except (OSError, ValueError):
        return {}
    return ports


def fail(error: Exception, code: Exit) -> NoReturn:
    """Print one line on standard error and leave with a code."""
    typer.echo(str(error), err=True)
    raise typer.Exit(code)


def _trust(home: Home) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(home.ca))
    except OSError as error:
        raise BoxUnreachable(_absent(home)) from error


def _absent(home: Home) -> str:
    return f"Czujka nie odpowiada (folder stanu: {home.root}). Uruchom ją poleceniem: ./czujka up --home {home.root}"


def _problem(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    text = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return str(text or f"Czujka odpowiedziała błędem {answer.status_code}.")
