"""The monthly report's data as a document: sentences, tables and one chart. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from babel.dates import format_date

from appliance.evidence.keys import grouped
from appliance.language.dates import local, moment, sentence_day, sentence_moment, span
from appliance.language.numbers import number
from appliance.report.chart import bars
from appliance.report.posture_document import posture_blocks, posture_sentence
from appliance.report.render import Block, Chart, Document, Facts, Heading, Para, Table
from appliance.report.vulnerabilities_document import vulnerabilities_blocks, vulnerabilities_sentence
from appliance.report.words import Words

SILENT_DAYS = 6
"""Days without data that are named one by one for a station."""


def month_document(data: Mapping[str, Any], language: str) -> Document:
    """Return the document of a monthly report in a language."""
    words = Words(language)
    blocks: list[Block] = [*_summary(data, words), *_watch(data, words), *_found(data, words), *_lost(data, words)]
    blocks += [*posture_blocks(data["posture"], words), *vulnerabilities_blocks(data["vulnerabilities"], words)]
    blocks += [
        *_anchor(data.get("anchor"), data.get("anchored"), words),
        Heading(words("report.limits")),
        Para(words("report.limits.text")),
        Para(words("report.limits.retention", days=number(data["retention_days"], language))),
    ]
    return Document(
        language=language,
        author=data["office"],
        title=words("report.month.title", month=format_date(local(data["from"]), "LLLL y", locale=language)),
        subtitle=words(
            "report.month.subtitle",
            start=sentence_day(data["from"], language),
            end=sentence_day(data["to"] - 1, language),
            made=sentence_moment(data["made_at"], language),
        ),
        footer=words("report.month.footer", version=data["version"]),
        page=words("report.page"),
        blocks=blocks,
    )


def _summary(data: Mapping[str, Any], words: Words) -> list[Block]:
    alerts, lang = data["alerts"], words.language
    whole = sum(1 for station in data["stations"] if station["days_with_data"] == station["days_expected"])
    sentences = [
        words.counted("report.summary.alerts", alerts["total"]) if alerts["total"] else words("report.summary.quiet"),
        words.counted("report.summary.waiting", alerts["waiting"])
        if alerts["waiting"]
        else words("report.summary.answered"),
        words.counted("report.summary.events", data["events"]),
        words("report.summary.stations", ok=number(whole, lang), all=number(len(data["stations"]), lang)),
        _loss_sentence(data, words),
        posture_sentence(data["posture"], words),
        vulnerabilities_sentence(data["vulnerabilities"], words),
    ]
    return [Heading(words("report.summary")), Para(" ".join(sentences), "lead")]


def _loss_sentence(data: Mapping[str, Any], words: Words) -> str:
    if not data["losses"]:
        return words("report.summary.lost.none")
    return words.counted("report.summary.lost", data["lost"]) if data["lost"] else words("report.summary.lost.unknown")


def _watch(data: Mapping[str, Any], words: Words) -> list[Block]:
    lang, days = words.language, data["days"]
    top = max(days, key=lambda name: days[name])
    blocks: list[Block] = [
        Heading(words("report.watch")),
        Chart(
            svg=bars(list(days.values()), [name[-2:] for name in days]),
            alt=words(
                "report.watch.chart.alt",
                top=number(days[top], lang),
                day=_day(top),
                empty=number(sum(1 for count in days.values() if not count), lang),
            ),
            caption=words("report.watch.chart"),
        ),
        Facts(
            [words("report.watch.source"), words("report.watch.events")],
            [[name, number(count, lang)] for name, count in data["sources"].items()]
            + [[words("report.watch.rules"), number(data["rules"], lang)]],
            words("report.watch.sources"),
        ),
    ]
    if not data["stations"]:
        return [*blocks, Para(words("report.watch.stations.none"))]
    return [*blocks, _stations(data["stations"], words)]


def _stations(stations: Sequence[Mapping[str, Any]], words: Words) -> Table:
    lang = words.language
    head = ["station", "system", "events", "days", "silent", "seen"]
    rows = [
        [
            station["hostname"],
            station["os"],
            number(station["events"], lang),
            words("report.watch.days.of", ok=station["days_with_data"], all=station["days_expected"]),
            _silent(station["silent_days"], words),
            moment(station["seen_at"], lang) if station["seen_at"] else words("report.never"),
        ]
        for station in stations
    ]
    names = [words(f"report.watch.{name}") for name in head]
    return Table(names, rows, words("report.watch.stations"), [3, 3, 0, 0, 3, 0], ["l", "l", "r", "r", "l", "l"])


def _silent(days: Sequence[str], words: Words) -> str:
    if not days:
        return words("report.none")
    named = ", ".join(_day(name)[:5] for name in days[:SILENT_DAYS])
    return named + (f" … ({len(days)})" if len(days) > SILENT_DAYS else "")


def _found(data: Mapping[str, Any], words: Words) -> list[Block]:
    alerts, lang = data["alerts"], words.language
    levels = [[words(f"report.level.{n}"), number(alerts["by_level"][str(n)], lang)] for n in range(4, -1, -1)]
    times = [
        [
            words(f"report.found.{name}"),
            span(int(alerts[key]), lang) if alerts[key] is not None else words("report.none"),
        ]
        for name, key in (("median", "reaction_median"), ("longest", "reaction_longest"), ("closing", "closing_median"))
    ]
    outcomes = [
        [words(f"report.outcome.{name}"), number(alerts["by_outcome"].get(name, 0), lang)]
        for name in ("threat", "permitted", "false_alarm", "undecided")
    ]
    blocks: list[Block] = [
        Heading(words("report.found")),
        Facts([words("report.found.level"), words("report.found.count")], levels, words("report.found.levels")),
        Facts([words("report.what"), words("report.value")], times + outcomes, words("report.found.reaction")),
    ]
    if not alerts["high"]:
        return [*blocks, Para(words("report.found.high.none"))]
    blocks.append(_high(alerts["high"], words))
    if alerts["high_left_out"]:
        blocks.append(Para(words.counted("report.found.high.more", alerts["high_left_out"])))
    return blocks


def _high(alerts: Sequence[Mapping[str, Any]], words: Words) -> Table:
    names = [words(f"report.found.{name}") for name in ("number", "when", "title")]
    head = [*names, words("report.watch.station"), words("report.found.level"), words("report.found.state")]
    rows = [
        [
            str(alert["id"]),
            moment(alert["created_at"], words.language),
            alert["title"] + (f" ({words('report.found.imported')})" if alert["late"] else ""),
            alert["host"],
            words(f"report.level.{alert['level']}"),
            _state(alert, words),
        ]
        for alert in alerts
    ]
    return Table(head, rows, words("report.found.high"), [0, 0, 4, 3, 0, 2], ["r", "l", "l", "l", "l", "l"])


def _state(alert: Mapping[str, Any], words: Words) -> str:
    state = words(f"report.state.{alert['state']}")
    return f"{state}: {words('report.outcome.' + alert['outcome'])}" if alert["outcome"] else state


def _lost(data: Mapping[str, Any], words: Words) -> list[Block]:
    dead = data["dead_letters"]
    blocks: list[Block] = [Heading(words("report.lost"))]
    if data["losses"]:
        head = [words("report.watch.station"), words("report.lost.cause"), words("report.lost.count")]
        rows = [
            [
                loss["host"],
                loss["cause"],
                number(loss["count"], words.language) if loss["count"] else words("report.lost.unknown"),
            ]
            for loss in data["losses"]
        ]
        blocks.append(Table(head, rows, words("report.lost.table"), [3, 4, 0], ["l", "l", "r"]))
    else:
        blocks.append(Para(words("report.summary.lost.none")))
    blocks.append(Para(words.counted("report.lost.dead", dead) if dead else words("report.lost.dead.none")))
    return blocks


def _anchor(seal: Mapping[str, Any] | None, anchored: Mapping[str, Any] | None, words: Words) -> list[Block]:
    """What an auditor needs to tell this box's history from another: kept on paper, it cannot be written anew."""
    if seal is None:
        return []
    rows = [
        [words("report.anchor.entry"), str(seal["number"])],
        [words("report.anchor.at"), moment(seal["at"], words.language)],
        [words("report.anchor.hash"), grouped(seal["hash"])],
        [words("report.anchor.key"), grouped(seal["key"])],
        [words("report.anchor.signature"), grouped(seal["signature"])],
    ]
    if anchored is not None and anchored["made"]:
        left = _day(anchored["left"]) if anchored["left"] else words("report.anchor.none_left")
        rows.append([words("report.anchor.left"), left])
    facts = Facts([words("report.what"), words("report.value")], rows, words("report.anchor.caption"))
    warning = [Para(words("report.anchor.missing"))] if anchored is not None and anchored["missing"] else []
    return [Heading(words("report.anchor")), Para(words("report.anchor.text")), *warning, facts]


def _day(name: str) -> str:
    year, month, number_ = name.split("-")
    return f"{number_}.{month}.{year}"
