"""Results as JUnit XML, as Jenkins (junit plugin) and GitLab (`artifacts:reports:junit`) read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

#: Signs that XML 1.0 cannot hold, even escaped.
_UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test: `failures` are what went wrong, a line each; `skipped` says why it was not run. Time in seconds."""

    group: str
    name: str
    file: str
    failures: Sequence[str] = ()
    skipped: str = ""
    seconds: float = 0.0
    output: str = ""


def junit(suite: str, cases: Sequence[Case]) -> bytes:
    """Return the XML of one suite."""
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(1 for case in cases if case.failures)),
        "errors": "0",
        "skipped": str(sum(1 for case in cases if case.skipped)),
        "time": _seconds(sum(case.seconds for case in cases)),
    }
    root = Element("testsuites", {"name": suite, **counts})
    parent = SubElement(root, "testsuite", {"name": suite, **counts})
    for case in cases:
        _add(parent, case)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'.encode()


def _add(parent: Element, case: Case) -> None:
    named = {"classname": _fit(case.group), "name": _fit(case.name), "file": _fit(case.file)}
    element = SubElement(parent, "testcase", {**named, "time": _seconds(case.seconds)})
    if case.failures:
        first = _fit(case.failures[0])
        failure = SubElement(element, "failure", {"message": first, "type": "failure"})
        failure.text = _fit("\n".join(case.failures))
    elif case.skipped:
        SubElement(element, "skipped", {"message": _fit(case.skipped)})
    if case.output:
        SubElement(element, "system-out").text = _fit(case.output)


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)
