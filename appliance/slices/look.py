"""Lets tshark look at a capture file, in a process that can do nothing else, and checks what comes back.

What comes back is untrusted: whoever made the packets may have made tshark say anything.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.home import CHECKOUT
from appliance.slices.confine import NO_SANDBOX, NOBODY, OPEN_FILES, OUTPUT, RIGHTS_ALONE

SECONDS = 60.0
"""Time of one look, of which 20 s may be spent computing by each process."""
INSTALL = "sudo apt-get install -y tshark"
"""The one command that brings tshark where it is missing."""
_REFUSED = {NO_SANDBOX: "no_sandbox", OPEN_FILES: "open_files"}
STANDINGS = {**_REFUSED, RIGHTS_ALONE: "rights_alone"}
_log = structlog.get_logger()
Text = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=0, le=1 << 40)]
Moment = Annotated[int, Field(ge=0, le=1 << 62)]


class Summary(BaseModel):
    """What tshark makes of a flow: plain values. Times in microseconds.

    `protocols` are names with their packets; `fields` names, values, and how many more values there are; `warnings`
    tshark's severity, text and how often; `rows` the first packets: number, seconds, source, destination, protocol,
    bytes, line. `more`: only the first packets were looked at, 500 at most; `broken`: the file breaks off or is
    damaged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    packets: Count
    bytes: Count
    first: Moment | None
    last: Moment | None
    more: bool
    broken: bool
    protocols: list[tuple[Text, Count]] = Field(max_length=30)
    fields: list[tuple[Text, Annotated[list[Text], Field(max_length=5)], Count]] = Field(max_length=60)
    warnings: list[tuple[Text, Text, Count]] = Field(max_length=20)
    rows: list[tuple[Text, Text, Text, Text, Text, Text, Text]] = Field(max_length=100)


class Unseen(RuntimeError):
    """There is no summary; `reason` is `no_tshark`, `no_sandbox`, `open_files`, `slow` or `unreadable`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def look(file: Path, seconds: float = SECONDS) -> Summary:
    """Return what tshark makes of a file. Raises Unseen, and OSError of the disk."""
    if shutil.which("tshark") is None:
        raise Unseen("no_tshark")
    with tempfile.TemporaryDirectory(prefix="czujka-slice-") as folder:
        copy = Path(folder) / "flow.pcapng"
        shutil.copyfile(file, copy)
        if os.geteuid() == 0:
            for place in (Path(folder), copy):
                os.chown(place, NOBODY, NOBODY)
        code, output = _ran(("appliance.slices.dissect", str(copy)), Path(folder), seconds)
    if code in _REFUSED:
        raise Unseen(_REFUSED[code])
    if code != 0:
        _log.warning("slice_unreadable", code=code)
        raise Unseen("unreadable")
    try:
        return Summary.model_validate_json(output)
    except ValidationError as error:
        _log.warning("slice_summary_refused", faults=error.error_count())
        raise Unseen("unreadable") from error


def standing(seconds: float = SECONDS) -> str:
    """Return what is missing of the confinement here, by trying it: one of STANDINGS' values, nothing if it is whole.

    `no_sandbox` and `open_files`: tshark is never started; `rights_alone`: it may read what every user of the system
    may. Where there is no tshark, all is well. Raises OSError, and Unseen where the trial is slow or ends otherwise.
    """
    if shutil.which("tshark") is None:
        return ""
    with tempfile.TemporaryDirectory(prefix="czujka-slice-") as folder:
        code, _ = _ran(("appliance.slices.confine",), Path(folder), seconds)
    if code and code not in STANDINGS:
        raise Unseen("unreadable")
    return STANDINGS.get(code, "")


def _ran(module: Sequence[str], folder: Path, seconds: float) -> tuple[int, bytes]:
    """Run a module that confines itself; return its exit code and output. Raises Unseen when it takes too long."""
    command = [sys.executable, "-m", *module]
    # Nothing of ours: no settings, no secrets, no home with somebody's plugins.
    environment = {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONPATH": str(CHECKOUT)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    # Its output is a file, which the process's own bound of files holds small.
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Unseen("slow") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        return code, out.read(OUTPUT)
