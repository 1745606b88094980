"""Which paths are watched."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.fim.places import LINUX, LINUX_LEFT_OUT, Place, Places, expanded
from agent.fim.windows_places import WINDOWS, WINDOWS_LEFT_OUT

PLACES = Places(LINUX, LINUX_LEFT_OUT)
HOME = "/home"


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ("/etc", True),
        ("/etc/cron.d/x", True),
        ("/etcetera", False),
        ("/etc/mtab", False),
        ("/etc/cups/subscriptions.conf.O", False),
        ("/usr/lib/x86_64-linux-gnu/security/pam_unix.so", True),
        ("/usr/lib/a/b/security/x", False),
        (f"{HOME}/ewa/.ssh/authorized_keys", True),
        (f"{HOME}/ewa/.bashrc", True),
        (f"{HOME}/ewa/.bashrc/x", False),
        (f"{HOME}/ewa/dokumenty/.ssh/x", False),
        ("/etc/line\nbreak", True),
        ("/var/lib/x", False),
    ],
)
def test_a_path_is_watched_or_not(path: str, covered: bool) -> None:
    assert PLACES.covers(path) is covered


@pytest.mark.parametrize(
    ("folder", "may"),
    [("/etc/x/y", True), (HOME, True), (f"{HOME}/ewa", True), (f"{HOME}/ewa/dokumenty", False), ("/var/lib", False)],
)
def test_a_folder_may_hold_watched_paths_or_not(folder: str, may: bool) -> None:
    assert PLACES.may_hold(folder) is may


def test_places_that_are_there_are_named_once_and_links_are_not_followed(tmp_path: Path) -> None:
    for folder in ("etc/cron.d", "home/ewa/.ssh", "usr/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    places = Places([*LINUX, Place("/etc/cron.d", "")])
    assert list(places.found(tmp_path)) == ["/etc", f"{HOME}/ewa/.ssh", "/usr/bin"]


def test_windows_places_take_the_values_of_variables() -> None:
    variables = {"SystemRoot": "C:\\Windows", "SystemDrive": "C:", "Profiles": "C:\\Users"}
    made = expanded(WINDOWS, variables)
    places = Places(made, expanded(WINDOWS_LEFT_OUT, variables), any_case=True)
    assert places.covers("c:/windows/SYSTEM32/drivers/etc/hosts")
    assert places.covers("C:/Users/Żaneta/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup/x.lnk")
    assert places.covers("C:/Windows/system32/SETHC.exe")
    assert not places.covers("C:/Users/x/y")
    assert not places.covers("C:/Windows/System32/wbem/Repository/OBJECTS.DATA")
    assert not places.covers("C:/Users/x/AppData/Roaming/Microsoft/Word/STARTUP/~$a.dotm")
    missing = ("%ProgramData%", "%ProgramFiles%", "%WebRoot%")
    assert len(made) == sum(not place.pattern.startswith(missing) for place in WINDOWS)


def test_places_on_a_drive_are_found_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "C:" / "inetpub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)  # where this system has its drive C:
    assert list(Places([Place("C:/inetpub", "test"), Place("D:/x", "test")]).found()) == ["C:/inetpub"]


def test_nothing_watched_covers_nothing() -> None:
    empty = Places([])
    assert not empty.covers("/etc")
    assert not empty.may_hold("/")
    assert list(empty.found()) == []


def test_each_place_says_why() -> None:
    assert all(
        place.why and not place.pattern.endswith("/")
        for place in (*LINUX, *LINUX_LEFT_OUT, *WINDOWS, *WINDOWS_LEFT_OUT)
    )
