"""Which of SigmaHQ's Linux rules have all their fields in what the agent's audit sensor sends.

`./czujka bench linux_fields`: one line a rule with the fields that no event carries; 1 when a rule lacks one for which
`MISSING` names no reason. The events begin as records of the kernel and of programs, word for word.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from agent.sensors.auditevents import Completion, Grouping
from agent.sensors.processes import Process, Processes, Users
from agent.wire.envelope import encode_record
from appliance.detect import Rule, load_rules
from appliance.detect.nodes import fields
from appliance.normalise import Event, normalise
from appliance.normalise.fields import sigma_key
from tests.appliance.detect import corpus
from tests.conftest import corpora_root

MODULE = "linux.audit"
KINDS = ("process_creation", "network_connection", "file_event", "auditd")
MISSING: Mapping[str, str] = {
    "DestinationHostname": "names of hosts would be a history of pages read; the network sensor sees them in DNS",
}
"""Field that is not sent, to the reason."""
_WHO = (
    'ppid=7 pid=9 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 comm="nc" '
    'exe="/usr/bin/nc"'
)
_CALL = "arch=c000003e syscall={} success=yes exit=0 a0=3 a1=7ffd a2=80241 a3=1b6 items=2 " + _WHO + " key={}"
RECORDS: tuple[tuple[tuple[int, str], ...], ...] = (
    (
        (1300, _CALL.format(59, '"czujka"')),
        (1309, 'argc=9 a0="a" a1="b" a2="c" a3="d" a4="e" a5="f" a6="g" a7="h" a8="i"'),
        (1307, 'cwd="/tmp"'),
        (1302, 'item=0 name="/usr/bin/nc" inode=1 dev=fe:00 mode=0100755 ouid=0 ogid=0 nametype=NORMAL'),
    ),
    (
        (1300, _CALL.format(257, '"czujka_files"')),
        (1307, 'cwd="/tmp"'),
        (1302, 'item=0 name="/etc/cron.d/x" inode=1 dev=fe:00 mode=0100644 ouid=0 ogid=0 nametype=CREATE'),
    ),
    (
        (1300, _CALL.format(42, "637A756A6B615F6E6574016E6574776F726B5F636F6E6E6563745F34")),
        (1306, "saddr=0200115CC00002010000000000000000"),
    ),
    ((1131, "pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=ufw comm=\"systemd\" res=success'"),),
)


class Told(NamedTuple):
    """A rule and the fields of it that no event of its kind carries."""

    kind: str
    rule: Rule
    missing: tuple[str, ...]


def events() -> list[Event]:
    """Return what the box makes of the records, as the agent groups and completes them."""
    processes = Processes(Path("/nonexistent"))
    processes.add(7, Process("/usr/bin/bash", "bash -i", 1))
    completion, grouping = Completion("boot", 2, processes, Users()), Grouping()
    found = []
    for number, lines in enumerate(RECORDS):
        stamp = f"audit(1795306202.426:{number}): ".encode()
        for kind, text in (*lines, (1320, "")):
            raw = grouping.feed(kind, stamp + text.encode(), 0.0)
            reading = completion.reading(raw) if raw else None
            if reading is not None and reading.record is not None:
                found.append(normalise(encode_record(reading.record), corpus.SOURCE))
    return found


def told(rules: Iterable[Rule]) -> Iterator[Told]:
    """Yield every Linux rule of `rules` that the audit sensor is to feed."""
    known = {key for event in events() for key in event}
    resolve = sigma_key(MODULE, None, None, None)
    for rule in rules:
        source = rule.logsource
        kind = source.category or source.service or ""
        if source.product == "linux" and kind in KINDS:
            wanted = {name for name in fields(rule.node) if name is not None}
            yield Told(kind, rule, tuple(sorted(name for name in wanted if resolve(name) not in known)))


def main(argv: list[str]) -> int:
    """Print the table, then the counts."""
    del argv
    rules = load_rules(corpus.rule_folders(corpora_root())).rules
    rows = sorted(told(rules), key=lambda row: (KINDS.index(row.kind), row.rule.title))
    for row in rows:
        if row.kind != "process_creation" or row.missing:
            sys.stdout.write(f"{row.kind:19} {row.rule.title[:70]:71} {', '.join(row.missing) or 'all'}\n")
    for kind in KINDS:
        mine = [row for row in rows if row.kind == kind]
        sys.stdout.write(f"{kind}: {sum(not row.missing for row in mine)} of {len(mine)} rules have all their fields\n")
    for name, reason in MISSING.items():
        sys.stdout.write(f"{name}: {reason}\n")
    return int(any(set(row.missing) - MISSING.keys() for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
