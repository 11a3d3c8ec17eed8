"""How old a proof may be, to the second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory

from jit_access.accounts.services import issue_api_token
from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import (
    NO_ASSURANCE,
    Assurance,
    Level,
    assurance_of,
    check_fresh,
    require_fresh,
)
from tests.conftest import Clock
from tests.support.cast import Cast

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
MakeClient = Callable[..., Client]


@pytest.mark.parametrize("age_s", [0, 1, 299, 300])
def test_young_enough_passes(age_s: int) -> None:
    check_fresh(Assurance(Level.SECOND_FACTOR, AT, age_s), max_age_s=300)


@pytest.mark.parametrize(
    ("assurance", "reason"),
    [
        (Assurance(Level.SECOND_FACTOR, AT, 301), Reason.SECOND_FACTOR_STALE),
        (Assurance(Level.SECOND_FACTOR, AT, -1), Reason.SECOND_FACTOR_STALE),
        (Assurance(Level.SECOND_FACTOR, None, None), Reason.SECOND_FACTOR_MISSING),
        (Assurance(Level.PASSWORD, AT, 0), Reason.SECOND_FACTOR_MISSING),
        (NO_ASSURANCE, Reason.SECOND_FACTOR_MISSING),
    ],
)
def test_too_old_or_none_is_refused_with_what_is_asked(assurance: Assurance, reason: Reason) -> None:
    with pytest.raises(PolicyRefusal) as refused:
        check_fresh(assurance, max_age_s=300)
    assert refused.value.reason is reason
    assert refused.value.fields["max_age_s"] == 300


def test_a_session_grows_stale(cast: Cast, client_for: MakeClient, clock: Clock) -> None:
    client = client_for(cast.ada)
    request = RequestFactory().get("/")
    request.session, request.user = client.session, cast.ada
    clock.advance(seconds=299)
    assert require_fresh(request, 300).age_s in {299, 300}
    clock.advance(seconds=2)
    with pytest.raises(PolicyRefusal) as refused:
        require_fresh(request, 300)
    assert refused.value.reason is Reason.SECOND_FACTOR_STALE
    assert AuditEntry.objects.get(kind="step-up.asked").reason == "second-factor-stale"


def test_a_proof_counts_for_its_own_account_only(cast: Cast, client_for: MakeClient) -> None:
    request = RequestFactory().get("/")
    request.session, request.user = client_for(cast.ada).session, cast.ben
    assert assurance_of(request) == NO_ASSURANCE
    request.user = AnonymousUser()
    assert assurance_of(request) == NO_ASSURANCE


def test_a_token_proves_nothing_about_a_person_even_beside_a_proved_session(cast: Cast, client_for: MakeClient) -> None:
    text = issue_api_token(actor=cast.ada.ref, user=cast.ada, name="x", lasts=timedelta(days=1)).text.reveal()
    client = client_for(cast.ada)
    assert client.get("/api/v1/me").json()["assurance"]["level"] == "second-factor"
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"}).json()
    assert answer["assurance"] == {"level": "none", "proved_at": None, "age_s": None}
