"""Where in the HTML of a template an expression stands: elements may stand in text alone.

In text, signs that nobody sees are spelled out in an element of their own. In an attribute, and in the text of a field
of a form, that would be no element but broken HTML: there a value is itself, since it is sent back or compared, and
what is only shown or read out is spelled out without an element.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup, escape

from appliance.web.i18n import bare, visible

_TAG = re.compile(r"<(/?[a-zA-Z][\w-]*)|<!--.*?-->", re.DOTALL)
_IN_TAG = re.compile(r"""(?P<name>[\w:@.-]*)\s*=\s*(?P<quote>["'])|(?P<end>>)""")
_PLAIN = frozenset({"textarea", "title"})
"""Elements that hold text and no elements."""
_READ = frozenset({"title", "alt", "placeholder", "label"})


def itself(value: object) -> object:
    """Return a text for a place without elements, as it is."""
    return value if not isinstance(value, str) else bare(value) if isinstance(value, Markup) else escape(value)


def read(value: object) -> object:
    """Return a text for a place without elements that people read: invisible signs are spelled out."""
    return value if not isinstance(value, str) else bare(value if isinstance(value, Markup) else visible(value))


class Place:
    """Walks over the HTML of one template; `filter` names what an expression goes through that stands there."""

    def __init__(self) -> None:
        self._tag = self._name = self._quote = self._plain = ""

    @property
    def filter(self) -> str | None:
        """Return `itself`, `read`, or None in text."""
        if self._quote:
            return "read" if self._name in _READ or self._name.startswith("aria-") else "itself"
        return {"textarea": "itself", "title": "read"}.get(self._plain)

    def inside(self, tag: str) -> None:
        """Go on within an element whose beginning stands in another template; '' for none."""
        self._plain = tag

    def over(self, html: str) -> None:
        """Go on behind a piece of HTML."""
        at = 0
        while at < len(html):
            at = self._step(html, at)

    def _step(self, html: str, at: int) -> int:
        if self._quote:
            end = html.find(self._quote, at)
            if end < 0:
                return len(html)
            self._quote = ""
            return end + 1
        if self._tag:
            return self._in_tag(html, at)
        found = _TAG.search(html, at)
        if found is None:
            return len(html)
        tag = (found[1] or "").lower()
        if self._plain in ("", tag.removeprefix("/")):
            self._tag, self._plain = tag, ""
        return found.end()

    def _in_tag(self, html: str, at: int) -> int:
        found = _IN_TAG.search(html, at)
        if found is None:
            return len(html)
        if found["end"]:
            self._plain = self._tag if self._tag in _PLAIN else ""
            self._tag = ""
        else:
            self._name, self._quote = found["name"].lower(), found["quote"]
        return found.end()


class Places(Extension):
    """Puts every expression that stands in an attribute or in the text of a field through the filter of its place."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Yield a template's tokens, with parentheses and a filter around such expressions."""
        place = Place()
        return self._filtered(stream, place)

    @staticmethod
    def _filtered(stream: TokenStream, place: Place) -> Iterator[Token]:
        statement: list[str] = []
        for token in stream:
            name = place.filter
            if token.type == "data":
                place.over(token.value)
            elif token.type == "block_begin":
                statement = []
            elif token.type == "name":
                statement.append(token.value)
            elif token.type == "block_end" and statement[:1] in (["block"], ["endblock"]):
                # What a page calls itself stands in its layout's <title>.
                place.inside("title" if statement == ["block", "title"] else "")
            if token.type == "variable_end" and name:
                yield Token(token.lineno, "rparen", ")")
                yield Token(token.lineno, "pipe", "|")
                yield Token(token.lineno, "name", name)
            yield token
            if token.type == "variable_begin" and name:
                yield Token(token.lineno, "lparen", "(")
