"""Rounds of the chain: what is new anywhere becomes entries, in order, once."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from appliance.clock import DAY, MINUTE
from appliance.evidence.check import told
from appliance.evidence.keeper import Keeper
from appliance.evidence.keys import ensure_key, key_file, load_key
from appliance.evidence.ledger import EvidenceBusy, Ledger
from appliance.pki import PkiError
from appliance.settings import Mail, Settings, Webhook
from appliance.state.database import writing
from appliance.state.models import AlertHistory, Operation
from appliance.store import Keeping
from appliance.store.compaction import FAN_IN
from appliance.store.writer import GRACE
from tests.appliance.evidence.conftest import Box


def test_a_first_round_begins_the_chain_and_a_second_adds_nothing(box: Box) -> None:
    box.append(5)
    box.alert(box.append(3))
    added = box.keeper.round()
    kinds = ["key", "configuration", "alert", "decision", "decision", "alert_events", "operation"]
    assert box.kinds() == [*kinds, "segment", "segment"]
    assert added == len(kinds) + 1
    assert box.keeper.round() == 0
    assert box.faults(events=True) == []


def test_rows_are_carried_in_order_and_once(box: Box) -> None:
    for part in (range(700), range(700, 2500)):
        with writing(box.sessions) as session:
            session.add_all(Operation(at=n, who="anna", action=f"a{n}", detail={"n": n}) for n in part)
        box.keeper.round()
    with Ledger(box.home.evidence) as ledger:
        assert [entry["payload"]["action"] for entry in ledger.of_kind("operation")] == [f"a{n}" for n in range(2500)]


def test_a_restored_state_database_is_said_and_carried_on_from(box: Box) -> None:
    box.alert([])
    box.alert([])
    box.keeper.round()
    with writing(box.sessions) as session:
        session.execute(delete(Operation).where(Operation.id == 2))
    box.keeper.round()
    with Ledger(box.home.evidence) as ledger:
        said = [entry["payload"] for entry in ledger.of_kind("went_back")]
    assert said == [{"carried": 2, "kept": 1, "newest": 1, "table": "operation"}]
    box.alert([])
    box.keeper.round()
    assert box.kinds().count("operation") == 3


def act(box: Box, *names: str) -> None:
    with writing(box.sessions) as session:
        session.add_all(Operation(at=box.now, who="anna", action=name, target="", detail={}) for name in names)


def copied(box: Box, path: Path, *, back: bool = False) -> None:
    """Make a backup of the state database, or put it back."""
    with closing(sqlite3.connect(box.home.state)) as state, closing(sqlite3.connect(path)) as kept:
        (kept if back else state).backup(state if back else kept)


@pytest.mark.parametrize("later", [0, 1, 3, 5])
def test_a_restored_state_database_that_has_new_rows_is_said_and_carried(box: Box, tmp_path: Path, later: int) -> None:
    """Also when as many rows or more came after than were lost: their ids were carried before with other words."""
    box.alert(box.append(3))
    act(box, "a", "b")
    box.keeper.round()
    copied(box, tmp_path / "backup.db")
    box.alert(box.append(2))
    act(box, "lost-1", "lost-2")
    box.keeper.round()
    copied(box, tmp_path / "backup.db", back=True)
    act(box, *(f"new-{n}" for n in range(later)))
    box.keeper.round()
    with Ledger(box.home.evidence) as ledger:
        said = {entry["payload"]["table"]: entry["payload"] for entry in ledger.of_kind("went_back")}
        actions = [entry["payload"]["action"] for entry in ledger.of_kind("operation")]
    assert said["operation"] == {"carried": 6, "kept": 3, "newest": 3 + later, "table": "operation"}
    assert said["alert_history"] == {"carried": 6, "kept": 3, "newest": 3, "table": "alert_history"}
    assert said["alert_event"]["kept"] == 3
    assert actions[6:] == [f"new-{n}" for n in range(later)]
    found = box.check()
    assert [str(fault) for fault in found.faults] == []
    assert any("Bazę stanu cofnięto" in line and "operation" in line for line in told(found, "pl"))
    box.keeper.round()
    act(box, "after")
    box.keeper.round()
    assert box.kinds().count("went_back") == 3
    with writing(box.sessions) as session:
        session.execute(update(Operation).where(Operation.action == "after").values(who="jan"))
    assert len(box.faults()) == 1


def test_merged_segments_are_proved_to_have_the_same_events(box: Box) -> None:
    for _ in range(FAN_IN - 1):
        box.append(300, odd=("a", 1, 2.5))
    box.keeper.round()
    box.append(300)
    assert box.store.compact(60) == 1
    box.keeper.round()
    with Ledger(box.home.evidence) as ledger:
        (merged,) = (entry["payload"] for entry in ledger.of_kind("replaced"))
        assert list(ledger.live()) == [merged["new"]]
    assert [old["rows"] for old in merged["old"]] == [300] * (FAN_IN - 1)
    assert merged["added"] == 300
    assert box.faults(events=True) == []
    assert box.check(events=True).rows == 300 * FAN_IN


def test_merges_of_merges_are_proved_back_to_the_first_seal(box: Box) -> None:
    for _ in range(FAN_IN):
        for _ in range(FAN_IN):
            box.append(20)
        box.keeper.round()
        box.store.compact(60)
        box.now += GRACE + 1
        box.store.compact(60)
        box.keeper.round()
    assert box.kinds().count("replaced") >= FAN_IN
    assert box.faults(events=True) == []


def test_a_merge_that_was_missed_is_still_proved(box: Box) -> None:
    for _ in range(FAN_IN):
        box.append(10)
    box.keeper.round()
    box.store.compact(60)
    box.now += GRACE + 1
    box.store.compact(60)
    assert len(list(box.home.store.glob("*.parquet"))) == 1
    box.keeper.round()
    assert box.kinds().count("replaced") == 1
    assert "lost" not in box.kinds()


def test_merges_of_merges_between_two_rounds_are_proved(box: Box) -> None:
    box.append(25, odd=("a", 1))
    box.append(15)
    box.keeper.round()
    for _ in range(FAN_IN * FAN_IN):
        box.append(20)
        box.store.compact(60)
    box.now += GRACE + 1
    box.store.compact(60)
    box.keeper.round()
    with Ledger(box.home.evidence) as ledger:
        (merged,) = (entry["payload"] for entry in ledger.of_kind("replaced"))
    assert sorted(old["rows"] for old in merged["old"]) == [15, 25]
    assert "lost" not in box.kinds()
    assert box.faults(events=True) == []


def test_what_was_merged_and_deleted_between_two_rounds_is_a_deletion(box: Box) -> None:
    for _ in range(FAN_IN):
        box.append(10)
    box.keeper.round()
    assert box.store.compact(60)
    box.now += 40 * DAY
    box.store.retain(Keeping({"ordinary": 30}))
    box.keeper.round()
    with Ledger(box.home.evidence) as ledger:
        (said,) = (entry["payload"] for entry in ledger.of_kind("deletion"))
    assert (said["rows"], len(said["files"])) == (10 * FAN_IN, FAN_IN)
    assert "lost" not in box.kinds()
    assert box.faults(events=True) == []


def test_a_merge_whose_record_does_not_fit_proves_nothing(box: Box) -> None:
    for _ in range(FAN_IN):
        box.append(10)
    box.keeper.round()
    assert box.store.compact(60)
    with closing(sqlite3.connect(box.home.store / "manifest.db")) as manifest:
        manifest.execute("UPDATE merge SET members = x'789c030000000001'")
        manifest.commit()
    box.keeper.round()
    assert box.kinds().count("lost") == FAN_IN
    assert len(box.faults()) == FAN_IN


def test_a_segment_waits_for_its_digest_and_nothing_is_lost_meanwhile(box: Box) -> None:
    box.append(10)
    box.keeper.round()
    with closing(sqlite3.connect(box.home.store / "manifest.db")) as manifest:
        manifest.execute("UPDATE segment SET events = NULL")
        manifest.commit()
    for _ in range(FAN_IN - 1):
        box.append(10)
    assert box.store.compact(60)
    with closing(sqlite3.connect(box.home.store / "manifest.db")) as manifest:
        manifest.execute("UPDATE segment SET events = NULL")
        manifest.commit()
    before = box.kinds()
    box.keeper.round()
    assert box.kinds() == before
    assert box.store.describe(0) == 1
    box.keeper.round()
    assert box.kinds() == [*before, "segment", "replaced"]
    assert box.faults(events=True) == []


def test_what_the_store_has_not_described_is_read_where_the_whole_is_wanted(box: Box) -> None:
    box.append(10)
    with closing(sqlite3.connect(box.home.store / "manifest.db")) as manifest:
        manifest.execute("UPDATE segment SET events = NULL")
        manifest.commit()
    box.keeper.round()
    assert "segment" not in box.kinds()
    box.keeper.round(whole=True)
    assert box.kinds()[-1] == "segment"
    assert box.check(events=True).rows == 10
    assert box.faults(events=True) == []


def test_sealing_needs_no_arrow(box: Box) -> None:
    """Half of the memory of the process that seals would be Arrow's."""
    box.append(10)
    program = (
        "import sys; from pathlib import Path; from appliance.evidence.keeper import Keeper;"
        " from appliance.home import Home; from appliance.settings import Settings;"
        " from appliance.state.database import open_sessions, open_state;"
        " import appliance.roles.jobs; home, settings = Home(Path(sys.argv[1])), Settings();"
        " made = Keeper(home, settings, open_sessions(open_state(settings.database(home)))).round();"
        " print(made, [name for name in ('pyarrow', 'numpy', 'duckdb') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(box.home.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": "."})
    assert done.stdout == "2 []\n"
    assert box.kinds()[-1] == "segment"


