"""From an id to an account or token: hidden and unknown look the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.accounts.access import get_account, get_token
from jit_access.accounts.services import issue_api_token, lock_account
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import NotFound
from tests.support.cast import Cast


def test_who_may_see_which_account(cast: Cast) -> None:
    assert get_account(cast.ada, cast.ada.public_id) == cast.ada
    assert get_account(cast.ada, cast.ci_bot.public_id) == cast.ci_bot
    assert get_account(cast.dora, cast.ada.public_id) == cast.ada
    for actor, hidden in [(cast.cleo, cast.ada), (cast.ben, cast.ci_bot), (cast.ci_bot, cast.ada)]:
        with pytest.raises(NotFound) as refused:
            get_account(actor, hidden.public_id)
        with pytest.raises(NotFound) as unknown:
            get_account(actor, "usr_nobody")
        assert str(refused.value) == str(unknown.value)


def test_a_locked_auditor_sees_nobody_else(cast: Cast) -> None:
    lock_account(actor=GATEWAY, user=cast.dora)
    with pytest.raises(NotFound):
        get_account(cast.dora, cast.ada.public_id)


def test_who_may_reach_which_token(cast: Cast) -> None:
    token = issue_api_token(actor=cast.ada.ref, user=cast.ci_bot, name="ci", lasts=timedelta(days=1)).token
    assert get_token(cast.ada, token.public_id) == token
    assert get_token(cast.ci_bot, token.public_id) == token
    assert get_token(cast.dora, token.public_id) == token
    for actor, wanted in [(cast.ben, token.public_id), (cast.cleo, token.public_id), (cast.ada, "tok_nothing")]:
        with pytest.raises(NotFound):
            get_token(actor, wanted)
