"""Channels for Windows programs of the tests: a folder of files, which our wevtapi.dll serves (wevtapi.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.wine.bed import Windows, path
from tests.wine.install import compiled


class EventLog:
    """The channels of one test."""

    def __init__(self, windows: Windows, folder: Path) -> None:
        """Put the library into `folder`, which the processes that shall see these channels get by `environment`."""
        self.folder = folder / "channels"
        self.folder.mkdir(parents=True)
        system = windows.drive / "windows" / "system32" / "wevtapi.dll"
        # A link to the file that all prefixes share: it is replaced, never written to.
        system.unlink(missing_ok=True)
        compiled([Path(__file__).with_name("wevtapi.c")], system, "-shared")
        self.environment = {
            "CZUJKA_FAKE_EVENTS": path(self.folder),
            "WINEDLLOVERRIDES": "wevtapi=n;mscoree,mshtml=",
        }

    def file(self, channel: str) -> Path:
        """Return the file of a channel; where it exists, the channel does."""
        return self.folder / re.sub(r"[^A-Za-z0-9]", "_", channel)

    def add(self, channel: str, events: Iterable[str]) -> None:
        """Append events to a channel."""
        data = "".join(f"{event}\0" for event in events)
        with self.file(channel).open("ab") as file:
            file.write(data.encode())

    def switch_off(self, channel: str) -> None:
        """Have a channel say that it is switched off."""
        self.add(channel, ())
        self.file(channel).with_name(f"{self.file(channel).name}.off").touch()

    @contextmanager
    def holding(self, point: str) -> Iterator[Path]:
        """Keep whoever asks for events `before` or `after` it is given some; yields a file that then is there."""
        hold, held = self.folder / f"hold-{point}", self.folder / "held"
        hold.touch()
        try:
            yield held
        finally:
            hold.unlink()
            held.unlink(missing_ok=True)

    def clear(self, channel: str) -> None:
        """Empty a channel."""
        self.file(channel).write_bytes(b"")
