"""One running gateway for all stories of a test process: starting it costs more than telling them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.support.stack import Stack, running_stack
from tests.support.visitor import Visitor


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


@pytest.fixture(scope="session")
def visit(stack: Stack) -> Iterator[Callable[[str], Visitor]]:
    """`visit("ada")`: signed in with a second factor, once for all stories, because a code works once."""
    with contextlib.ExitStack() as opened:
        known: dict[str, Visitor] = {}

        def make(username: str) -> Visitor:
            if username not in known:
                visitor = Visitor(stack, username)
                opened.callback(visitor.close)
                visitor.sign_in()
                known[username] = visitor
            return known[username]

        yield make
