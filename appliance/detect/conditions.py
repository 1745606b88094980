"""The condition line of a rule or filter: text over search identifiers to a tree, without recursion."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from .faulty import Refused
from .nodes import Node, all_of, any_of, negate
from .regexes import searcher

#: Characters of one condition line, and brackets inside one another.
MAX_CONDITION = 8192
MAX_BRACKETS = 100
#: An identifier is what stands between spaces and brackets; in quotes it may also hold those.
_TOKEN = re.compile(r"""\s*(?:([()])|'([^']*)'|"([^"]*)"|([^\s()'"]+)|(\S))""")
_QUANTIFIERS: Mapping[str, Callable[..., Node]] = {"1": any_of, "any": any_of, "all": all_of}
_BINDS = {"or": 1, "and": 2, "not": 3}
_WORDS = frozenset({*_BINDS, "(", ")"})
#: (text, whether it was quoted)
_Token = tuple[str, bool]


def condition_node(line: object, identifiers: Mapping[str, Node]) -> Node:
    """The tree of one condition. Raises Refused."""
    if not isinstance(line, str):
        raise Refused("warunek (condition) musi być tekstem; ujmij go w cudzysłów")
    if len(line) > MAX_CONDITION:
        raise Refused(f"warunek ma ponad {MAX_CONDITION} znaków; skróć go albo podziel regułę")
    if "|" in line:
        raise Refused("znak „|” w warunku (np. count()) nie należy już do Sigmy; napisz regułę korelacji")
    return _Reader(_tokens(line), identifiers).node()


def _tokens(line: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(line.rstrip()):
        bracket, single, double, word, stray = match.groups()
        if stray is not None:
            raise Refused("warunek (condition) ma niezamknięty cudzysłów; zamknij go albo usuń")
        quoted = single if single is not None else double
        found.append((quoted, True) if quoted is not None else (bracket or word, False))
    return found


class _Reader:
    """Operands and operators on two stacks; an operator is applied as soon as nothing that follows binds closer."""

    def __init__(self, tokens: list[_Token], identifiers: Mapping[str, Node]) -> None:
        self._tokens = tokens
        self._identifiers = identifiers
        self._next = 0
        self._operands: list[Node] = []
        self._operators: list[str] = []

    def node(self) -> Node:
        """The whole condition."""
        operand_wanted = True
        while self._next < len(self._tokens):
            operand_wanted = self._operand() if operand_wanted else self._operator()
        if operand_wanted:
            raise Refused("warunek (condition) kończy się, zanim powie wszystko; dopisz brakującą nazwę")
        self._apply(0)
        if self._operators:
            raise Refused("warunek (condition) ma niezamknięty nawias; zamknij go")
        return self._operands.pop()

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _operand(self) -> bool:
        text, quoted = self._take()
        if not quoted and text in ("(", "not"):
            self._operators.append(text)
            if self._operators.count("(") > MAX_BRACKETS:
                raise Refused(f"warunek (condition) ma ponad {MAX_BRACKETS} nawiasów jeden w drugim; uprość go")
            return True
        if not quoted and text in _WORDS:
            raise Refused(f"warunek (condition) ma „{text}” tam, gdzie powinna stać nazwa; popraw go")
        self._operands.append(self._selector(text) if self._peek() == ("of", False) else self._identifier(text))
        self._apply(_BINDS["not"])
        return False

    def _operator(self) -> bool:
        text, quoted = self._take()
        if not quoted and text == ")":
            self._apply(0)
            if not self._operators:
                raise Refused("warunek (condition) ma nawias zamykający bez otwierającego; usuń go")
            self._operators.pop()
            self._apply(_BINDS["not"])
            return False
        if quoted or text not in ("and", "or"):
            hint = f"; małymi literami: {text.lower()}" if text.lower() in _BINDS else ""
            raise Refused(f"warunek (condition) ma „{text}” tam, gdzie powinno stać and lub or{hint}; popraw go")
        self._apply(_BINDS[text])
        self._operators.append(text)
        return True

    def _apply(self, at_least: int) -> None:
        """Apply the operators on top that bind at least so close, up to an open bracket."""
        while self._operators and self._operators[-1] != "(" and _BINDS[self._operators[-1]] >= at_least:
            operator = self._operators.pop()
            right = self._operands.pop()
            if operator == "not":
                self._operands.append(negate(right))
                continue
            left = self._operands.pop()
            self._operands.append(all_of([left, right]) if operator == "and" else any_of([left, right]))

    def _identifier(self, name: str) -> Node:
        if name not in self._identifiers:
            raise Refused(f"warunek używa nazwy „{name}”, której nie ma w detection; dodaj ją albo popraw warunek")
        return self._identifiers[name]

    def _selector(self, quantifier: str) -> Node:
        self._take()
        if quantifier not in _QUANTIFIERS or self._peek() is None:
            raise Refused(f"„{quantifier} of” to nie Sigma; użyj: 1 of NAZWA*, all of NAZWA*, 1 of them")
        text, _ = self._take()
        pattern = "*" if text == "them" else text
        found = [node for name, node in self._identifiers.items() if selects(pattern, name)]
        if not found:
            raise Refused(f"wzorzec „{text}” nie pasuje do żadnej nazwy w detection; popraw warunek")
        return _QUANTIFIERS[quantifier](found)


def selects(pattern: str, name: str) -> bool:
    """Whether a selector takes an identifier; names with a leading underscore only when the pattern has one too."""
    if name.startswith("_") and not pattern.startswith("_"):
        return False
    # RE2: a pattern of many stars costs the backtracking engine minutes.
    search = searcher(r"\A(?s:" + ".*".join(re.escape(part) for part in pattern.split("*")) + r")\z")
    return search(name.encode("utf-8", "replace")) is not None
