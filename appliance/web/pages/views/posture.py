"""Settings of stations as people read them: the checks' texts, and what is worth doing first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.posture.checks import Check, checks, common_reasons, weights
from appliance.stations.fresh import STALE
from appliance.stations.look import FindingLook

_ORDER = {"fail": 0, "unknown": 1, "pass": 2}


@dataclass(frozen=True, slots=True)
class Setting:
    """One checked setting; times in microseconds."""

    name: str
    title: str
    result: str
    kind: str
    """The mark: ok, bad or off."""
    reason: str
    value: str
    means: str
    act: str
    points: tuple[tuple[str, str], ...]
    """Points of the law that it serves, each with the mark of how well that was checked."""
    since: int
    seen_at: int
    told: str
    """The result that the station said last, where that is too old to count; else empty."""


def title(name: str, lang: str) -> str:
    """Return what a check is called; its name where no text is shipped."""
    check = checks().get(name)
    return check.title[lang] if check else name


def settings(findings: Iterable[FindingLook], system: str, lang: str) -> list[Setting]:
    """Return findings with their texts: what fails first, the weightier before the lighter."""
    heavy = weights()
    rows = sorted(findings, key=lambda row: (_ORDER[row.result], -heavy.get(row.name, 1), row.name))
    return [_setting(row, checks().get(row.name), system, lang) for row in rows]


def _setting(row: FindingLook, check: Check | None, system: str, lang: str) -> Setting:
    return Setting(
        name=row.name,
        title=title(row.name, lang),
        result=row.result,
        kind={"pass": "ok", "fail": "bad", "unknown": "off"}[row.result],
        reason=(check.says(row.reason, lang) if check else "") or row.reason,
        value=row.value,
        means=check.meaning[lang] if check else "",
        act=check.do(row.reason, system, lang) if check else "",
        points=tuple((point.shown(lang), point.mark) for point in check.law) if check else (),
        since=row.since,
        seen_at=row.seen_at,
        told=row.told if row.reason == STALE else "",
    )


def problem(reason: str, system: str, lang: str) -> tuple[str, str]:
    """Return what a reason for which a section could not be read means, and what to do; the name itself if unknown."""
    known = common_reasons().get(reason)
    if known is None:
        return reason, ""
    return known.says[lang], known.do[system][lang] if system in known.do else ""
