"""A version is taken when this box signed it, for this station, whole, and the agent's own; else nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import __version__
from agent.update import fetch, files
from agent.update.state import State
from agent.wire.sending.home import AgentHome, Identity
from agent.wire.transport import Box, RetryLater, client_context
from agent.wire.update import BadManifest, Manifest, parse, place
from appliance.packages.archive import Entry, zipped
from appliance.pki import Authority
from tests.agent.box import FakeBox, make_ca
from tests.agent.update.offer import AGENT, Offer, package

NEW = "99.1.0"
DATA = package(NEW)


class Station:
    """An enrolled agent's folder and its connection to a box that offers a version."""

    def __init__(self, folder: Path, server: FakeBox) -> None:
        self.home = AgentHome(folder / "home")
        self.home.create()
        self.home.ca.write_bytes(server.ca_pem)
        self.home.save_identity(Identity(AGENT, (server.url,), 1, 2))
        self.box = Box([server.url], client_context(self.home.ca, *server.client_files()))
        self.offer = Offer(server, NEW, DATA)

    def take(self) -> bool:
        return fetch.take(self.box, self.home, NEW)

    @property
    def state(self) -> State:
        return files.load(self.home.folder)

    def versions(self) -> list[str]:
        return sorted(path.name for path in files.versions(self.home.folder).iterdir())


@pytest.fixture
def station(tmp_path: Path, server: FakeBox) -> Iterator[Station]:
    made = Station(tmp_path, server)
    yield made
    made.box.close()


def test_a_version_is_put_on_trial_beside_the_running_one(station: Station) -> None:
    former = files.versions(station.home.folder) / "1.0.0"
    former.mkdir(parents=True)
    older = files.versions(station.home.folder) / "0.9.0"
    older.mkdir()
    files.save(station.home.folder, State("1.0.0"))
    assert station.take()
    assert station.state == State("1.0.0", NEW)
    assert station.versions() == ["1.0.0", NEW]
    assert (files.versions(station.home.folder) / NEW / "agent" / "__main__.py").read_bytes().startswith(b'"""')
    assert len(station.offer.asked) == 2 + len(DATA) // (32 << 10)
    assert not station.take(), "not twice"


def _manifest(**changed: object) -> Callable[[Offer], None]:
    def change(offer: Offer) -> None:
        offer.manifest = Manifest(**{**offer.manifest._asdict(), **changed})

    return change


def _tampered(offer: Offer) -> None:
    offer.data = offer.data[:-1] + b"x"


def _of_another_box(offer: Offer) -> None:
    certificate, key = make_ca()
    offer.authority = Authority(key, certificate)


def _of_an_unsigned_key(offer: Offer) -> None:
    honest, other = offer.answer, Ed25519PrivateKey.generate()

    def answer(asked: dict[str, object]) -> dict[str, object]:
        good = honest(asked)
        return {**good, "key": other.public_key().public_bytes_raw().hex()} if "key" in good else good

    offer.box.answers["/v1/update"] = answer


@pytest.mark.parametrize(
    "wrong",
    [
        _tampered,
        _of_another_box,
        _of_an_unsigned_key,
        _manifest(ring=place(AGENT, NEW)),
        _manifest(version="99.2.0"),
        _manifest(not_before=1 << 60),
        _manifest(sha256="x"),
    ],
)
def test_what_is_wrong_is_not_taken(station: Station, wrong: Callable[[Offer], None]) -> None:
    wrong(station.offer)
    assert not station.take()
    assert station.state == State()
    assert not files.versions(station.home.folder).exists()


@pytest.mark.parametrize(
    "data",
    [
        b"no zip at all",
        DATA[: len(DATA) // 2],
        DATA.replace(DATA[5000:5040], b"\0" * 40),
        package("99.1.1"),
        zipped([Entry("agent/__init__.py", b'__version__ = "99.1.0"\n'), Entry("agent/../../out.py", b"")]),
        zipped([Entry("other/one.py", b"")]),
        zipped([Entry(f"agent/m{number}.py", b"") for number in range(fetch.MAX_FILES + 1)]),
        zipped([Entry("agent/a.py", b"\0" * (fetch.MAX_UNPACKED + 1))]),
    ],
    ids=["no zip", "half", "damaged", "another version", "outside", "not the agent's", "many files", "a bomb"],
)
def test_a_package_that_is_none_gets_no_folder(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "home" / "versions"
    folder.parent.mkdir()
    with pytest.raises(fetch.NoUpdate):
        fetch.unpack(data, Manifest(NEW, "0" * 64, len(data), 100, 0), folder, keep=set())
    assert not (folder / NEW).exists()
    assert not list(tmp_path.rglob("out.py"))


def test_a_version_that_was_no_good_and_an_older_one_are_not_asked_for(station: Station) -> None:
    files.save(station.home.folder, State(failed=NEW, reason="crashed"))
    assert not station.take()
    assert not fetch.take(station.box, station.home, __version__)
    assert not station.offer.asked


def test_a_transfer_that_breaks_off_is_tried_again(station: Station) -> None:
    whole, station.offer.data = station.offer.data, station.offer.data[:40_000]
    with pytest.raises(RetryLater, match="missing"):
        station.take()
    station.offer.data = whole
    assert station.take()


@pytest.mark.parametrize("statement", [None, "", "{}", "[]", "x" * 5000, '{"version":1}', "[" * 500])
def test_what_is_no_statement_is_refused(statement: object) -> None:
    with pytest.raises(BadManifest):
        parse(statement)


@pytest.mark.parametrize(("field", "value"), [("size", 0), ("size", 9 << 20), ("ring", 101), ("ring", True)])
def test_a_statement_past_its_bounds_is_refused(field: str, value: object) -> None:
    good = Manifest(NEW, "0" * 64, 5, 25, 0)
    assert parse(good.statement()) == good
    with pytest.raises(BadManifest):
        parse(Manifest(**{**good._asdict(), field: value}).statement())


def test_a_ring_has_its_share_of_stations_and_each_version_others() -> None:
    stations = [f"00000000-0000-4000-8000-{number:012x}" for number in range(4000)]
    first = {one for one in stations if place(one, "1.0.0") < 25}
    second = {one for one in stations if place(one, "1.0.1") < 25}
    assert 0.22 < len(first) / len(stations) < 0.28
    assert 0.18 < len(first & second) / len(first) < 0.32
