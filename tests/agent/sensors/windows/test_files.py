"""The file monitor of Windows over folders of this system and notices that a test gives."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from agent.fim.installs import Installs
from agent.fim.look import look
from agent.fim.places import Place, Places
from agent.sensors.windows.accesses import Accesses
from agent.sensors.windows.files import WindowsFileSensor, variables
from agent.sensors.windows.hints import MAX_FOLDERS, Folder, FolderHints
from agent.wire.event import Record
from agent.wire.sending.sensor import Reading
from tests.agent.conditions import until


class FakeNotices:
    """Signals and listeners in memory."""

    def __init__(self) -> None:
        self.on: dict[int, bool] = {}
        self.listeners: dict[Folder, int] = {}
        self.refused: set[str] = set()
        self._changed = threading.Condition()

    def signal(self) -> int:
        self.on[number := len(self.on) + 1] = False
        return number

    def set(self, signal: int) -> None:
        with self._changed:
            self.on[signal] = True
            self._changed.notify_all()

    def reset(self, signal: int) -> None:
        self.on[signal] = False

    def forget(self, signal: int) -> None:
        self.reset(signal)

    def wait(self, signals: Sequence[int], seconds: float) -> int | None:
        def first() -> int | None:
            return next((place for place, one in enumerate(signals) if self.on[one]), None)

        with self._changed:
            self._changed.wait_for(lambda: first() is not None, seconds)
            return first()

    def listen(self, folder: Folder) -> int | None:
        if folder.path in self.refused:
            return None
        self.listeners[folder] = self.signal()
        return self.listeners[folder]

    def listen_on(self, signal: int) -> bool:
        self.reset(signal)
        return not self.refused & {folder.path for folder, one in self.listeners.items() if one == signal}

    def stop_listening(self, signal: int) -> None:
        self.listeners = {folder: one for folder, one in self.listeners.items() if one != signal}


class Desk:
    """A sensor over a folder, driven as the agent's loop drives it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.notices = folder / "watched", FakeNotices()
        self.folder.mkdir()
        (self.folder / "old").write_text("old")
        self.accesses, self.installs = Accesses(), Installs()
        places = Places([Place(str(self.folder), "test"), Place(f"{folder}/*.exe", "test", tree=False)])
        self.sensor = WindowsFileSensor(
            folder, self.accesses, self.installs, places=lambda: places, looking=look, notices=lambda: self.notices,
            first=0.0,
        )  # fmt: skip
        self.seen: list[Record] = []

    def start(self) -> None:
        self.sensor.open({})
        self.await_action("fim_baseline" if not self.seen else "file_created")

    def turn(self) -> None:
        if select.select([self.sensor.fileno()], [], [], 0.01)[0]:
            self.sensor.read()
        for item in self.sensor.tick():
            assert isinstance(item, Reading)
            assert item.record is not None
            self.seen.append(item.record)

    def await_action(self, action: str) -> Record:
        def found() -> bool:
            self.turn()
            return any(record["event.action"] == action for record in self.seen)

        until(found, 10, action)
        return next(record for record in self.seen if record["event.action"] == action)

    def happens_in(self, folder: Path, *, deep: bool = True) -> None:
        self.notices.set(self.notices.listeners[Folder(str(folder), deep)])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.sensors.filerounds.PAUSE", 0.01)
    monkeypatch.setattr("agent.fim.watch.TREE_SETTLE", 0.01)
    monkeypatch.setattr("agent.fim.watch.TREE_EVERY", 0.01)
    monkeypatch.setattr("agent.sensors.windows.hints._REST", 0.01)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.sensor.close()


def test_a_change_is_found_where_windows_says_that_something_happened_and_named_after_who_wrote(desk: Desk) -> None:
    desk.start()
    until(lambda: desk.sensor.availability() == ("on", ""), 5, "all folders are listened to")
    (desk.folder / "new").write_text("x")
    now = time.time_ns() // 1000
    desk.accesses.note({
        "@timestamp": now, "Channel": "Security", "EventID": "4663", "ObjectType": "File", "AccessMask": "0x2",
        "ObjectName": str(desk.folder / "new").replace("/", "\\"), "ProcessName": r"C:\Windows\System32\msiexec.exe",
        "ProcessId": "0x11", "SubjectUserSid": "S-1-5-18", "SubjectUserName": "PC-7$",
    })  # fmt: skip
    desk.happens_in(desk.folder)
    record = desk.await_action("file_created")
    assert str(record["file.path"]).endswith(r"\watched\new")
    assert (record["host.os.type"], record["fim.live"], record["fim.by_package_manager"]) == ("windows", True, True)
    assert (record["process.executable"], record["user.name"]) == (r"C:\Windows\System32\msiexec.exe", "PC-7$")


