"""Rooms above hear of every change of a request, inside its transaction: what they cannot write, did not happen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jit_access.access_requests import changes, services
from jit_access.access_requests.changes import Change
from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.accounts import services as accounts
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import RequestState
from tests.support.lifecycles import FRONTIER, TINY, World, answer, ask, reload

BASE_IMAGE = "tools/base-image"


@pytest.fixture
def heard() -> Iterator[list[tuple[Change, str]]]:
    """What was announced, and the state that the request was in by then."""
    news: list[tuple[Change, str]] = []

    def note(request: AccessRequest, change: Change) -> None:
        news.append((change, str(request.state)))

    changes.register(note)
    changes.register(note)  # twice registered runs once
    yield news
    changes.unregister(note)


def test_first_of_two_answers_and_the_decision_are_told_apart(world: World, heard) -> None:
    request = ask(world, FRONTIER)
    answer(request, world.cast.ben)
    answer(request, world.cast.ben)  # a repeat changes nothing, so nothing is told
    answer(request, world.cast.dora)
    assert heard == [(Change.SUBMITTED, "pending"), (Change.ANSWERED, "pending"), (Change.DECIDED, "approved")]


def test_denial_is_a_decision(world: World, heard) -> None:
    answer(ask(world, FRONTIER), world.cast.ben, is_approval=False)
    assert heard[-1] == (Change.DECIDED, "denied")


def test_request_that_needs_nobody_is_submitted_and_decided(world: World, heard) -> None:
    ask(world, BASE_IMAGE)
    assert heard == [(Change.SUBMITTED, "pending"), (Change.DECIDED, "approved")]


def test_withdrawn(world: World, heard) -> None:
    request = ask(world, TINY)
    services.withdraw_request(actor=world.cast.ada, request=request)
    services.withdraw_request(actor=world.cast.ada, request=request)
    assert heard[1:] == [(Change.WITHDRAWN, "withdrawn")]


def test_expired(world: World, heard, clock) -> None:
    ask(world, TINY)
    clock.advance(hours=25)
    services.expire_due_requests()
    services.expire_due_requests()
    assert heard[1:] == [(Change.EXPIRED, "expired")]


def test_requester_who_lost_the_group(world: World, heard) -> None:
    ask(world, TINY)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ada, group="research")
    assert heard[1:] == [(Change.INVALIDATED, "invalidated")]


def test_approval_that_no_longer_stands(world: World, heard) -> None:
    answer(ask(world, FRONTIER), world.cast.ben)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    assert heard[2:] == [(Change.VOIDED, "pending")]


def test_handler_that_fails_takes_the_change_back(world: World) -> None:
    request = ask(world, TINY)

    def refuse(_: AccessRequest, change: Change) -> None:
        raise RuntimeError(change)

    changes.register(refuse)
    try:
        with pytest.raises(RuntimeError, match="decided"):
            answer(request, world.cast.ben)
    finally:
        changes.unregister(refuse)
    assert reload(request).state == RequestState.PENDING
    assert not Verdict.objects.exists()
    assert answer(request, world.cast.ben).state == RequestState.APPROVED