def test_retention_is_in_the_chain_with_its_reason_and_files(box: Box) -> None:
    box.append(5)
    box.append(6)
    box.keeper.round()
    box.now += 40 * DAY
    box.append(7)
    box.store.retain(Keeping({"ordinary": 30}))
    box.keeper.round()
    with Ledger(box.home.evidence) as ledger:
        (said,) = (entry["payload"] for entry in ledger.of_kind("deletion"))
    assert (said["reason"], said["class"], said["rows"]) == ("age", "ordinary", 11)
    assert [one["rows"] for one in said["files"]] == [5, 6]
    assert box.faults(events=True) == []


def test_a_file_name_is_not_used_again(box: Box) -> None:
    box.append(5)
    box.keeper.round()
    box.now += 40 * DAY
    box.store.retain(Keeping({"ordinary": 30}))
    box.now += GRACE + 1
    box.store.retain(Keeping({"ordinary": 30}))
    box.store.close()
    again = Box(box.home, box.sessions, box.settings, box.now, box.made)
    again.append(9)
    assert [path.name for path in box.home.store.glob("*.parquet")] == ["0000000002.parquet"]
    again.keeper.round()
    assert again.kinds().count("segment") == 2
    assert again.faults(events=True) == []
    again.store.close()


def test_events_that_vanish_without_a_deletion_are_told(box: Box) -> None:
    box.append(5)
    box.keeper.round()
    with closing(sqlite3.connect(box.home.store / "manifest.db")) as manifest:
        manifest.execute("DELETE FROM segment")
        manifest.commit()
    (box.home.store / "0000000001.parquet").unlink()
    assert box.faults() == []
    assert box.check().waiting == 1
    box.keeper.round()
    assert box.kinds()[-1] == "lost"
    assert "5 zdarzeń zniknęło" in box.faults()[0]


