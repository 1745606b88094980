"""The settings of stations as a part of a report: sentences and tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.alerts.cards import mark_words
from appliance.language.numbers import number, shares
from appliance.language.typography import bind_spaces
from appliance.posture.checks import Check, checks
from appliance.report.render import Block, Facts, Heading, Para, Table
from appliance.report.words import Words


def posture_blocks(data: Mapping[str, Any], words: Words) -> list[Block]:
    """Return the part of the report that tells how stations are set up."""
    head: Block = Heading(words("report.posture"))
    if not data["stations"]:
        return [head, Para(words("report.posture.no_stations"))]
    blocks = [head, Para(_looked(data, words))]
    if not data["looked_at"]:
        return blocks
    blocks += [_results(data["checks"], words), *_findings(data, words), *_unknown(data, words)]
    return [*blocks, *_changes(data["changes"], words)]


def posture_sentence(data: Mapping[str, Any], words: Words) -> str:
    """Return the one sentence for the report's beginning."""
    if not data["looked_at"]:
        return words("report.posture.short.none")
    whole, lang = sum(data["checks"].values()), words.language
    return words("report.posture.short", ok=number(data["checks"]["pass"], lang), all=number(whole, lang))


def _looked(data: Mapping[str, Any], words: Words) -> str:
    lang = words.language
    told = words("report.posture.looked", ok=number(data["looked_at"], lang), all=number(data["stations"], lang))
    missing = data["stations"] - data["looked_at"]
    if not missing:
        return told
    return f"{told} {words('report.posture.missed', names=words.some(data['not_looked_at'], missing))}"


def _results(counts: Mapping[str, int], words: Words) -> Block:
    lang, results = words.language, ("pass", "fail", "unknown")
    told = shares([counts[result] for result in results], lang)
    rows = [
        [words(f"report.posture.result.{result}"), f"{number(counts[result], lang)} ({share})"]
        for result, share in zip(results, told, strict=True)
    ]
    head = [words("report.posture.result"), words("report.posture.count")]
    return Facts(head, rows, words("report.posture.results"))


def _findings(data: Mapping[str, Any], words: Words) -> list[Block]:
    rows = data["findings"]
    if not rows:
        return [Para(words("report.posture.findings.none"))]
    names = [words(f"report.posture.{name}") for name in ("check", "stations", "do")]
    cells = [_finding(row, words) for row in rows]
    blocks: list[Block] = [
        Table(names, cells, words("report.posture.findings"), [4, 2, 4], ["l", "l", "l"], [0, 2], [0])
    ]
    if data["findings_left_out"]:
        blocks.append(Para(words.counted("report.posture.findings.more", data["findings_left_out"])))
    blocks.append(Para(words("report.posture.values")))
    marks = {point.mark for row in rows if row["check"] in checks() for point in checks()[row["check"]].law}
    if marks:
        said = "; ".join(f"[{mark}] {mark_words(mark, words.language)}" for mark in sorted(marks))
        blocks.append(Para(words("report.posture.marks", marks=said)))
    return blocks


def _finding(row: Mapping[str, Any], words: Words) -> list[str]:
    lang, check = words.language, checks().get(row["check"])
    says = check.says(row["reason"], lang) if check else row["reason"]
    does = check.do(row["reason"], row["system"], lang) if check else ""
    what = [_title(row["check"], words), bind_spaces(says, lang), _law(check, words)]
    where = [number(row["stations"], lang), words.some(row["hosts"], row["stations"])]
    return ["\n".join(filter(None, what)), "\n".join(where), bind_spaces(does, lang) or words("report.none")]


def _law(check: Check | None, words: Words) -> str:
    points = check.law if check else ()
    return bind_spaces("; ".join(f"{point.shown(words.language)} [{point.mark}]" for point in points), words.language)


def _title(name: str, words: Words) -> str:
    check = checks().get(name)
    return check.title[words.language] if check else name


def _unknown(data: Mapping[str, Any], words: Words) -> list[Block]:
    if not data["unknown"]:
        return []
    lang = words.language
    rows = [[_title(row["check"], words), _why(row, words), number(row["stations"], lang)] for row in data["unknown"]]
    names = [words(f"report.posture.{name}") for name in ("check", "why", "stations")]
    blocks: list[Block] = [Table(names, rows, words("report.posture.unknown"), [4, 5, 0], ["l", "l", "r"], code=[1])]
    if data["unknown_left_out"]:
        blocks.append(Para(words.counted("report.posture.unknown.more", data["unknown_left_out"])))
    return blocks


def _why(row: Mapping[str, Any], words: Words) -> str:
    check = checks().get(row["check"])
    says = check.says(row["reason"], words.language) if check else ""
    return bind_spaces(says, words.language) or row["reason"] or words("report.none")


def _changes(data: Mapping[str, Any] | None, words: Words) -> list[Block]:
    if data is None:
        return [Para(words("report.posture.changes.unknown"))]
    lang = words.language
    if not data["by_check"]:
        return [Para(words("report.posture.changes.none", n=number(data["stations"], lang)))]
    kinds = ("mended", "broken", "unseen", "seen")
    names = [words("report.posture.check"), *(words(f"report.posture.changes.{kind}") for kind in kinds)]
    rows = [
        [_title(row["check"], words), *(number(row[kind], lang) for kind in kinds)]
        for row in [*data["by_check"], *_total(data, kinds)]
    ]
    if len(data["by_check"]) > 1:
        rows[-1][0] = words("report.posture.changes.total")
    caption = words("report.posture.changes", n=number(data["stations"], lang))
    return [Table(names, rows, caption, [5, 2, 2, 2, 2], ["l", *"rrrr"])]


def _total(data: Mapping[str, Any], kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row of sums where there is more than one to sum."""
    return [{"check": "", **{kind: data[kind] for kind in kinds}}] if len(data["by_check"]) > 1 else []
