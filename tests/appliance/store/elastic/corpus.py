"""The events of the equality tests: odd ones that hypothesis makes, and some that look like an office."""

from __future__ import annotations

from functools import cache

from hypothesis import Phase, given, settings

from agent.wire.event import event_id
from appliance.clock import DAY
from appliance.normalise.model import Event
from tests.appliance.store.conftest import NOW
from tests.appliance.store.strategies import events

LONG = "x" * 9000
QUERIES = (
    "",
    "a",
    "żółw",
    "*ó?w",
    "mimikatz",
    '"cmd.exe /c"',
    '"a b"',
    '"100%"',
    "C:\\Windows",
    "host.name:a",
    "host.name:*",
    "host.name:?",
    "host.name:a*",
    "host.name:*b",
    'host.name:""',
    "host.name:żÓŁW",
    "host.name:[a TO b]",
    "host.name:{a TO *]",
    "host.name:>x",
    "-host.name:a",
    "NOT host.name:*",
    "process.command_line:whoami",
    "process.command_line:*/c*who*",
    "process.command_line:\\*",
    "message:true",
    "message:a?b",
    "process.pid:5",
    "process.pid:05",
    "process.pid:>5",
    "process.pid:[-1 TO 6]",
    "process.pid:{0 TO 5}",
    "process.pid:*",
    "process.pid:1*",
    "process.pid:4.5",
    "process.pid:<=9223372036854775807",
    "source.ip:10.1.2.3",
    "source.ip:10.1.0.0/16",
    "source.ip:10.*",
    "source.ip:fe80::1",
    "source.ip:fe80::/10",
    'source.ip:"::/0"',
    "source.ip:0.0.0.0/0",
    "-source.ip:10.0.0.0/8",
    "event.time_corrected:true",
    "event.time_corrected:t*",
    "event.start:1970",
    "event.start:>1969",
    "@timestamp:1970-01-01",
    "@timestamp:[1970 TO 2027-01-15]",
    "NOT @timestamp:1970",
    "event.code:4688",
    "event.code:46*",
    "event.code:[4600 TO 4700]",
    "winlog.event_data.Foo:bar",
    "winlog.event_data.foo:bar",
    "winlog.event_data.Foo:*",
    "winlog.event_data.Foo:b*",
    "winlog.event_data.Foo:>5",
    "winlog.event_data.Foo:[a TO c]",
    "NOT winlog.event_data.Foo:bar",
    "winlog.event_data.Nothing:*",
    "user:kowalski",
    "user:(KOWALSKI OR jan)",
    "user:kow* event.code:4688",
    "(a OR b) -c",
    "NOT (a OR NOT host.name:*)",
    "powershell.file.script_block_text:x*",
    "process.command_line:xxxx",
    "NOT process.command_line:xxxx",
    "xxxxx",
    "winlog.event_data.Long:*xy*",
    "winlog.event_data.Long:*",
    "ꟊ",
    "host.name:ꟊ*",
    "host.name:[a TO 中]",
    "/who(ami)?/",
    "/^x+$/",
    "/żó?ł?w|[^a-z]b/",
    "host.name:/^pc-[0-1]$/",
    "host.name:/ꟊ/",
    "NOT host.name:/./",
    "process.pid:/^-?1/",
    "process.command_line:/net\\s+user\\s\\d+ \\\\\\*/",
    "process.command_line:/y$/",
    "winlog.event_data.Foo:/ba[rz]|\\./",
    "winlog.event_data.Foo:/^ba/",
    "event.time_corrected:/^t/",
    "source.ip:/^(fe80|10)/",
    "_exists_:process.pid",
    "@timestamp:[now-1h TO now+1h]",
    "@timestamp:now/d",
    "process.pid:(5 OR [100 TO 120])",
)


@cache
def corpus() -> list[Event]:
    """Return the events, each with its own id."""
    found: list[Event] = []

    @settings(max_examples=60, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(events())
    def collect(drawn: list[Event]) -> None:
        found.extend(drawn)

    collect()
    # Most arrive on one day, whatever their time: each further index costs every question of the tests.
    odd: list[Event] = [
        event if n % 20 == 0 else {"event.ingested": NOW, **event} for n, event in enumerate(found[:400])
    ]
    given_events = [*odd, *_office(), *_long()]
    return [{**event, "event.id": event_id(n, n)} for n, event in enumerate(given_events)]


def _office() -> list[Event]:
    return [
        {
            "@timestamp": NOW + n * 3,
            "host.name": f"PC-{n % 3}",
            "user.name": ("Kowalski", "KOWALSKI", "jan", "Żaneta")[n % 4],
            "event.code": 4688 if n % 2 else 4624,
            "event.ingested": NOW - (n % 2) * DAY,
            "process.pid": 100 + n,
            "process.entity_id": f"{{A-{n}}}",
            "process.parent.entity_id": f"{{A-{n - 3}}}",
            "process.command_line": f'cmd.exe /c "whoami /all" && net  user {n} \\* | a*b?c',
            "winlog.event_data.Foo": ("bar", "Bar", 7, 3.5, ("baz", "bar"), ())[n % 6],
            "winlog.event_data.foo": ("zoo", "bar")[n % 2],
            "event.category": ("process", ("process", "authentication"))[n % 2],
            "source.ip": ("10.1.2.3", "::ffff:10.1.2.4", "fe80::1%eth0", "FE80:0::1", "nie-adres")[n % 5],
        }
        for n in range(60)
    ]


def _long() -> list[Event]:
    """Values that are longer than any engine indexes."""
    return [
        {"@timestamp": NOW, "process.command_line": LONG, "host.name": "LONG"},
        {"@timestamp": NOW, "process.command_line": LONG + "y", "host.name": "long"},
        {"@timestamp": NOW, "winlog.event_data.Long": LONG + "Y", "host.name": "ꟊbc"},
        {"@timestamp": NOW, "winlog.event_data.Long": "xy", "n" * 9000: 1, "message": "中"},
        {"@timestamp": NOW, "message": "é" * 9000, "a.b": 10**400, "a": "o", "a.b.c": -(2**63)},
    ]
