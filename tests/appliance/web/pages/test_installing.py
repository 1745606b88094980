"""The page that hands agents out: a command or a file with a one-use code, for administrators, written down."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.wire.sending.enrol_token import decode
from appliance.clock import now
from appliance.intake.enrolment import download_key, may_download
from appliance.packages import deb, msi
from appliance.packages.shelf import put
from appliance.state.models import EnrolToken, Operation, Role
from tests.agent.box import PEM, make_ca
from tests.appliance.web.conftest import TestBox

DEB, MSI = b"!<arch>\nthe package\0\nwith bytes", b"the installer"
SYSTEMS = ("linux", "windows")


@pytest.fixture
def ready(office: TestBox) -> Iterator[TestBox]:
    folder = office.context.home.agent_packages
    office.context.home.ca.write_bytes(make_ca()[0].public_bytes(PEM))
    for name, data in ((deb.name_of("0.0.9"), b"old"), (deb.name_of("1.0.0"), DEB), (msi.name_of("1.0.0"), MSI)):
        put(folder, name, data)
    yield office
    for path in folder.iterdir():
        path.unlink()


def command_of(text: str) -> str:
    found = re.search(r'<code class="secret">(.*?)</code>', text, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def test_without_packages_the_page_says_how_they_are_built(office: TestBox) -> None:
    admin = office.person(Role.ADMIN)
    assert "./czujka build agent" in office.ask("GET", "/stacje/instalacja", admin).text
    for path in ("/stacje/instalacja", "/stacje/instalacja/plik"):
        assert office.ask("POST", path, admin, data={"system": "windows"}).status_code == 404
    assert office.ask("GET", "/stacje/instalacja/linux", admin).status_code == 404


def test_the_command_for_linux_pins_the_package_and_has_a_code(ready: TestBox) -> None:
    admin = ready.person(Role.ADMIN)
    answer = ready.ask("POST", "/stacje/instalacja", admin, data={"system": "linux", "uses": "3", "hours": "2"})
    assert answer.status_code == 201
    command = command_of(answer.text)
    assert sha256(DEB).hexdigest() in command
    (token,) = re.findall(r"czujka1\.\S+", command)
    decode(token)
    (key,) = re.findall(r"/v1/package/(\w+)", command)
    assert key == download_key(token)
    assert decode(token).secret not in command.replace(token, ""), "who listens to the download learns no secret"
    with ready.context.sessions() as session:
        assert may_download(session, key, now())
        assert not may_download(session, key, now() + 3 * 3_600_000_000)
        assert not may_download(session, "żółw", now())
        last = session.scalars(select(Operation).order_by(Operation.id.desc())).first()
        made = session.scalars(select(EnrolToken).order_by(EnrolToken.id.desc())).first()
    assert last is not None
    assert made is not None
    assert (last.action, last.target, last.detail) == (
        "agent.handed_out",
        deb.name_of("1.0.0"),
        {"uses": 3, "hours": 2},
    )
    assert made.uses_left == 3
    assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0
    assert token not in ready.ask("GET", "/stacje/instalacja", admin).text


def test_the_command_for_windows_is_silent(ready: TestBox) -> None:
    answer = ready.ask("POST", "/stacje/instalacja", ready.person(Role.ADMIN), data={"system": "windows"})
    assert re.fullmatch(r"msiexec /i czujka-agent-1\.0\.0-x64\.msi /qn TOKEN=czujka1\.\S+", command_of(answer.text))


def test_the_script_has_the_package_and_the_code_inside(ready: TestBox, tmp_path: Path) -> None:
    answer = ready.ask("POST", "/stacje/instalacja/plik", ready.person(Role.ADMIN), data={"system": "linux"})
    assert 'filename="czujka-agent-1.0.0-instalacja.sh"' in answer.headers["content-disposition"]
    script = tmp_path / "instalacja.sh"
    script.write_bytes(answer.content)
    assert re.search(rb"echo 'czujka1\.[\w-]+' >", answer.content)
    subprocess.run(["sh", script, "--extract", tmp_path], check=True)
    assert (tmp_path / "czujka-agent.deb").read_bytes() == DEB
    script.write_bytes(answer.content[:-1] + b"x")
    assert subprocess.run(["sh", script, "--extract", tmp_path], check=False, capture_output=True).returncode != 0


def test_the_archive_has_the_installer_and_a_file_that_starts_it(ready: TestBox) -> None:
    answer = ready.ask("POST", "/stacje/instalacja/plik", ready.person(Role.ADMIN), data={"system": "windows"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("czujka-agent-1.0.0-x64.msi") == MSI
        batch = archive.read("instaluj.cmd")
    assert b'msiexec /i "%~dp0czujka-agent-1.0.0-x64.msi" /qb TOKEN=czujka1.' in batch
    assert batch.count(b"\n") == batch.count(b"\r\n")


def test_the_package_alone_has_no_code(ready: TestBox) -> None:
    assert ready.ask("GET", "/stacje/instalacja/linux", ready.person(Role.ADMIN)).content == DEB


@pytest.mark.parametrize("data", [{"system": "linux", "uses": "0"}, {"system": "linux", "hours": "9999"}])
@pytest.mark.parametrize("path", ["/stacje/instalacja", "/stacje/instalacja/plik"])
def test_bounds_are_said(ready: TestBox, path: str, data: dict[str, str]) -> None:
    answer = ready.ask("POST", path, ready.person(Role.ADMIN), data=data)
    assert answer.status_code == 422
    assert "Kodu nie utworzono" in answer.text


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_only_an_administrator_hands_agents_out(ready: TestBox, role: Role) -> None:
    assert ready.ask("POST", "/stacje/instalacja/plik", ready.person(role), data={"system": "linux"}).status_code == 403
    assert ready.ask("GET", "/stacje/instalacja", ready.person(role)).status_code == 403


def test_the_api_makes_the_same_command(ready: TestBox) -> None:
    answer = ready.ask("POST", "/api/v1/agent-installations", ready.person(Role.ADMIN), json={"system": "linux"})
    assert answer.status_code == 201
    assert answer.json()["token"] in answer.json()["command"]
    assert answer.json()["version"] == "1.0.0"
