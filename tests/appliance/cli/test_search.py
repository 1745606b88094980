"""`czujka search` against a real store behind a small TLS server."""

from __future__ import annotations

import csv
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from appliance.cli import build
from appliance.cli.exits import Exit
from appliance.cli.search import clean, line
from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.search import parse
from appliance.store import EmbeddedReader, EmbeddedStore, Measure
from appliance.store.shape import encode
from appliance.web.export import Form, every, file_of
from tests.appliance.store.conftest import NOW, Make, make

__all__ = ["make"]


MISSING: dict[str, int] = {}
"""What the box says that it lacks; empty = nothing."""
Asked = dict[str, str]
Given = dict[str, list[str]]


@pytest.fixture
def home(tmp_path: Path, make: Make) -> Iterator[Path]:
    """A state folder whose box answers /api/v1/events from a real store, over TLS with its own CA."""
    store = EmbeddedStore(tmp_path / "store", now=lambda: NOW)
    store.append(encode([make(n, message=f"Żółw {n}\x1b[2J") for n in range(700)]), [], 1)
    store.close()
    reader = EmbeddedReader(tmp_path / "store")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(reader))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_certificate(tmp_path))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    (tmp_path / "ports.json").write_text(json.dumps({"web": server.server_address[1], "gateway": 1}))
    (tmp_path / "local.token").write_text("secret")
    yield tmp_path
    server.shutdown()
    thread.join()
    server.server_close()
    reader.close()


def _handler(reader: EmbeddedReader) -> type[BaseHTTPRequestHandler]:
    def events(asked: Asked, given: Given) -> bytes:
        page = reader.search(asked.get("q", ""), limit=int(asked["limit"]), after=asked.get("after"))
        return json.dumps(
            {"items": page.events, "next": page.next, "scanned": page.scanned, "missing": MISSING or None}
        ).encode()

    def groups(asked: Asked, given: Given) -> bytes:
        measures = [Measure.parse(text) for text in given.get("measure", [])]
        found = reader.group(asked["q"], given["by"], measures, n=int(asked["n"]))
        return json.dumps(
            {"items": [asdict(row) for row in found.rows], "more": found.more, "missing": MISSING or None}
        ).encode()

    def file(asked: Asked, given: Given) -> bytes:
        form: Form = "csv" if asked["format"] == "csv" else "parquet"
        return b"".join(file_of(form, every(reader, parse(asked["q"]), None, None, int(asked["limit"])), ()))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            given = parse_qs(address.query, keep_blank_values=True)
            asked = {name: values[0] for name, values in given.items()}
            answers = {"/api/v1/events": events, "/api/v1/events/groups": groups, "/api/v1/events/export": file}
            body = answers[address.path](asked, given)
            self.send_response(200 if self.headers["Authorization"] == "Bearer secret" else 401)
            self.send_header("X-Events-Total", str(reader.count(asked.get("q", ""))))
            if MISSING:
                self.send_header("X-Events-Missing", " ".join(map(str, MISSING.values())))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            del format, args

    return Handler


def _certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "ca.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += [
        "-subj",
        "/CN=box",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    command += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def run(*arguments: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(build(["search"]), ["search", *arguments])
    return result.exit_code, result.output.splitlines()


def test_groups_as_a_table_lines_and_csv(home: Path) -> None:
    asked = ("--home", str(home), "--group-by", "host.name,event.id", "--measure", "max:@timestamp", "--limit", "2")
    code, lines = run(*asked, "żółw")
    assert code == Exit.DONE
    table = [line.split() for line in lines if not line.startswith("Pokazano 2")]
    assert table[0] == ["host.name", "event.id", "count", "max:@timestamp"]
    assert [row[0] for row in table[1:]] == ["PC-1", "PC-1"]
    assert len(lines) == 4
    code, lines = run(*asked[:4], "--limit", "500", "--format", "ndjson", '"żółw 3"')
    assert [json.loads(line)["count"] for line in lines] == [1] * 111
    code, lines = run("--home", str(home), "--group-by", "host.name", "--format", "csv")
    assert list(csv.reader(lines)) == [["host.name", "count"], ["PC-1", "700"]]
    assert run(*asked, "nothing-like-this")[0] == Exit.NO


def test_a_file_of_events(home: Path, tmp_path: Path) -> None:
    code, lines = run("--home", str(home), "--format", "csv", "--limit", "3", "żółw")
    assert code == Exit.DONE
    assert sum(line.startswith("2") for line in lines) == 3
    assert any("'@timestamp,host.name" in line for line in lines)
    assert any("3 z 700" in line for line in lines)
    file = tmp_path / "events.parquet"
    assert run("--home", str(home), "--format", "parquet", "--limit", "1000", "--output", str(file)) == (Exit.DONE, [])
    assert pq.read_table(file).num_rows == 700


@pytest.mark.parametrize(
    "wrong",
    [
        ["--measure", "sum:x"],
        ["--output", "x"],
        ["--output", "x", "--format", "ndjson"],
        ["--format", "xlsx"],
        ["--group-by", "host.name", "--format", "parquet"],
    ],
)
def test_options_that_do_not_go_together(home: Path, wrong: list[str]) -> None:
    assert run("--home", str(home), *wrong)[0] == Exit.USAGE


def test_ndjson_pages_through_everything(home: Path) -> None:
    code, lines = run("--home", str(home), "--format", "ndjson", "--limit", "600", "żółw")
    events: list[Event] = [json.loads(one) for one in lines]
    assert code == Exit.DONE
    assert [event["@timestamp"] for event in events] == [NOW + n for n in range(699, 99, -1)]


def test_table_shows_no_control_characters(home: Path) -> None:
    code, lines = run("--home", str(home), "--limit", "1", '"żółw 3"')
    assert code == Exit.DONE
    assert len(lines) == 1
    assert "Żółw 399\ufffd[2J" in lines[0]
    assert "PC-1" in lines[0]


def test_nothing_found_is_the_answer_no(home: Path) -> None:
    assert run("--home", str(home), "nothing-like-this") == (Exit.NO, [])


def test_no_box_is_said(tmp_path: Path) -> None:
    code, lines = run("--home", str(tmp_path), "x")
    assert code == Exit.UNREACHABLE
    assert "./czujka up" in "".join(lines)


def test_wrong_usage() -> None:
    assert run("--limit", "0", "x")[0] == Exit.USAGE


def test_text_that_turns_the_reading_direction_is_made_visible() -> None:
    assert clean("a\u202eb") == "a\ufffdb"
    assert line({"@timestamp": 0}).startswith("01.01.1970, 01:00:00,000")


@pytest.mark.parametrize("form", [(), ("--group-by", "host.name"), ("--format", "csv")])
def test_what_is_damaged_is_said_once_beside_every_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    for name, value in {"segments": 2, "events": 1234, "start": NOW, "end": NOW + DAY}.items():
        monkeypatch.setitem(MISSING, name, value)
    code, lines = run("--home", str(home), "--limit", "700", *form)
    assert code == Exit.DONE
    said = [line.replace("\u00a0", " ").replace("\u202f", " ") for line in lines if "Uszkodzone pliki" in line]
    assert len(said) == 1
    assert said[0].startswith("Uszkodzone pliki magazynu: 2. Brakujące zdarzenia: 1234, od ")
