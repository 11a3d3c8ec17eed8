"""Tokens as rules. An expression is a tuple: the name of its form, then its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.cedar_oracle.lexing import OutsideSubset, Token, pattern_of, string_of, tokens_of

Expression = tuple[Any, ...]
_VARIABLES = frozenset({"principal", "action", "resource", "context"})
_COMPARING = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_METHODS = frozenset({"contains", "containsAll", "containsAny", "isEmpty"})


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule as it is written; `scope` and `conditions` must all be true, in this order."""

    annotations: Mapping[str, str]
    is_permit: bool
    scope: tuple[Expression, ...]
    conditions: tuple[Expression, ...]


def policies_of(text: str) -> tuple[Policy, ...]:
    """All rules of a file. Raises: OutsideSubset."""
    reader = _Reader(tokens_of(text))
    found = []
    while reader.now.kind != "end":
        found.append(reader.policy())
    return tuple(found)


class _Reader:
    """Recursive descent, one method for each line of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    @property
    def now(self) -> Token:
        return self._tokens[self._next]

    def take(self, text: str = "", kind: str = "") -> Token:
        token = self.now
        if (text and token.text != text) or (kind and token.kind != kind):
            raise OutsideSubset(f"at {token.at}: {token.text!r} where {text or kind} was expected")
        self._next += 1
        return token

    def took(self, *texts: str) -> str:
        if self.now.kind in {"word", "sign"} and self.now.text in texts:
            return self.take().text
        return ""

    def policy(self) -> Policy:
        annotations = {}
        while self.took("@"):
            name = self.take(kind="word").text
            annotations[name] = ""
            if self.took("("):
                annotations[name] = string_of(self.take(kind="string").text)
                self.take(")")
        effect = self.take(kind="word").text
        if effect not in {"permit", "forbid"}:
            raise OutsideSubset(f"effect {effect}")
        self.take("(")
        scope = [self.scope("principal")]
        self.take(",")
        scope.append(self.scope("action"))
        self.take(",")
        scope.append(self.scope("resource"))
        self.took(",")
        self.take(")")
        conditions = []
        while word := self.took("when", "unless"):
            self.take("{")
            said = self.expression()
            self.take("}")
            conditions.append(said if word == "when" else ("!", said))
        self.take(";")
        return Policy(annotations, effect == "permit", tuple(scope), tuple(conditions))

    def scope(self, variable: str) -> Expression:
        self.take(variable)
        return self.relation_to(("var", variable), self.now.text) or ("value", ("bool", True))

    def expression(self) -> Expression:
        if self.took("if"):
            test = self.expression()
            self.take("then")
            yes = self.expression()
            self.take("else")
            return ("if", test, yes, self.expression())
        left = self.conjunction()
        while self.took("||"):
            left = ("||", left, self.conjunction())
        return left

    def conjunction(self) -> Expression:
        left = self.relation()
        while self.took("&&"):
            left = ("&&", left, self.relation())
        return left

    def relation(self) -> Expression:
        left = self.sum()
        return self.relation_to(left, self.now.text) or left

    def relation_to(self, left: Expression, sign: str) -> Expression | None:
        if self.now.kind == "string" or sign not in {*_COMPARING, "has", "like", "is"}:
            return None
        self.take()
        if sign in _COMPARING:
            return (sign, left, self.sum())
        if sign == "has":
            name = self.take()
            return ("has", left, string_of(name.text) if name.kind == "string" else name.text)
        if sign == "like":
            return ("like", left, pattern_of(self.take(kind="string").text))
        is_of = ("is", left, self.take(kind="word").text)
        return ("&&", is_of, ("in", left, self.sum())) if self.took("in") else is_of

    def sum(self) -> Expression:
        left = self.product()
        while sign := self.took("+", "-"):
            left = (sign, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.unary()
        while self.took("*"):
            left = ("*", left, self.unary())
        return left

    def unary(self) -> Expression:
        if self.took("!"):
            return ("!", self.unary())
        if self.took("-"):
            # The least number has no positive twin, so a sign before a number belongs to it.
            if self.now.kind == "long":
                return self.member(("value", ("long", -int(self.take().text))))
            return ("neg", self.unary())
        return self.member(self.primary())

    def member(self, of: Expression) -> Expression:
        while sign := self.took(".", "["):
            if sign == "[":
                of = (".", of, string_of(self.take(kind="string").text))
                self.take("]")
                continue
            name = self.take(kind="word").text
            if not self.took("("):
                of = (".", of, name)
                continue
            if name not in _METHODS:
                raise OutsideSubset(f"method {name}")
            of = (name, of) if self.took(")") else (name, of, self.last(")"))
        return of

    def last(self, sign: str) -> Expression:
        found = self.expression()
        self.take(sign)
        return found

    def primary(self) -> Expression:
        token = self.take()
        if token.kind == "long":
            return ("value", ("long", int(token.text)))
        if token.kind == "string":
            return ("value", ("string", string_of(token.text)))
        if token.kind == "word":
            return self.named(token)
        if token.text in {"(", "[", "{"}:
            return self.bracketed(token.text)
        raise OutsideSubset(f"at {token.at}: {token.text!r}")

    def named(self, token: Token) -> Expression:
        if token.text in {"true", "false"}:
            return ("value", ("bool", token.text == "true"))
        if token.text in _VARIABLES:
            return ("var", token.text)
        self.take("::")
        return ("value", ("entity", token.text, string_of(self.take(kind="string").text)))

    def bracketed(self, sign: str) -> Expression:
        if sign == "(":
            return self.last(")")
        return ("set", *self.items()) if sign == "[" else ("record", *self.fields())

    def items(self) -> list[Expression]:
        found: list[Expression] = []
        while not self.took("]"):
            found.append(self.expression())
            self.took(",")
        return found

    def fields(self) -> list[tuple[str, Expression]]:
        found = []
        while not self.took("}"):
            name = self.take()
            self.take(":")
            found.append((string_of(name.text) if name.kind == "string" else name.text, self.expression()))
            self.took(",")
        return found
