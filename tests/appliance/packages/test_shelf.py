"""The shelf of packages: the latest of each kind, signatures beside them; the commands that fill and use it."""

from __future__ import annotations

from pathlib import Path
from uuid import NAMESPACE_DNS

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from appliance.cli.build_ import app as building
from appliance.cli.exits import Exit
from appliance.cli.rollout import app as rolling_out
from appliance.home import Home
from appliance.packages import deb, update
from appliance.packages.shelf import Kind, latest, packages, put, signing_key
from appliance.packages.summary import BadSummary, settle
from appliance.packages.wheels import PackageError
from appliance.state.models import Agent
from appliance.state.updates import WentBack


def pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_the_latest_is_by_number_and_other_files_are_none(tmp_path: Path) -> None:
    for name in (deb.name_of("1.9.0"), deb.name_of("1.10.0"), update.name_of("1.2.0"), "czujka-agent_x_amd64.deb", "a"):
        put(tmp_path, name, name.encode())
    found = latest(tmp_path, Kind.DEB)
    assert found is not None
    assert found.version == "1.10.0"
    assert latest(tmp_path, Kind.MSI) is None
    assert len(packages(tmp_path)) == 3
    assert packages(tmp_path / "nowhere") == []


def test_a_signature_lies_beside_and_is_of_the_bytes(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(pem(key))
    path = put(tmp_path / "out", deb.name_of(), b"the package", signing_key(tmp_path / "key.pem"))
    key.public_key().verify(path.with_name(f"{path.name}.sig").read_bytes(), path.read_bytes())
    put(tmp_path / "out", deb.name_of(), b"made again without a key")
    assert [one.name for one in (tmp_path / "out").iterdir()] == [path.name], "a signature of other bytes"


@pytest.mark.parametrize("content", [b"no key", pem(ec.generate_private_key(ec.SECP256R1()))])
def test_a_key_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(PackageError, match=r"key\.pem"):
        signing_key(tmp_path / "key.pem")


def test_building_without_the_wheels_says_which_and_makes_nothing(home: Home, tmp_path: Path) -> None:
    command = CliRunner()
    options = ["agent", "--home", str(home.root), "--wheelhouse", str(tmp_path)]
    done = command.invoke(building, options)
    assert done.exit_code == Exit.LACKING
    assert "psutil-" in done.output
    assert packages(home.agent_packages) == []
    assert command.invoke(building, [*options, "--code-key", "k.pem"]).exit_code == Exit.USAGE


def test_building_the_sensor_without_its_wheels_says_which_and_makes_nothing(home: Home, tmp_path: Path) -> None:
    options = ["collector", "--home", str(home.root), "--wheelhouse", str(tmp_path)]
    done = CliRunner().invoke(building, options)
    assert done.exit_code == Exit.LACKING
    assert "numpy-" in done.output
    assert not home.agent_packages.exists()


def test_rolling_out_by_the_command_line(home: Home) -> None:

    def said(*words: str, code: Exit = Exit.DONE) -> str:
        done = CliRunner().invoke(rolling_out, [*words, "--home", str(home.root)])
        assert done.exit_code == code, done.output
        return done.output

    assert "./czujka build agent" in said("start", code=Exit.NO)
    put(home.agent_packages, update.name_of("2.0.0"), b"x")
    assert "Wersja 2.0.0: trwa, 5% stacji" in said("start")
    assert "25% stacji" in said("promote")
    assert "zatrzymane, 25% stacji" in said("stop")
    with Session(create_engine(f"sqlite:///{home.state}")) as session, session.begin():
        session.add(
            Agent(id="a", hostname="pc-1\x1b[2J", version="1.0.0", certificate="0", expires_at=1, enrolled_at=0)
        )
        session.add(WentBack(agent_id="a", version="2.0.0", reason="crashed", at=1))
    told = said("status")
    assert "zatrzymane" in told
    assert told.count("wróciła 1") == 1
    assert "wróciła: pc-1�[2J (kończyła się sama)" in told
    assert "rollout resume" in said("promote", code=Exit.NO)
    assert "trwa, 25% stacji" in said("resume")
    assert "zakończone" in said("end")
    assert "tylko późniejszą" in said("resume", code=Exit.NO)


def test_what_has_no_summary_is_no_msi() -> None:
    with pytest.raises(BadSummary):
        settle(b"\xd0\xcf\x11\xe0" + bytes(600), NAMESPACE_DNS)
