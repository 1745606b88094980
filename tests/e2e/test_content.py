"""Rules change under a running box: releases taken and given up, the office's own, what fails, exceptions."""

from __future__ import annotations

import mailbox
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from agent.wire.event import Record
from appliance.alerts.service import Actor
from appliance.clock import DAY, now
from appliance.rulesets import exceptions
from appliance.state.database import open_sessions, open_state, writing
from tests.appliance.rulesets import kit
from tests.e2e.box import Box, Sender, wait_for

RULE = kit.rule_text(1, image="/strange")


@pytest.fixture(scope="module")
def sender(box: Box) -> Iterator[Sender]:
    made = box.sender()
    yield made
    made.close()


def record(number: int, host: str, user: str = "www-data") -> Record:
    return {
        "event.module": "linux.audit",
        "event.category": "process",
        "event.action": "exec",
        "audit.type": "EXECVE",
        "@timestamp": now() - number,
        "host.name": host,
        "user.name": user,
        "process.pid": number,
        "process.executable": "/opt/strange",
        "process.command_line": f"/opt/strange {number}",
    }


def rules(box: Box) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in box.get("rules")["items"]}


def pipeline(box: Box) -> dict[str, Any]:
    roles = {role["role"]: role["detail"] for role in box.get("status")["roles"]}
    detail: dict[str, Any] = roles["pipeline"]
    return detail


