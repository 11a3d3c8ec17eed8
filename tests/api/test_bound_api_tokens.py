"""An API token that belongs to a key is of no use without it, and a use without it counts for nothing."""

from __future__ import annotations

import pytest

from jit_access.accounts.models import ApiToken
from jit_access.oauth.dpop import new_nonce
from tests.accounts.test_token_use import issue
from tests.support.cast import Cast
from tests.support.workloads.dpop import Holder
from tests.support.workloads.exchanging import call

ME = "http://localhost:8000/api/v1/me"


@pytest.mark.django_db
def test_without_its_key_it_opens_nothing_and_spends_no_use(cast: Cast) -> None:
    holder, thief = Holder(nonce=new_nonce()), Holder(nonce=new_nonce())
    text = issue(cast, jkt=holder.jkt, max_uses=1)
    assert call(text).json()["code"] == "key-proof-missing"
    assert call(text, scheme="DPoP", proof=thief.proof("GET", ME, text)).status_code == 401
    assert ApiToken.objects.get().use_count == 0
    assert call(text, scheme="DPoP", proof=holder.proof("GET", ME, text)).status_code == 200
    assert call(text, scheme="DPoP", proof=holder.proof("GET", ME, text)).json()["code"] == "token-spent"
