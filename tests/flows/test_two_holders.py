"""An agent's token in two hands: what it could reach ends, for both, and nobody answers what was asked with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.accounts.services import Rotation, TokenLimits, collect_next, issue_api_token
from jit_access.accounts.services.token_use import find_api_token
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.reasons import Reason
from tests.accounts.test_token_use import show
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, TINY, World, active, ask, make_world, reload

pytestmark = pytest.mark.django_db
DAYS = timedelta(days=1)


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def test_grants_and_requests_of_the_agent_end_and_those_of_its_owner_go_on(world: World, clock: Clock) -> None:
    cast = world.cast
    limits = TokenLimits(rotation=Rotation(7 * DAYS, DAYS))
    made = issue_api_token(actor=cast.ada.ref, user=cast.ci_bot, name="nightly", lasts=90 * DAYS, limits=limits)
    assert show(made.text.reveal()) is None
    clock.advance(days=7)
    token = find_api_token(made.text.reveal())
    assert token is not None
    newer = collect_next(token=token).text
    assert newer is not None
    held, asked = active(world, BASE, actor=cast.ci_bot), ask(world, TINY, actor=cast.ci_bot)
    own = active(world, BASE)
    assert show(newer.reveal()) is None
    assert reload(held).state == GrantState.ACTIVE
    assert show(made.text.reveal()) is Reason.TOKEN_COPIED
    assert (reload(held).state, reload(held).end_reason) == (GrantState.REVOKING, Reason.TOKEN_COPIED)
    assert (reload(asked).state, reload(asked).end_reason) == (RequestState.INVALIDATED, Reason.TOKEN_COPIED)
    assert reload(own).state == GrantState.ACTIVE