def alerts(box: Box, host: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = box.get("alerts", host=host, limit=50)["items"]
    return found


def reloaded(box: Box, since: int) -> bool:
    return bool(pipeline(box)["rules_reloaded"] > since)


def changed(box: Box, since: int) -> None:
    """Wait until the pipeline has other rules than it had at `since` reloads."""
    wait_for("the pipeline has the new rules", lambda: reloaded(box, since), 60)


def test_own_rules_come_break_and_go_while_events_flow(box: Box, sender: Sender) -> None:
    assert rules(box)
    file = box.home.rules / "own.yml"
    since = pipeline(box)["rules_reloaded"]
    file.write_text(RULE)
    changed(box, since)
    sender.send("own-1", [record(1, "own-1")])
    wait_for("the new rule finds", lambda: alerts(box, "own-1"))
    assert alerts(box, "own-1")[0]["rule_author"] == "Ala"
    wait_for("the console has it", lambda: kit.uuid(1) in rules(box))
    assert rules(box)[kit.uuid(1)]["origin"] == "office"
    file.write_text(RULE.replace("endswith", "endswiht"))
    changed(box, since + 1)
    sender.send("own-2", [record(2, "own-2")])
    wait_for("the rule works in its former wording", lambda: alerts(box, "own-2"))
    wait_for("the fault is told", lambda: [f["line"] for f in box.get("rules")["faults"]] == [11])
    (box.home.policy).write_text("min_level: loud\n")
    wait_for("the policy's fault is told", lambda: "policy.yaml:1" in pipeline(box)["rules_refused"], 60)
    sender.send("own-3", [record(3, "own-3")])
    wait_for("what was on is on", lambda: alerts(box, "own-3"))
    box.home.policy.unlink()
    file.write_text(RULE)
    wait_for("all is well", lambda: pipeline(box)["rules_refused"] == "" and pipeline(box)["rule_faults"] == 0, 60)


def test_a_release_is_taken_and_given_up_without_losing_an_event(box: Box, sender: Sender, tmp_path: Path) -> None:
    first = {f"rules/{n}.yml": kit.rule_text(n, image="/strange") for n in (21, 22)}
    second = first | {
        "rules/22.yml": kit.rule_text(22, image="/other"),
        "rules/23.yml": kit.rule_text(23, image="/strange"),
    }
    before = box.get("events/count", q="host.name:flow-*")["count"]
    since = pipeline(box)["rules_reloaded"]
    done = box.run("rules", "import", str(kit.write(tmp_path / "one", first)), "--yes")
    assert done.returncode == 0, done.stderr
    sent = 0
    while not reloaded(box, since):
        sender.send(f"flow-{sent}", [record(1000 + sent * 50 + n, f"flow-{sent}") for n in range(50)])
        sent += 1
    done = box.run("rules", "import", str(kit.zipped(tmp_path / "two.zip", second)), "--yes")
    assert "nowe: 1, zmienione: 1, usunięte: 0, teraz z błędem: 0, bez zmian: 1" in done.stdout
    wait_for("the new rule is in force", lambda: kit.uuid(23) in rules(box))
    done = box.run("rules", "rollback")
    assert done.returncode == 0, done.stderr
    wait_for("it is gone", lambda: kit.uuid(23) not in rules(box))
    assert "obowiązuje" in box.run("rules", "sets").stdout
    wait_for("nothing is lost", lambda: box.get("events/count", q="host.name:flow-*")["count"] == before + sent * 50)
    changed(box, since + 2)
    sender.send("back", [record(9, "back")])
    wait_for(
        "the rules of the first release find",
        lambda: {kit.uuid(21), kit.uuid(22)} <= {a["rule_id"] for a in alerts(box, "back")},
    )
    operations = [one["action"] for one in box.get("operations", limit=50)["items"]]
    assert operations.count("rules.imported") == 2
    assert operations.count("rules.rolled_back") == 1


def test_a_bad_release_changes_nothing_and_says_where(box: Box, tmp_path: Path) -> None:
    path = kit.zipped(tmp_path / "bad.zip", {"../../etc/cron.d/x": "x", "rules/a.yml": RULE})
    done = box.run("rules", "import", str(path), "--yes")
    assert done.returncode == 1
    assert "../../etc/cron.d/x:1:" in done.stdout
    assert "Traceback" not in done.stderr
    asked = box.run("rules", "import", str(kit.zipped(tmp_path / "good.zip", {"rules/a.yml": kit.rule_text(31)})))
    assert asked.returncode == 1
    assert "--yes" in asked.stderr
    assert kit.uuid(31) not in rules(box)


def test_an_exception_hides_only_what_it_says_and_only_for_its_time(box: Box, sender: Sender) -> None:
    assert kit.uuid(1) in rules(box)
    done = box.run(
        "exceptions", "propose", kit.uuid(1), "user.name=www-data", "host.name|startswith=quiet", "--reason", "EZD"
    )
    assert done.returncode == 0, done.stderr
    number = box.get("exceptions")["items"][0]["id"]
    with box.api() as client:
        refused = client.post(f"exceptions/{number}/approve")
        wide = client.post("exceptions", json={
            "rule_id": kit.uuid(1), "conditions": [{"field": "process.command_line", "how": "contains", "value": "*"}],
            "reason": "x", "expires_at": now() + DAY})  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (409, "exception_person")
    assert (wide.status_code, wide.json()["code"]) == (422, "exception_short_value")
    sender.send("quiet-0", [record(40, "quiet-0")])
    wait_for("a proposal hides nothing", lambda: alerts(box, "quiet-0"))
    since = pipeline(box)["rules_reloaded"]
    agree(box, number)
    changed(box, since)
    sender.send("quiet-1", [record(41, "quiet-1"), record(42, "quiet-1", "root"), record(43, "loud-1")])
    wait_for("what it does not say is found", lambda: alerts(box, "loud-1") and alerts(box, "quiet-1"))
    assert {alert["user"] for alert in alerts(box, "quiet-1") if alert["rule_id"] == kit.uuid(1)} == {"root"}
    done = box.run("exceptions", "withdraw", str(number))
    assert "cofnięty" in done.stdout
    changed(box, since + 1)
    sender.send("quiet-2", [record(44, "quiet-2")])
    wait_for("it is found again", lambda: [a for a in alerts(box, "quiet-2") if a["rule_id"] == kit.uuid(1)])


def hunts(box: Box, origin: str) -> list[dict[str, Any]]:
    return [one for one in box.get("hunts", limit=50)["items"] if one["origin"] == origin]


def test_rules_look_through_the_past_when_told_and_by_themselves(box: Box, sender: Sender, tmp_path: Path) -> None:
    sender.send("past", [record(60 + n, f"past-{n}") for n in range(3)])
    wait_for("the events are stored", lambda: box.get("events/count", q="host.name:past-*")["count"] == 3)
    file = box.home.rules / "later.yml"
    file.write_text(kit.rule_text(42, image="/strange", title="Later"))
    wait_for("the console has the rule", lambda: kit.uuid(42) in rules(box))
    begun = now()
    done = box.run("hunt", "--record", "--rules", str(file), "--from", "2020-01-01T00:00:00Z")
    assert done.returncode == 0, done.stderr
    (asked,) = hunts(box, "person")
    assert f"nr {asked['id']}" in done.stdout
    wait_for("the hunt is over", lambda: hunts(box, "person")[0]["state"] == "done", 60)

    def followed() -> set[int]:
        """The hunts that the box has asked for by itself, once these have looked with all rules that came."""
        own = [box.get(f"hunts/{one['id']}") for one in hunts(box, "change")]
        known = {rule for one in own if one["state"] == "done" for rule in one["rule_ids"]}
        return {one["id"] for one in own} if {kit.uuid(1), kit.uuid(42)} <= known else set()

    own = wait_for("rules that came have looked by themselves", followed, 60)
    found = [one for n in range(3) for one in alerts(box, f"past-{n}") if one["rule_id"] == kit.uuid(42)]
    assert sorted(one["host"] for one in found) == ["past-0", "past-1", "past-2"], "nothing is found twice"
    assert {one["hunt"] for one in found} <= {asked["id"], *own}
    assert all(one["first_event_at"] < begun <= one["created_at"] for one in found)
    entries = box.get(f"alerts/{found[0]['id']}/history")
    assert [(one["action"], one["detail"]) for one in entries] == [("created", {"hunt": found[0]["hunt"]})]
    wait_for("a message says it", lambda: letters(box, "Later"))
    told = [one for one in box.get("hunts", limit=50)["items"] if "Later" in one["name"] and one["alerts"]]
    assert len(letters(box, "Later")) == len(told)
    assert box.get(f"alerts/{found[0]['id']}/deliveries") == []
    actions = [one["action"] for one in box.get("operations", limit=100)["items"]]
    assert {"hunt.asked", "hunt.ended"} <= set(actions)


def letters(box: Box, word: str) -> list[str]:
    """The subjects of the box's mail about hunts with a word."""
    with closing(mailbox.Maildir(box.home.mailbox, create=False)) as found:
        subjects = [str(make_header(decode_header(one["Subject"]))) for one in found]
    return [one for one in subjects if one.startswith("Znaleziono później") and word in one]


def test_a_hold_is_set_and_lifted_from_the_terminal(box: Box) -> None:
    done = box.run("hold", "add", "--reason", "DK.7", "--from", "2026-11-01T00:00:00Z", "--to", "2026-11-02T00:00:00Z")
    assert done.returncode == 0, done.stderr
    assert "obowiązuje" in done.stdout
    (one,) = box.get("holds")["items"]
    assert (one["reason"], one["who"], one["in_force"]) == ("DK.7", "token:local", True)
    assert box.run("hold", "lift", str(one["id"])).returncode == 0
    again = box.run("hold", "lift", str(one["id"]))
    assert (again.returncode, "nie obowiązuje" in again.stderr) == (1, True)
    assert "nie obowiązuje" in box.run("hold", "list").stdout
    assert box.run("hold", "add", "--reason", "x").returncode == 1


def agree(box: Box, number: int) -> None:
    """Let a person agree, as the console does."""
    engine = open_state(f"sqlite:///{box.home.state}")
    with writing(open_sessions(engine)) as session:
        exceptions.approve(session, number, Actor("ola", 1), now())
    engine.dispose()


@pytest.mark.corpora
def test_sigmahq_is_taken_as_folder_and_as_zip(box: Box, corpora: Path, tmp_path: Path) -> None:
    folder = corpora / "sigmahq"
    began = time.monotonic()
    done = box.run("rules", "import", str(folder), "--name", "Sigma HQ", "--yes", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"folder: {time.monotonic() - began:.1f} s", *done.stdout.splitlines()[-24:-20], sep="\n")
    taken = next(one for one in box.get("rulesets") if one["name"] == "Sigma HQ")
    assert taken["rules"] > 3700
    assert taken["licence"] == "Detection Rule License 1.1"
    wait_for("the box has them", lambda: pipeline(box)["rules"] > 3700, 120)
    copy = tmp_path / "copy" / "sigma-next"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("regression_data"))
    changes = sorted((copy / "rules" / "linux").rglob("*.yml"))[:3]
    for path in changes:
        path.chmod(0o644)
    changes[0].unlink()
    changes[1].write_text(changes[1].read_text() + "\n# changed\n")
    changes[2].write_text(changes[2].read_text().replace("detection:", "detektion:"))
    (copy / "rules" / "linux" / "new.yml").write_text(kit.rule_text(50))
    packed = Path(shutil.make_archive(str(tmp_path / "next"), "zip", tmp_path / "copy"))
    began = time.monotonic()
    done = box.run("rules", "import", str(packed), "--name", "Sigma HQ", "--yes", timeout=300)
    print(f"zip: {time.monotonic() - began:.1f} s", *done.stdout.splitlines()[-10:], sep="\n")
    assert "nowe: 1, zmienione: 1, usunięte: 1, teraz z błędem: 1" in done.stdout
    wait_for("the new release is in force", lambda: kit.uuid(50) in rules(box), 120)
    assert box.run("rules", "rollback", "--name", "Sigma HQ").returncode == 0
    wait_for("the first one is back", lambda: kit.uuid(50) not in rules(box), 120)
    still = box.get("rules/" + next(one for one, rule in rules(box).items() if rule["release"].startswith("Sigma HQ")))
    assert still["author"]
    assert still["licence"] == "Detection Rule License 1.1"
