"""The migrations make the very tables that the models describe."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, inspect, select, text

from appliance.state import migrate as migration
from appliance.state.database import lock, open_sessions, open_state, writing
from appliance.state.exceptions import RuleException
from appliance.state.migrate import migrate
from appliance.state.models import Base, GapSeen
from appliance.state.saved import SavedSearch


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_state(f"sqlite:///{tmp_path}/100% state.db")


def test_models_and_migrated_tables_are_the_same(engine: Engine) -> None:
    migrate(engine)
    assert SavedSearch.__tablename__ in Base.metadata.tables
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        indexes = inspect(connection)
        for table in Base.metadata.tables.values():
            found = {index["name"] for index in indexes.get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= found


def test_a_second_migration_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO gap_seen VALUES ('x')"))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM gap_seen")).scalar() == 1


def test_the_newest_revision_is_the_head_of_the_migrations(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migration.newest()]


def test_a_database_at_the_head_needs_no_migration(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(engine)
    monkeypatch.setitem(sys.modules, "alembic", None)
    migrate(engine)


def test_a_database_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CommandError):
        migrate(engine)


def test_sqlite_is_durable_and_keeps_foreign_keys(engine: Engine) -> None:
    with engine.connect() as connection:
        values = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
        assert values == ["wal", 2]
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_change_holds_the_write_lock_from_its_start(engine: Engine) -> None:
    migrate(engine)
    sessions = open_sessions(engine)
    other = open_state(str(engine.url))
    with writing(sessions) as session, other.connect() as rival:
        assert session.get(GapSeen, "x") is None
        rival.execute(text("PRAGMA busy_timeout=0"))
        with pytest.raises(Exception, match="locked"):
            rival.execute(text("INSERT INTO gap_seen VALUES ('x')"))
        lock(session)
        session.add(GapSeen(event_id="y"))
    with sessions() as session:
        assert session.get(GapSeen, "y") is not None
    other.dispose()


def test_a_change_that_fails_leaves_nothing(engine: Engine) -> None:
    migrate(engine)
    sessions = open_sessions(engine)
    with suppress(ZeroDivisionError), writing(sessions) as session:
        session.add(GapSeen(event_id="y"))
        session.flush()
        assert 1 / 0
    with sessions() as session:
        assert session.get(GapSeen, "y") is None


def test_messages_and_their_tries_survive_the_coming_of_letters(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        alert = {column.name: 1 for column in Base.metadata.tables["alert"].columns} | {"owner_id": None}
        names, marks = ", ".join(f'"{name}"' for name in alert), ", ".join(f":{name}" for name in alert)
        connection.execute(text(f"INSERT INTO alert ({names}) VALUES ({marks})"), alert)
        connection.execute(text("INSERT INTO outbox VALUES (7, 1, 'email', 'a@b', 'delivered', 2, 0, 0)"))
        connection.execute(text("INSERT INTO attempt VALUES (1, 7, 5, 0, 'x'), (2, 7, 6, 1, '')"))
    migrate(engine)
    with engine.connect() as connection:
        assert list(connection.execute(text("SELECT id, alert_id, letter, tries FROM outbox"))) == [(7, 1, None, 2)]
        assert list(connection.execute(text("SELECT id, outbox_id FROM attempt"))) == [(1, 7), (2, 7)]


def test_verdicts_of_before_keep_their_age_and_stations_are_compared_anew(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0015")
        connection.execute(text("INSERT INTO station_finding VALUES ('a', 'firewall', 'pass', '', '', 5, 7, 1)"))
        connection.execute(text("INSERT INTO station_section VALUES ('a', 'package', 1, 5, 6, 1, NULL, 0)"))
        connection.execute(text("INSERT INTO station_matched VALUES ('a', 'x', 6, 1, 0)"))
    migrate(engine)
    with engine.connect() as connection:
        assert list(connection.execute(text("SELECT seen_at, told_at FROM station_finding"))) == [(7, 7)]
        assert list(connection.execute(text("SELECT told_at, problem FROM station_section"))) == [(6, "")]
        assert list(connection.execute(text("SELECT * FROM station_matched"))) == []


def test_exceptions_of_one_rule_stay_what_they_were(engine: Engine) -> None:
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migration.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "0016")
        connection.execute(
            text(
                "INSERT INTO rule_exception (filter_id, rule_id, rule_title, logsource, conditions, reason, author, "
                "proposed_at, expires_at, state, approver, withdrawn_by, replay) VALUES ('f', 'r', 'Rule', "
                """'{"product": "linux"}', '[]', 'EZD', 'ala', 1, 2, 'approved', 'ola', '', '{}')"""
            )
        )
    migrate(engine)
    with open_sessions(engine)() as session:
        row = session.scalars(select(RuleException)).one()
        assert [(one.rule_id, one.title, one.logsource) for one in row.rules] == [("r", "Rule", {"product": "linux"})]
        assert (row.logsource, row.reason, row.state) == ({}, "EZD", "approved")
