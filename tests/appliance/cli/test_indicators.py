"""`czujka indicators` on a state folder: files in, faults with their lines, rules that find the values."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from appliance import clock
from appliance.cli import build
from appliance.cli.exits import Exit
from appliance.cli.history import rules_for
from appliance.clock import DAY
from appliance.detect import Engine
from appliance.detect.values import Event
from appliance.home import Home
from appliance.indicators.copied import lists_of
from appliance.rulesets import active_rules
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state

BAD = "zly.example.com"
DNS: Event = {"event.module": "network", "event.category": "dns", "dns.question.name": f"www.{BAD}"}


def run(home: Home, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(
        build(["indicators"]), ["indicators", arguments[0], "--home", str(home.root), *arguments[1:]]
    )
    return done.exit_code, done.stdout, done.stderr


def found(home: Home, moment: int | None = None) -> list[str]:
    """The titles of the rules in force that find the bad domain."""
    settings = Settings()
    sessions = open_sessions(open_state(settings.database(home)))
    rules = active_rules(home, settings, sessions, moment=moment)
    return [rule.title for rule in Engine(rules).match(DNS)]


def test_a_list_is_taken_found_by_rules_and_expires(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "lista.txt"
    file.write_text(f"hxxp://zly[.]example[.]com\n8.8.4.4\n{BAD}\n")
    code, out, err = run(home, "import", "--source", "CSIRT NASK", "--expires", "30", str(file))
    assert (code, err) == (0, "")
    assert "Nowe: adres IP: 1, domena: 1." in out
    assert found(home) == ["Name of a Listed Domain Asked"]
    assert found(home, clock.now() + 31 * DAY) == []
    code, out, _ = run(home, "list")
    assert (code, [line.split("\t")[:4] for line in out.splitlines()]) == (
        0,
        [["CSIRT NASK", "adres IP", "1", "0"], ["CSIRT NASK", "domena", "1", "0"]],
    )
    code, out, _ = run(home, "list", "--find", "zly")
    assert out.startswith(f"{BAD}\tdomena\tCSIRT NASK\t")
    assert "obowiązuje" in out
    assert run(home, "remove", "ZLY[.]example.com")[:2] == (0, "Usunięte wskaźniki: 1.\n")
    assert found(home) == []
    assert run(home, "remove", BAD)[0] == Exit.NO
    assert run(home, "remove")[0] == Exit.USAGE


def test_the_shipped_value_for_trials_stays_beside_the_offices(home: Home, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("inna.example.com\n")
    run(home, "import", "--source", "x", str(tmp_path / "a.txt"))
    settings = Settings()
    engine = Engine(active_rules(home, settings, open_sessions(open_state(settings.database(home)))))
    for name in ("proba.czujka.test", "inna.example.com"):
        assert engine.match({**DNS, "dns.question.name": name}) != []


def test_each_fault_has_file_line_and_reason_and_the_rest_is_taken(home: Home, tmp_path: Path) -> None:
    home.lists.mkdir(parents=True)
    (home.lists / "own_domains.txt").write_text("gmina.example.pl\n")
    plain, table = tmp_path / "lista.txt", tmp_path / "lista.csv"
    plain.write_text(f"# x\n{BAD}\n10.0.0.1\npl\ngov.pl\nbip.gmina.example.pl\n")
    table.write_text("ip;opis\n0.0.0.0/0;x\n8.8.4.4;y\n")
    code, out, err = run(home, "import", "--source", "CSIRT", str(plain), str(table))
    assert code == Exit.NO
    assert "Odrzucone: 5." in out
    told = err.splitlines()
    assert [line.split(": ")[0] for line in told] == [
        *(f"{plain}:{number}" for number in (3, 4, 5, 6)),
        f"{table}:2",
    ]
    assert "„10.0.0.1”: adres jest prywatny" in told[0]
    assert found(home) != []


def test_a_broken_file_stops_all_of_it(home: Home, tmp_path: Path) -> None:
    good, bad = tmp_path / "a.txt", tmp_path / "b.json"
    good.write_text(BAD)
    bad.write_text('{"Event": {\n "Attribute": [}')
    code, out, err = run(home, "import", "--source", "CSIRT", str(good), str(bad))
    assert (code, out) == (Exit.NO, "")
    assert f"{bad}:2: to nie jest poprawny JSON" in err
    assert "Niczego nie wczytano" in err
    assert found(home) == []
    for name in ("", " ", "x" * 121, "a\nb"):
        assert run(home, "import", "--source", name, str(good))[0] == Exit.USAGE


def test_what_a_bundle_says_of_its_end_counts_when_it_is_earlier(home: Home, tmp_path: Path) -> None:
    pattern = {"type": "indicator", "pattern": f"[domain-name:value = '{BAD}']", "valid_until": "2026-01-01T00:00:00Z"}
    (tmp_path / "b.json").write_text(json.dumps({"type": "bundle", "objects": [pattern]}))
    assert run(home, "import", "--source", "CERT", "--expires", "900", str(tmp_path / "b.json"))[0] == 0
    assert found(home) == []
    assert "wygasł" in run(home, "list", "--source", "CERT")[1]


def test_commands_over_the_store_know_them_too(home: Home, tmp_path: Path) -> None:
    assert lists_of(home, Settings(), 0) == {}
    home.state.write_bytes(b"no database, but a file of the same name")
    assert lists_of(home, Settings(), 0) == {}
    home.state.unlink()
    (tmp_path / "a.txt").write_text(BAD)
    run(home, "import", "--source", "CSIRT", str(tmp_path / "a.txt"))
    ruleset = rules_for(None, home)
    assert [rule.title for rule in Engine(ruleset).match(DNS)] == ["Name of a Listed Domain Asked"]
