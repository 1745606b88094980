"""The index of a pack for people: one page of HTML that needs nothing else. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from appliance.evidence.faraway import HourAfar
from appliance.evidence.keys import grouped
from appliance.evidence.words import about_events, catalogue, counted, say
from appliance.language.dates import moment
from appliance.language.numbers import number
from appliance.language.typography import bind_spaces
from appliance.settings import Settings

FILES = (
    "events",
    "cluster",
    "hours",
    "packets",
    "alerts",
    "chain",
    "seals",
    "keys",
    "proofs",
    "pack",
    "verify",
    "files",
)
HOURS = 1000
"""Hours of a cluster that the page lists; all are in `hours.ndjson`."""
GAPS = 1000
"""Missing segments that the page lists; all are in `pack.json`."""
_NAMES = {
    "packets": "packets/*.pcapng",
    "keys": "keys.json",
    "pack": "pack.json",
    "verify": "verify.py",
    "files": "files.json",
}
_CODE = re.compile("`([^`]*)`")
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;"
    "vertical-align:top}.wide{overflow-x:auto}"
)


def index(
    about: Mapping[str, Any],
    alerts: Sequence[Mapping[str, Any]],
    afar: Sequence[HourAfar],
    fingerprint: str,
    settings: Settings,
) -> str:
    """Return the page in the box's language. `about` is what `pack.json` says, `afar` hours of a cluster."""
    lang = settings.language

    def t(key: str, **values: Any) -> str:
        return bind_spaces(escape(say(f"index.{key}", lang, **values)), lang)

    gaps = about["gaps"]
    apart = _CODE.sub(r"<code>\1</code>", bind_spaces(escape(about_events(settings, lang)), lang))
    missing = about["missing"] and (gaps or not apart)
    facts = [
        (t("office"), escape(settings.office.name)),
        (t("made"), escape(moment(about["made_at"], lang))),
        (t("range"), escape(_range(about, lang))),
        (t("events"), number(about["events"], lang) + (f"<br>{apart}" if apart else "")),
        *([(t("cluster"), number(about["cluster"]["wanted"], lang))] if afar else []),
        *([(t("beside"), number(about["beside"], lang))] if about["beside"] else []),
        *([(t("missing" if not gaps else "missing.damaged"), number(about["missing"], lang))] if missing else []),
        *([(t("gaps"), number(sum(one["rows"] for one in gaps), lang))] if gaps else []),
        (t("segments"), number(about["segments"], lang)),
        *([(t("packets"), number(about["packets"], lang))] if about["packets"] else []),
        (t("chain"), f"{about['first']}–{about['last']}"),
        (t("key"), f"<code>{grouped(fingerprint)}</code>"),
    ]
    title, command = t("title"), "python3 verify.py PACZKA.zip --key ODCISK"
    files = [(f"<code>{_NAMES.get(name, name + '.ndjson')}</code>", t(f"file.{name}")) for name in FILES]
    return "\n".join(
        [
            f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width">',
            f"<style>{_STYLE}</style></head><body><h1>{title}</h1>",
            *(_gaps(gaps, about["alert"] is not None, lang) if gaps else []),
            _table(facts),
            f"<h2>{t('how')}</h2><p>{t('how.text')}</p><p><code>{command}</code></p><p>{t('how.trust')}</p>",
            *(_hours(afar, lang) if afar else []),
            f"<h2>{t('alerts')}</h2>",
            *(_alerts(alerts, lang) if alerts else [f"<p>{t('alerts.none')}</p>"]),
            f"<h2>{t('files')}</h2>",
            _table(files),
            "</body></html>",
        ]
    )


def _range(about: Mapping[str, Any], lang: str) -> str:
    if about["alert"] is not None:
        return say("index.range.case", lang, alert=about["alert"])
    start, end = ("…" if about[name] is None else moment(about[name], lang) for name in ("start", "end"))
    return say("index.range.of", lang, start=start, end=end)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    body = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows)
    return f'<div class="wide"><table>{body}</table></div>'


def _alerts(alerts: Sequence[Mapping[str, Any]], lang: str) -> Iterator[str]:
    names = ("alert", "when", "who", "what", "entry")
    head = "".join(f'<th scope="col">{escape(say(f"index.{name}", lang))}</th>' for name in names)
    yield f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>'
    for alert in alerts:
        for item in alert["history"]:
            if "action" in item["payload"]:
                yield _line(item, lang)
    yield "</tbody></table></div>"


def _gaps(gaps: Sequence[Mapping[str, Any]], case: bool, lang: str) -> Iterator[str]:
    """Tell each segment whose events are missing, before anything else."""
    names = ("segment", "events", "first", "last", "why", "entry")
    head = "".join(f'<th scope="col">{escape(say(f"index.gaps.{name}", lang))}</th>' for name in names)
    told = counted("index.gaps.text", lang, sum(one["rows"] for one in gaps))
    yield f"<h2>{escape(say('index.gaps.head', lang))}</h2>"
    yield f"<p><strong>{bind_spaces(escape(told), lang)}</strong></p>"
    more = say("index.gaps.case" if case else "index.gaps.how", lang)
    yield f"<p>{bind_spaces(escape(more), lang)}</p>"
    yield f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>'
    for one in gaps[:GAPS]:
        seal = say("index.gaps.none", lang) if one["entry"] is None else number(one["entry"], lang)
        times = (escape(moment(one[name], lang)) for name in ("min_time", "max_time"))
        why = escape(say(f"index.gaps.why.{one['why']}", lang))
        cells = [f"<code>{escape(one['file'])}</code>", number(one["rows"], lang), *times, why, escape(seal)]
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></div>"
    if len(gaps) > GAPS:
        yield f"<p>{escape(say('index.gaps.more', lang, n=number(len(gaps) - GAPS, lang)))}</p>"


def _hours(afar: Sequence[HourAfar], lang: str) -> Iterator[str]:
    """Tell each hour of a cluster: what of it is in the pack, and which entry proves it."""
    names = ("index", "hour", "wanted", "whole", "entry")
    head = "".join(f'<th scope="col">{escape(say(f"index.hours.{name}", lang))}</th>' for name in names)
    yield f"<h2>{escape(say('index.hours', lang))}</h2>"
    yield f"<p>{bind_spaces(escape(say('index.hours.text', lang)), lang)}</p>"
    yield f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>'
    for one in afar[:HOURS]:
        seal = say("index.hours.none", lang) if one.sealed is None else number(one.sealed.entry, lang)
        counts = number(one.wanted, lang), number(one.events, lang)
        cells = [f"<code>{escape(one.index)}</code>", escape(moment(one.hour, lang)), *counts, escape(seal)]
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></div>"
    if len(afar) > HOURS:
        yield f"<p>{escape(say('index.hours.more', lang, n=number(len(afar) - HOURS, lang)))}</p>"


def _line(item: Mapping[str, Any], lang: str) -> str:
    payload = item["payload"]
    key = f"action.{payload['action']}"
    said = say(key, lang) if key in catalogue() else str(payload["action"])
    told = payload.get("about", {}).get("title") or payload["detail"].get("reason") or payload["detail"].get("text")
    cells = [payload["alert"], moment(payload["at"], lang), payload["who"], f"{said}: {told}" if told else said]
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in [*cells, item["entry"]]) + "</tr>"
