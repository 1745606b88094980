"""The checks in words: their language, their loader, and that they are the agent's own, both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.posture.check import COMMON_REASONS
from agent.posture.linux import CHECKS as LINUX
from agent.posture.windows import CHECKS as WINDOWS
from appliance.language.lint import Entry, Kind, entry, lint
from appliance.posture.checks import COMMON, FOLDER, OF_THE_BOX, BadCheck, Check, checks
from appliance.stations.fresh import STALE

AGENTS = {"linux": {check.name: check for check in LINUX}, "windows": {check.name: check for check in WINDOWS}}
ALL = checks()


def _entries(check: Check) -> list[Entry]:
    own = [
        entry(f"{check.name}.title", check.title["pl"], check.title["en"], Kind.HEADING),
        entry(f"{check.name}.meaning", check.meaning["pl"], check.meaning["en"], Kind.MESSAGE),
    ]
    for key, reason in check.reasons.items():
        texts = [reason.says, *reason.do.values()]
        own += [entry(f"{check.name}.{key}", text["pl"], text["en"], Kind.MESSAGE) for text in texts]
    return own


@pytest.mark.parametrize("check", ALL.values(), ids=ALL)
def test_the_texts_keep_the_style_guide(check: Check) -> None:
    findings = lint(_entries(check))
    assert not findings, "\n".join(map(str, findings))


@pytest.mark.parametrize("system", AGENTS)
def test_the_agents_checks_and_the_files_are_the_same(system: str) -> None:
    assert {name for name, check in ALL.items() if system in check.systems} == set(AGENTS[system])


@pytest.mark.parametrize("check", ALL.values(), ids=ALL)
def test_every_reason_of_the_agent_has_its_words_and_no_words_are_idle(check: Check) -> None:
    own = {reason for system in check.systems for reason in AGENTS[system][check.name].reasons}
    assert set(check.reasons) == {*own, *COMMON_REASONS, *OF_THE_BOX}
    for system in check.systems:
        for reason in AGENTS[system][check.name].reasons:
            assert check.says(reason, "pl")
            if reason not in {"no_desktop", "no_server"}:
                assert check.do(reason, system, "pl"), f"{check.name}.{reason} on {system}"
    assert check.says("", "pl") == check.do("", "linux", "pl") == ""


def test_the_boxs_own_reason_is_that_of_old_verdicts() -> None:
    assert frozenset({STALE}) == OF_THE_BOX
    assert not OF_THE_BOX & set(COMMON_REASONS)


def _folder(tmp_path: Path, old: str, new: str) -> Path:
    for name in ("firewall", COMMON):
        text = (FOLDER / f"{name}.yaml").read_text("utf-8")
        (tmp_path / f"{name}.yaml").write_text(text.replace(old, new, 1) if name == "firewall" else text, "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: firewall", "id: other", r"firewall.yaml:1: id: must be the file's name"),
        ("weight: 3", "weight: 4", r"firewall.yaml:3: weight: must be 1, 2 or 3"),
        ("weight: 3", "weight: true", r"firewall.yaml:3: weight: must be int, is bool"),
        ("[linux, windows]", "[beos]", r"firewall.yaml:2: systems: must be some of"),
        ("act: kri", "act: gdpr", r"firewall.yaml:5: law.0.act: unknown"),
        ("mark: S1", "mark: P", r"firewall.yaml:6: law.1.mark: points of zal4 are marked S1"),
        ("  disabled:", "  off:", r"reasons.False: a reason's name must be a text"),
        ("    says:", "    say:", r"firewall.yaml:15: reasons.disabled.say: unknown; known are do, says"),
        ("  en: ", "  de: ", r"firewall.yaml:9: title.de: unknown"),
        ("meaning:", "meanings:", r"meanings: unknown"),
        ("title:", "title: [", r"firewall.yaml: while parsing"),
        ("id: firewall", "id: firewall" + " " * 70000, r"longer than 65536 bytes"),
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_refused_at_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(BadCheck, match=message):
        checks(_folder(tmp_path, old, new))
