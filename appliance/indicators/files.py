"""Files of indicators: one value a line, CSV with a header, a MISP event, a STIX 2.1 bundle. Pure and bounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from appliance.indicators.refusals import Refusal
from appliance.indicators.shared import misp, stix
from appliance.indicators.values import Kind

MAX_BYTES = 32 << 20
MAX_VALUES = 200_000
"""Values of one file."""
_FIELD = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """A value as a file has it, at a line counted from 1. `expires_at` in microseconds where the file tells it."""

    number: int
    text: str
    hint: Kind | None = None
    comment: str = ""
    expires_at: int | None = None


class BadFile(Refusal):
    """A file cannot be read as a whole; `line` is where it stops."""

    def __init__(self, line: int, code: str, **values: object) -> None:
        super().__init__(code, **values)
        self.line = line


_COLUMNS = {
    **dict.fromkeys(("value", "indicator", "ioc", "wskaznik", "wskaźnik", "wartosc", "wartość"), None),
    **dict.fromkeys(("domain", "domena", "hostname", "fqdn"), Kind.DOMAIN),
    **dict.fromkeys(("ip", "address", "adres", "adres ip", "ip_address"), Kind.ADDRESS),
    **dict.fromkeys(("url", "adres strony"), Kind.URL),
    **dict.fromkeys(("hash", "md5", "sha1", "sha256", "sha-1", "sha-256", "skrot", "skrót"), Kind.HASH),
    **dict.fromkeys(("sender", "email", "e-mail", "nadawca"), Kind.SENDER),
}
"""Columns of a CSV file that hold values."""
_COMMENTS = {"comment", "komentarz", "opis", "description", "uwagi"}


def lines(content: bytes, name: str) -> list[Line]:
    """Return the values of a file by what it is; a name that ends so, or a head of columns, is CSV. Raises BadFile."""
    if len(content) > MAX_BYTES:
        raise BadFile(1, "large", most=MAX_BYTES >> 20)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadFile(line, "not_utf8") from error
    if text.lstrip()[:1] in {"{", "["}:
        found = _json(text)
    else:
        table = name.lower().endswith((".csv", ".tsv")) or _has_head(text)
        found = _csv(text) if table else _plain(text)
    taken: list[Line] = []
    for one in found:
        if len(taken) == MAX_VALUES:
            raise BadFile(one.number, "many", most=MAX_VALUES)
        taken.append(one)
    return taken


def _plain(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.splitlines(), 1):
        value, _, comment = line.partition(" #")
        if value.strip() and not value.lstrip().startswith(("#", ";", "//")):
            yield Line(number, value.strip(), None, comment.strip())


def _has_head(text: str) -> bool:
    """Tell whether the first line names a column of values: a list that was pasted has no name."""
    head = text.split("\n", 1)[0]
    return not _COLUMNS.keys().isdisjoint(name.strip(' "').lower() for name in head.strip().split(_delimiter(head)))


def _delimiter(head: str) -> str:
    return max(",;\t", key=head.count)


def _csv(text: str) -> Iterator[Line]:
    delimiter = _delimiter(text.split("\n", 1)[0])
    csv.field_size_limit(_FIELD)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        values = [(at, _COLUMNS[name]) for at, name in enumerate(names) if name in _COLUMNS]
        comments = [at for at, name in enumerate(names) if name in _COMMENTS]
        if not values:
            wanted = "value, domain, ip, url, hash, sha256, email"
            raise BadFile(1, "no_column", names=wanted)
        for row in reader:
            comment = " ".join(row[at].strip() for at in comments if at < len(row))
            for at, kind in values:
                if at < len(row) and row[at].strip():
                    yield Line(reader.line_num, row[at].strip(), kind, comment)
    except csv.Error as error:
        raise BadFile(reader.line_num, "csv", fault=error) from error


def _json(text: str) -> Iterator[Line]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadFile(error.lineno, "json", fault=error.msg) from error
    places = _Places(text)
    found = stix(document) if isinstance(document, dict) and document.get("type") == "bundle" else misp(document)
    if found is None:
        raise BadFile(1, "no_bundle")
    for one in found:
        yield Line(places.line(one.text), one.text, one.hint, one.comment, one.expires_at)


class _Places:
    """Finds the line of a value in the text of a JSON document: each is looked for after the one before it."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def line(self, value: str) -> int:
        """Return the line, that of the value before it where it is not found: it is written with escapes."""
        written = orjson.dumps(value).decode()[1:-1]
        at = self._text.find(written, self._at)
        if at >= 0:
            self._line += self._text.count("\n", self._at, at)
            self._at = at
        return self._line
