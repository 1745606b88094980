"""Short ways to a rule, an engine and an event for the tests of the engine."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import yaml

from appliance.detect import Engine, EventClass, Rule, RuleSet
from appliance.detect.model import ParsedFile
from appliance.detect.parse import parse_file
from appliance.detect.routes import Routes, event_class, parse_routes
from tests.appliance.detect.oracle import Oracle

MODULE = {"modules": ["test"]}
NET = {**MODULE, "categories": ["net", "dns"]}
ROUTES: Routes = parse_routes({"products": {"test": [MODULE]}, "services": {}, "categories": {"test/net": [NET]}})
ID = "00000000-0000-4000-8000-0000000000{:02x}"


def same(kind: EventClass) -> Any:
    """Field names of rules are event keys."""
    del kind
    return lambda name: name


def document(detection: str, number: int = 1) -> str:
    head = f"title: Rule {number}\nid: {ID.format(number)}\nlogsource:\n  product: test\ndetection:\n"
    return head + indent(dedent(detection).strip(), "  ") + "\n"


def one(line: str) -> str:
    """A detection of one line."""
    return f"sel:\n  {line}\ncondition: sel"


def parse(text: str) -> ParsedFile:
    return parse_file("rule.yml", text.encode())


def rule(detection: str) -> Rule:
    parsed = parse(document(detection))
    assert parsed.faults == []
    return parsed.rules[0]


def engine(*rules: Rule) -> Engine:
    return Engine(RuleSet(list(rules), []), routes=ROUTES, resolver_factory=same)


def decide(detection: str, **event: Any) -> bool:
    """Whether the engine matches; the oracle must say the same."""
    full = {"event.module": "test", **{key.replace("__", "."): value for key, value in event.items()}}
    said = bool(engine(rule(detection)).match(full))
    oracle = Oracle.of_documents([yaml.safe_load(document(detection))], ROUTES, same)
    assert bool(oracle.match(full, event_class(full))) is said
    return said


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file