def test_changes_of_settings_and_rules_are_entries_without_secrets(box: Box) -> None:
    box.keeper.round()
    box.home.config.write_text("# changed\n")
    box.home.policy.write_text("off: []\n")
    secret = Mail(password="tajne", host="m")
    hook = Webhook(url="https://hook.example/tajne")
    changed = Settings(mail=secret, webhooks=[hook], state_url="")
    Keeper(box.home, changed, box.sessions, lambda: box.now).round()
    box.home.policy.unlink()
    Keeper(box.home, changed, box.sessions, lambda: box.now).round()
    with Ledger(box.home.evidence) as ledger:
        setups = [entry["payload"] for entry in ledger.of_kind("configuration")]
        rules = [entry["payload"] for entry in ledger.of_kind("rules")]
        assert b"tajne" not in b"".join(body for _, body in ledger.entries())
    assert [one["settings"]["mail"]["host"] for one in setups] == ["", "m"]
    assert setups[1]["settings"]["webhooks"][0]["host"] == "hook.example"
    assert [(list(one["changed"]), one["removed"]) for one in rules] == [
        (["rules/policy.yaml"], []),
        ([], ["rules/policy.yaml"]),
    ]


def test_the_key_is_its_owners_and_is_not_made_twice(box: Box) -> None:
    first = ensure_key(box.home)
    assert stat.S_IMODE(key_file(box.home).stat().st_mode) == 0o600
    assert ensure_key(box.home).fingerprint == first.fingerprint
    box.keeper.round()
    key_file(box.home).unlink()
    with pytest.raises(PkiError, match="kopii zapasowej"):
        box.keeper.round()


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_named(box: Box, content: bytes) -> None:
    key_file(box.home).write_bytes(content)
    with pytest.raises(PkiError, match=r"evidence\.key"):
        box.keeper.round()


