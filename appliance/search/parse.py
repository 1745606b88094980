"""Text of a query → its tree. The language is specified in docs/search.md."""

from __future__ import annotations

from dataclasses import dataclass

from appliance import clock
from appliance.search.errors import QueryError
from appliance.search.fields import Fields
from appliance.search.lexer import Sort, Token, tokens
from appliance.search.nodes import And, Everything, Exists, Field, Leaf, Node, Not, Or
from appliance.search.times import Now
from appliance.search.values import comparison, free, span, test_of

MAX_LENGTH = 4096
MAX_DEPTH = 20
MAX_CLAUSES = 50
EXISTS = "_exists_"
"""Stands before the name of a field, as a field does before its value."""
_VALUES = (Sort.WORD, Sort.PHRASE, Sort.REGEX)


def parse(text: str, fields: Fields | None = None, now: Now = clock.now) -> Node:
    """Return the tree of a query; an empty one means everything. Relative times ask `now`. Raises QueryError."""
    if len(text) > MAX_LENGTH:
        raise QueryError(MAX_LENGTH, "long", granica=str(MAX_LENGTH))
    reader = _Reader(tokens(text), fields or Fields(), now)
    if len(reader.stream) == 1:
        return Everything()
    node = reader.any_of((), 0)
    if reader.token.sort is not Sort.END:
        raise QueryError(reader.token.position, "bracket")
    return node


@dataclass(slots=True)
class _Reader:
    """Recursive descent: OR binds loosest, then AND (also when left out), then NOT."""

    stream: list[Token]
    fields: Fields
    now: Now
    at: int = 0
    clauses: int = 0

    @property
    def token(self) -> Token:
        return self.stream[self.at]

    def take(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def any_of(self, scope: tuple[Field, ...], depth: int) -> Node:
        children = [self.all_of(scope, depth)]
        while self.token.sort is Sort.OPERATOR and self.token.text == "OR":
            self.take()
            children.append(self.all_of(scope, depth))
        return children[0] if len(children) == 1 else Or(tuple(children))

    def all_of(self, scope: tuple[Field, ...], depth: int) -> Node:
        children = [self.one(scope, depth)]
        while True:
            if self.token.sort is Sort.OPERATOR and self.token.text == "AND":
                self.take()
            elif self.token.sort in (Sort.END, Sort.CLOSE) or (self._operator() and self.token.text == "OR"):
                break
            children.append(self.one(scope, depth))
        return children[0] if len(children) == 1 else And(tuple(children))

    def _operator(self) -> bool:
        return self.token.sort is Sort.OPERATOR

    def one(self, scope: tuple[Field, ...], depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise QueryError(self.token.position, "deep", granica=str(MAX_DEPTH))
        token = self.take()
        if token.sort is Sort.OPERATOR and token.text == "NOT":
            return Not(self.one(scope, depth + 1))
        if token.sort is Sort.OPEN:
            return self.group(token, scope, depth)
        if token.sort is Sort.FIELD and token.text == EXISTS:
            return self.exists(token)
        if token.sort is Sort.FIELD:
            return self.value(self.fields.resolve(token.text, token.position), token, depth)
        if token.sort in _VALUES:
            return self.leaf(scope, token)
        if scope and token.sort in (Sort.RANGE, Sort.COMPARE):
            return self.ranged(scope, token)
        raise self._unexpected(token)

    def group(self, opened: Token, scope: tuple[Field, ...], depth: int) -> Node:
        node = self.any_of(scope, depth + 1)
        if self.token.sort is not Sort.CLOSE:
            raise QueryError(opened.position, "bracket")
        self.take()
        return node

    def value(self, named: tuple[Field, ...], field: Token, depth: int) -> Node:
        token = self.take()
        if token.sort is Sort.OPEN:
            return self.group(token, named, depth)
        if token.sort in _VALUES:
            return self.leaf(named, token)
        if token.sort in (Sort.RANGE, Sort.COMPARE):
            return self.ranged(named, token)
        raise QueryError(field.position + len(field.text) + 1, "value", pole=field.text)

    def exists(self, field: Token) -> Node:
        token = self.take()
        if token.sort not in (Sort.WORD, Sort.PHRASE):
            raise QueryError(field.position + len(field.text) + 1, "exists")
        named = self.fields.resolve(token.text, token.position)
        return self._leaves([Leaf((one,), Exists(), token.position) for one in named])

    def ranged(self, named: tuple[Field, ...], token: Token) -> Node:
        if token.sort is Sort.RANGE:
            return self._leaves([Leaf((one,), span(one, token, self.now), token.position) for one in named])
        bound = self.token
        if bound.sort not in (Sort.WORD, Sort.PHRASE):
            raise QueryError(token.position, "value", pole=named[0].name + ":" + token.text)
        self.take()
        made = [comparison(one, token.text, bound, self.now) for one in named]
        return self._leaves([Leaf((one,), test, bound.position) for one, test in zip(named, made, strict=True)])

    def leaf(self, scope: tuple[Field, ...], token: Token) -> Node:
        if not scope:
            return self._leaves([Leaf((), free(token), token.position)])
        return self._leaves([Leaf((one,), test_of(one, token, self.now), token.position) for one in scope])

    def _leaves(self, leaves: list[Leaf]) -> Node:
        self.clauses += 1
        if self.clauses > MAX_CLAUSES:
            raise QueryError(leaves[0].position, "many", granica=str(MAX_CLAUSES))
        return leaves[0] if len(leaves) == 1 else Or(tuple(leaves))

    def _unexpected(self, token: Token) -> QueryError:
        if token.sort is Sort.CLOSE:
            return QueryError(token.position, "bracket")
        before = self.stream[self.at - 2] if self.at > 1 else token
        operator = token.text or before.text
        if before.sort is Sort.OPEN:
            return QueryError(before.position, "bracket")
        return QueryError(token.position if token.text else before.position, "operand", operator=operator)
