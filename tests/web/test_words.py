"""Sentences about what is asked and held, in words that people say."""

from __future__ import annotations

from jit_access.domain.operations import Operation, Tier
from jit_access.domain.scopes import ResourceScope, Scope, make_scope
from jit_access.web.presenters.words import ask_phrase, held_phrase, held_word


def one(*operations: Operation, tags: tuple[str, ...] = ()) -> Scope:
    return make_scope([ResourceScope("models/tiny", frozenset(operations), tags)])


def test_versions_are_named_once() -> None:
    asked = ask_phrase(one(Operation.PROMOTE, tags=("3", "4")), Tier.CRITICAL, 3600, "mlflow")
    assert asked == "promote certain versions of a critical repository for 1 hour"
    whole = ask_phrase(one(Operation.PROMOTE), Tier.CRITICAL, 3600, "mlflow")
    assert whole == "promote versions of a critical repository for 1 hour"


def test_what_one_holds_is_a_noun() -> None:
    assert held_phrase(one(Operation.ADMIN), "on") == "administration on models/tiny"
    assert held_word(one(Operation.PULL, Operation.PROMOTE)) == "pull and promotion"