def test_a_rotated_key_is_trusted_through_the_old_one_and_back(box: Box) -> None:
    box.keeper.round()
    old = box.key
    box.append(3)
    box.keeper.rotate()
    box.keeper.round()
    assert box.key != old
    for trusted in ("", old, box.key):
        assert box.faults(trusted=trusted) == []


def test_a_rotation_that_was_cut_off_is_ended_or_undone(box: Box) -> None:
    box.keeper.round()
    first = box.key

    def stop(at: str) -> None:
        def probe(step: str) -> None:
            if step == at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Keeper(box.home, box.settings, box.sessions, lambda: box.now, probe).rotate()

    stop("sealed")
    box.keeper.round()
    assert box.key == first
    stop("committed")
    box.append(1)
    box.keeper.round()
    assert box.key != first
    assert sorted(path.name for path in box.home.pki.iterdir()) == ["evidence.key", "evidence.pub"]
    assert box.faults(trusted=first) == []
    assert load_key(key_file(box.home)).fingerprint == box.key


def test_one_appends_at_a_time(box: Box) -> None:
    with box.keeper.open(), pytest.raises(EvidenceBusy), box.keeper.open(0):
        pytest.fail("two at once")


def test_a_changed_row_of_the_state_database_is_found(box: Box) -> None:
    box.alert([])
    box.keeper.round()
    with writing(box.sessions) as session:
        session.execute(update(AlertHistory).where(AlertHistory.id == 3).values(detail={"reason": "inny"}))
        session.execute(delete(Operation))
    assert [fault.partition(":")[2] for fault in box.faults()] == [
        " wiersz 3 w bazie stanu zmieniono",
        " usunięto wiersz 1 z bazy stanu",
    ]


def test_a_damaged_segment_does_not_stop_the_others(box: Box) -> None:
    box.append(3)
    box.append(4)
    path = box.home.store / "0000000001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    box.now += MINUTE
    box.keeper.round()
    with Ledger(box.home.evidence) as ledger:
        assert list(ledger.live()) == ["0000000001.parquet", "0000000002.parquet"]
    assert [fault for fault in box.faults() if "0000000001.parquet): plik zmieniono" in fault]
