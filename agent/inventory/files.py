"""Reads files and runs programs: the readers that every system shares."""

from __future__ import annotations

import glob
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from agent.inventory.raw import MAX_FILES, MAX_OUTPUT, Command, File, Files, Names, Raw

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_LOCALE = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}
_OURS = frozenset({"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"})
"""What systemd tells the agent's service alone: a program that took it for its own would speak in its name."""


def read_file(source: File) -> Raw:
    """Return a file's text."""
    return _text(source.path, source.limit)


def read_files(source: Files) -> Raw:
    """Return the texts of the files that fit, the unreadable left out unless none could be read."""
    texts: dict[str, str] = {}
    problem = _closed(source.pattern)
    for path in _fitting(source.pattern):
        raw = _text(path, source.limit)
        if raw.problem:
            problem = raw.problem
        else:
            texts[path] = raw.value
    if problem and not texts:
        return Raw(None, problem)
    return Raw(texts)


def read_names(source: Names) -> Raw:
    """Return the paths that fit, with the time of their last change."""
    found: dict[str, int] = {}
    for path in _fitting(source.pattern):
        try:
            found[path] = int(os.stat(path).st_mtime)  # noqa: PTH116 (a path of the outside may be odd; text is enough)
        except OSError:
            continue
    return Raw(found) if found else Raw(None, _closed(source.pattern) or "absent")


def run_command(source: Command) -> Raw:
    """Run a program without a shell, in the C locale, with nothing on its standard input; bounded."""
    return run(source.args, source.seconds)


def run(args: tuple[str, ...], seconds: float, given: bytes = b"") -> Raw:
    """Run a program; its output goes to a file, so that what it leaves behind in the background holds nobody up."""
    environment = {name: value for name, value in os.environ.items() if name not in _OURS} | _LOCALE
    if os.name != "nt":
        environment["PATH"] = _PATH
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as into:
        into.write(given)
        into.seek(0)
        try:
            code = subprocess.run(
                args, stdin=into, stdout=out, stderr=subprocess.DEVNULL, timeout=seconds, env=environment, check=False
            ).returncode  # fmt: skip
        except FileNotFoundError:
            return Raw(None, "absent")
        except PermissionError:
            return Raw(None, "denied")
        except subprocess.TimeoutExpired:
            return Raw(None, "timeout")
        except OSError:
            return Raw(None, "failed")
        out.seek(0)
        data = out.read(MAX_OUTPUT + 1)
    if len(data) > MAX_OUTPUT:
        return Raw(None, "too_large")
    return Raw({"code": code, "out": data.decode("utf-8", "replace")})


def _fitting(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern))[:MAX_FILES]  # noqa: PTH207 (patterns are absolute, which Path.glob refuses)


def _closed(pattern: str) -> str:
    """Return "denied" when the folder above the first wildcard may not be read: then nobody knows what fits."""
    folder = re.split(r"[^/\\]*[*?\[]", pattern, maxsplit=1)[0]
    try:
        with os.scandir(folder):
            pass
    except PermissionError:
        return "denied"
    except OSError:
        return ""
    return ""


def _text(path: str, limit: int) -> Raw:
    try:
        if not Path(path).is_file():
            return Raw(None, "denied" if _hidden(path) else "absent")
        # Somebody may put a pipe there after the look above: then the reading must not wait for its other end.
        with open(path, "rb", buffering=0, opener=_without_waiting) as stream:
            data = b"".join(_pieces(stream, limit))
    except PermissionError:
        return Raw(None, "denied")
    except (FileNotFoundError, NotADirectoryError):
        return Raw(None, "absent")
    except (OSError, ValueError):
        return Raw(None, "failed")
    if len(data) > limit:
        return Raw(None, "too_large")
    return Raw(data.decode("utf-8", "replace"))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))


def _pieces(stream: IO[bytes], limit: int) -> Iterator[bytes]:
    """Yield a file in small reads, for the kernel's own files refuse large ones; stops past the limit."""
    got = 0
    while got <= limit and (piece := stream.read(65536)):
        got += len(piece)
        yield piece


def _hidden(path: str) -> bool:
    """Say whether a folder above may not be searched, so that nobody knows if the file is there."""
    try:
        os.stat(path)  # noqa: PTH116 (Path.is_file swallows the refusal that is asked for here)
    except PermissionError:
        return True
    except OSError:
        return False
    return False
