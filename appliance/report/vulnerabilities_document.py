"""The known weaknesses of stations as a part of a report: sentences and tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.language.dates import day, sentence_day
from appliance.language.numbers import number
from appliance.report.render import Block, Facts, Heading, Para, Table
from appliance.report.words import Words

_ENDED = "END-"
"""How names begin that stand for the end of support."""
_MARKED = frozenset({"end", "unverified"})
"""Severities that say more than how bad it is."""


def vulnerabilities_blocks(data: Mapping[str, Any], words: Words) -> list[Block]:
    """Return the part of the report that tells which known weaknesses stations have."""
    head: Block = Heading(words("report.weak"))
    if not data["stations"]:
        return [head, Para(words("report.weak.no_stations"))]
    blocks: list[Block] = [head, Para(_compared(data, words)), Para(_feeds(data["feeds"], words))]
    if data["judged"] or data["total"]:
        blocks += [_facts(data, words), *_exploited(data, words), *_others(data, words)]
    return [*blocks, *_accepted(data, words)]


def vulnerabilities_sentence(data: Mapping[str, Any], words: Words) -> str:
    """Return the one sentence for the report's beginning."""
    if not (data["judged"] or data["total"]):
        return words("report.weak.short.none")
    if data["feeds"]["made_at"] is None:
        return words("report.weak.exploited.unknown")
    return words("report.weak.short", n=number(data["exploited_total"], words.language))


def _compared(data: Mapping[str, Any], words: Words) -> str:
    lang, missing = words.language, data["stations"] - data["judged"]
    told = words("report.weak.compared", ok=number(data["judged"], lang), all=number(data["stations"], lang))
    if not missing:
        return told
    return f"{told} {words('report.weak.missed', names=words.some(data['not_judged'], missing))}"


def _feeds(feeds: Mapping[str, Any], words: Words) -> str:
    if feeds["made_at"] is None:
        return words("report.weak.feeds.none")
    told = words("report.weak.feeds", day=sentence_day(feeds["made_at"], words.language))
    return f"{told} {words('report.weak.feeds.old')}" if feeds["old"] else told


def _facts(data: Mapping[str, Any], words: Words) -> Block:
    lang, changes = words.language, data["changes"]
    rows = [
        [words(f"report.weak.{name}"), number(data[key], lang)]
        for name, key in (
            ("exploited", "exploited_total"), ("total", "total"), ("fixable", "fixable"),
            ("affected", "affected"), ("accepted.count", "accepted_total"),
        )
    ]  # fmt: skip
    if data["left_out"]:
        rows.append([words("report.weak.left_out"), number(data["left_out"], lang)])
    if data["feeds"]["made_at"] is None:
        rows[0][1] = words("report.unknown")
    if changes is not None:
        rows += [[words(f"report.weak.{kind}"), number(changes[kind], lang)] for kind in ("came", "went")]
    return Facts([words("report.what"), words("report.value")], rows, words("report.weak.facts"))


def _exploited(data: Mapping[str, Any], words: Words) -> list[Block]:
    if not data["exploited"]:
        known = data["feeds"]["made_at"] is not None
        return [Para(words("report.weak.exploited.none" if known else "report.weak.exploited.unknown"))]
    blocks: list[Block] = [_table(data["exploited"], words("report.weak.exploited.table"), words)]
    more = data["exploited_total"] - len(data["exploited"])
    return [*blocks, Para(words.counted("report.weak.more", more))] if more else blocks


def _others(data: Mapping[str, Any], words: Words) -> list[Block]:
    if not data["others"]:
        return []
    blocks: list[Block] = [_table(data["others"], words("report.weak.others"), words)]
    more = data["others_left_out"]
    return [*blocks, Para(words.counted("report.weak.more", more))] if more else blocks


def _table(rows: list[Mapping[str, Any]], caption: str, words: Words) -> Table:
    names = [words(f"report.weak.{name}") for name in ("name", "product", "stations")]
    cells = [[_name(row, words), _products(row, words), _where(row, words)] for row in rows]
    return Table(names, cells, caption, [3, 5, 3], ["l", "l", "l"], lead=[0])


def _name(row: Mapping[str, Any], words: Words) -> str:
    lines = [row["name"]]
    if row["severity"] in _MARKED:
        lines.append(words(f"report.weak.severity.{row['severity']}"))
    if row["accepted_until"] is not None:
        lines.append(words("report.weak.accepted.until", day=day(row["accepted_until"], words.language)))
    return "\n".join(lines)


def _products(row: Mapping[str, Any], words: Words) -> str:
    lines = [row["title"]] if row["title"] else []
    ended = row["name"].startswith(_ENDED)
    for product, fixed in row["products"].items():
        mends = words("report.weak.fixed", version=fixed) if fixed else words("report.weak.no_fix")
        lines.append(product if ended else f"{product}: {mends}")
    if row["products_left_out"]:
        lines.append(words("report.weak.products", n=number(row["products_left_out"], words.language)))
    return "\n".join(lines)


def _where(row: Mapping[str, Any], words: Words) -> str:
    return f"{number(row['stations'], words.language)}\n{words.some(row['hosts'], row['stations'])}"


def _accepted(data: Mapping[str, Any], words: Words) -> list[Block]:
    if not data["accepted"]:
        return [Para(words("report.weak.accepted.none"))]
    rows = [
        [
            row["name"],
            row["host"] or words("report.weak.all_stations"),
            row["reason"],
            row["who"],
            day(row["until"], words.language),
        ]
        for row in data["accepted"]
    ]
    names = [words(f"report.weak.{name}") for name in ("name", "stations", "reason", "who", "until")]
    table = Table(names, rows, words("report.weak.accepted"), [3, 3, 4, 2, 0], ["l", "l", "l", "l", "l"])
    more = data["accepted_total"] - len(data["accepted"])
    return [table, Para(words.counted("report.weak.more", more))] if more else [table]