def test_after_a_pause_the_round_finds_what_changed_and_what_was_installed_then(desk: Desk) -> None:
    desk.start()
    desk.sensor.close()
    (desk.folder / "new").write_text("x")
    desk.installs.note({
        "@timestamp": time.time_ns() // 1000, "Provider_Name": "MsiInstaller", "EventID": "1033", "Data": ["7-Zip"]
    })  # fmt: skip
    desk.start()
    record = desk.await_action("file_created")
    assert (record["fim.live"], record["package.name"]) == (False, "7-Zip")
    assert desk.sensor._packages("C:/Users/ewa/x")(time.time()) == ""


def test_a_folder_that_cannot_be_listened_to_is_said_and_taken_up_by_the_next_round(desk: Desk) -> None:
    desk.notices.refused.add(str(desk.folder))
    desk.start()
    assert desk.sensor.availability() == ("limited", "sensor.reason.rounds_only")
    desk.notices.refused.clear()
    desk.sensor._begin()
    until(lambda: desk.sensor.availability() == ("on", ""), 5, "it is listened to")


def test_a_folder_with_single_watched_files_is_listened_to_without_what_lies_below(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "one.exe").write_text("x")
    desk.start()
    until(lambda: len(desk.notices.listeners) == 2, 5, "both folders")
    (tmp_path / "two.exe").write_text("x")
    desk.happens_in(tmp_path, deep=False)
    assert str(desk.await_action("file_created")["file.path"]).endswith(r"\two.exe")


def _heard(hints: FolderHints, count: int) -> list[Folder]:
    heard: list[Folder] = []

    def enough() -> bool:
        heard.extend(hints.take())
        return len(set(heard)) >= count

    until(enough, 5, "the hints")
    return heard


@pytest.fixture
def hints() -> Iterator[tuple[FakeNotices, FolderHints, Callable[[str], Folder]]]:
    notices = FakeNotices()
    made = FolderHints(notices, rest=0.0)
    yield notices, made, lambda name: Folder(name, deep=True)
    made.end()
    assert not notices.listeners


def test_a_folder_that_is_busy_does_not_drown_another(
    hints: tuple[FakeNotices, FolderHints, Callable[[str], Folder]],
) -> None:
    notices, made, folder = hints
    made.want([folder("a"), folder("b")])
    until(lambda: made.complete, 5, "both are listened to")
    busy, other = notices.listeners[folder("a")], notices.listeners[folder("b")]
    notices.listen_on = lambda signal: signal == busy or FakeNotices.listen_on(notices, signal)  # type: ignore[method-assign]
    notices.set(busy)
    notices.set(other)
    assert set(_heard(made, 2)) == {folder("a"), folder("b")}
    notices.reset(busy)


def test_what_is_listened_to_is_bounded_and_a_folder_that_went_away_is_let_go(
    hints: tuple[FakeNotices, FolderHints, Callable[[str], Folder]],
) -> None:
    notices, made, folder = hints
    made.want([folder(str(number)) for number in range(MAX_FOLDERS + 1)])
    until(lambda: len(notices.listeners) == MAX_FOLDERS, 5, "as many as may be")
    assert not made.complete
    made.want([folder("0"), folder("1")])
    until(lambda: set(notices.listeners) == {folder("0"), folder("1")}, 5, "the two")
    notices.refused.add("0")
    notices.set(notices.listeners[folder("0")])
    assert _heard(made, 1)[0] == folder("0")
    until(lambda: set(notices.listeners) == {folder("1")}, 5, "one is left")


def test_names_in_places_have_their_usual_values_where_nothing_says_other() -> None:
    found = variables({"SystemRoot": r"D:\Windows"})
    assert found["Profiles"] == r"D:\Users"
    assert found["ProgramData"] == r"D:\ProgramData"
    assert variables({"ProgramData": r"E:\Data"})["ProgramData"] == r"E:\Data"
