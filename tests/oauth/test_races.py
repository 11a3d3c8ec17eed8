"""Who was first: a code that is sent twice at once, and a session that ends while its code is redeemed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.mfa.session_keys import PUBLIC_ID
from jit_access.oauth.models import AccessToken
from tests.support.cast import Cast
from tests.support.oauth_client import CommandLine, me
from tests.support.racing import race

ClientFor = Callable[..., Client]
pytestmark = pytest.mark.django_db(transaction=True)


def live() -> int:
    return AccessToken.objects.filter(revoked_at=None).count()


def test_of_many_that_send_one_code_none_keeps_a_token(cast: Cast, client_for: ClientFor) -> None:
    """One of them got it; the others showed that it is in two hands."""
    cli = CommandLine(client_for(cast.ada))
    code = cli.code()
    answers = race([lambda: cli.redeem(code).status_code] * 6)
    assert answers.count(200) <= 1
    assert live() == 0


@pytest.mark.parametrize("turn", range(5))
def test_a_session_that_ends_meanwhile_leaves_no_token(cast: Cast, client_for: ClientFor, turn: int) -> None:
    browser, other = client_for(cast.ada), client_for(cast.ada)
    cli = CommandLine(browser)
    code, session = cli.code(), browser.session[PUBLIC_ID]
    got, ended = race([lambda: cli.redeem(code), lambda: other.post(f"/settings/sessions/{session}/end")])
    assert ended.status_code == 302  # type: ignore[union-attr]  # Django's answer
    assert live() == 0
    if got.status_code == 200:  # type: ignore[union-attr]  # Django's answer
        assert me(got.json()["access_token"])[0] == 401  # type: ignore[union-attr]  # Django's answer
