"""One running gateway for all stories of a test process: starting it costs more than telling them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.stack import Stack, running_stack
from tests.support.visitor import Visitor

PROOF_LASTS_S = 240  # less than any rule of the demo asks for, so that a story may take its time


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


@pytest.fixture(scope="session")
def visit(stack: Stack) -> Iterator[Callable[[str], Visitor]]:
    """`visit("ada")`: signed in with a second factor, for all stories that are told soon, because a code works once."""
    with contextlib.ExitStack() as opened:
        known: dict[str, Visitor] = {}
        proved: dict[str, float] = {}

        def make(username: str) -> Visitor:
            if username not in known:
                visitor = Visitor(stack, username)
                opened.callback(visitor.close)
                visitor.sign_in()
                known[username], proved[username] = visitor, time.monotonic()
            elif time.monotonic() - proved[username] > PROOF_LASTS_S:
                known[username].prove_again()
                proved[username] = time.monotonic()
            return known[username]

        yield make
