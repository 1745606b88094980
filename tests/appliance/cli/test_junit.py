"""JUnit XML: what Jenkins and GitLab need of it, and nothing that XML cannot hold."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

from hypothesis import given
from hypothesis import strategies as st

from appliance.cli.junit import Case, junit


def suite(cases: list[Case]) -> Element:
    root = fromstring(junit("czujka", cases))
    assert root.tag == "testsuites"
    found = root.find("testsuite")
    assert found is not None
    return found


def test_counts_names_and_reasons() -> None:
    cases = [
        Case("g", "passed", "a.yml", seconds=1.25, output="3"),
        Case("g", "failed", "b.yml", ("b.yml:1: why", "b.yml:2: also")),
        Case("g", "skipped", "c.yml", skipped="no events"),
    ]
    found = suite(cases)
    assert {key: found.get(key) for key in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "1.250",
    }
    passed, failed, skipped = found.findall("testcase")
    assert dict(passed.attrib) == {"classname": "g", "name": "passed", "file": "a.yml", "time": "1.250"}
    assert passed.findtext("system-out") == "3"
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == "b.yml:1: why"
    assert failure.text == "b.yml:1: why\nb.yml:2: also"
    assert skipped.find("skipped") is not None


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_gives_xml_that_can_be_read(text: str, failures: list[str]) -> None:
    found = suite([Case(text, text, text, failures, output=text)])
    assert len(found.findall("testcase")) == 1
    assert (found.get("failures") == "1") is bool(failures)
