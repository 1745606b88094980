"""Templates: one strict, autoescaping Jinja environment a language, with the filters of that language."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as Scope
from markupsafe import Markup, escape

from appliance.clock import rfc3339
from appliance.language import dates, numbers
from appliance.web.i18n import Catalogue, load, visible
from appliance.web.pages.places import Places, itself, read

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
STATIC_URL = "/static"


@cache
def catalogue() -> Catalogue:
    """Return the product's catalogue, read once a process."""
    return load()


@cache
def static_url(name: str) -> str:
    """Return the address of an asset with a part of its hash, so that browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{STATIC_URL}/{name}?{digest}"


def _shown(value: object) -> object:
    """Make invisible signs of every text that a template prints visible; markup has gone through this already."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def coded(text: str) -> Markup:
    """Return a text as HTML in which what stands between grave accents is code, as our content files write commands."""
    parts = visible(text).split("`")
    if len(parts) % 2 == 0:
        return escape(visible(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(one) if n % 2 else escape(one) for n, one in enumerate(parts)
    )


def _with_now(function: Callable[[int, int, str], str], lang: str) -> Callable[[Scope, int], str]:
    @pass_context
    def filtered(scope: Scope, micros: int) -> str:
        return function(micros, scope["now"], lang)

    return filtered


def precise(micros: int, lang: str) -> str:
    """Return date and time to the millisecond, as evidence wants it: „21.11.2026, 14:03:22,417”."""
    whole = dates.moment(micros, lang)
    fraction = f"{',' if lang == 'pl' else '.'}{micros // 1000 % 1000:03}"
    head, paren, rest = whole.partition("\u00a0(")
    return f"{head}{fraction}{paren}{rest}" if paren else f"{whole}{fraction}"


def told(micros: int, now: int, lang: str) -> str:
    """Return when something happened, short: „o 14:03” today, else the date."""
    if dates.local(micros).date() != dates.local(now).date():
        return dates.day(micros, lang)
    return f"{'o' if lang == 'pl' else 'at'}\u00a0{dates.clock(micros, lang)}"


@cache
def environment(lang: str) -> Environment:
    """Return the environment of a language."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
        extensions=[Places],
    )
    made.globals.update(lang=lang, t=partial(_translate, lang), static=static_url, known=catalogue().__contains__)
    made.filters.update(
        age=_with_now(dates.age, lang),
        since=_with_now(dates.since, lang),
        told=_with_now(told, lang),
        moment=lambda micros: dates.moment(micros, lang),
        precise=lambda micros: precise(micros, lang),
        day=lambda micros: dates.day(micros, lang),
        clock=lambda micros: dates.clock(micros, lang),
        span=lambda micros: dates.span(micros, lang),
        rfc3339=rfc3339,
        number=lambda value: numbers.number(value, lang),
        size=lambda count: numbers.size(count, lang),
        phone=numbers.phone,
        coded=coded,
        itself=itself,
        read=read,
    )
    return made


def _translate(lang: str, key: str, **values: object) -> Markup:
    return catalogue().markup(key, lang, **values)


def render(template: str, lang: str, now: int, values: Mapping[str, Any]) -> str:
    """Return a template's HTML; `now` (µs) is the moment that ages count from."""
    return environment(lang).get_template(template).render({"fault": "", **values, "now": now})
