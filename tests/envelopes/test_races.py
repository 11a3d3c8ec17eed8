"""Many ask at once, and what they take together is never more than the day has. Means something only on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from jit_access.access_requests import services as requests
from jit_access.access_requests.models import AccessRequest
from jit_access.core import clock
from jit_access.domain.errors import GatewayError
from jit_access.domain.lifecycle import LIVE_GRANT_STATES
from jit_access.envelopes import services
from jit_access.envelopes.budgets import day_use
from jit_access.envelopes.fitting import find_fit
from jit_access.envelopes.limits import Wish
from jit_access.envelopes.models import Envelope, EnvelopeUse
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import NO_ASSURANCE
from jit_access.policies.answers import Approval
from tests.support.cast import Cast
from tests.support.envelopes import MIB, in_force
from tests.support.lifecycles import TINY, World, draft, make_world, reload, scope_of
from tests.support.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
RUNNERS = 20


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def ask_for(world: World, number: int) -> AccessRequest:
    wanted = draft(world, scope=scope_of(TINY, tags=(f"v{number}",)))
    return requests.submit_request(actor=world.cast.ci_bot, draft=wanted, assurance=NO_ASSURANCE)


def test_twenty_at_once_never_reserve_more_than_the_day(world: World) -> None:
    row = in_force(world, bytes_per_day=75 * MIB, bytes_per_grant=10 * MIB, grants_per_day=100)
    results = race([lambda number=number: ask_for(world, number) for number in range(RUNNERS)])
    assert not [one for one in results if isinstance(one, GatewayError)]
    inside = [one for one in results if isinstance(one, AccessRequest) and one.envelope]
    assert len(inside) == 7
    assert sum(use.reserved_bytes for use in EnvelopeUse.objects.all()) == 70 * MIB
    assert day_use(row, clock.now()).taken_bytes == 70 * MIB
    assert Grant.objects.filter(envelope=row.public_id).count() == 7


def test_twenty_at_once_are_never_more_often_than_the_day(world: World) -> None:
    row = in_force(world, grants_per_day=3)
    results = race([lambda number=number: ask_for(world, number) for number in range(RUNNERS)])
    assert sum(isinstance(one, AccessRequest) and bool(one.envelope) for one in results) == 3
    assert EnvelopeUse.objects.filter(envelope=row).count() == 3


def test_the_envelope_itself_is_the_lock(world: World) -> None:
    """Not only that one account asks one after the other: whoever found it inside holds it until the end."""
    row = in_force(world)
    wish = Wish(scope_of(TINY), 600, 600)

    def find() -> bool:
        with transaction.atomic():
            fit = find_fit(
                agent=world.cast.ci_bot,
                target=world.target,
                wish=wish,
                approvals=(Approval("model-owners", 1),),
                now=clock.now(),
                locks=True,
            )
            assert fit is not None
            Envelope.objects.filter(pk=row.pk).update(lasts_at_most_s=reload(row).lasts_at_most_s + 1)
            return fit.is_inside

    before = row.lasts_at_most_s
    assert all(found is not None for found in race([find for _ in range(RUNNERS)]))
    assert reload(row).lasts_at_most_s == before + RUNNERS


def test_a_revocation_leaves_nothing_open_whoever_asks_meanwhile(world: World) -> None:
    row = in_force(world, expires_at=clock.now() + timedelta(days=1))

    def revoke() -> Envelope:
        return services.revoke_envelope(actor=world.cast.ada, envelope=row)

    race([revoke, *(lambda number=number: ask_for(world, number) for number in range(RUNNERS - 1))])
    assert reload(row).state == "revoked"
    assert not Grant.objects.filter(envelope=row.public_id, state__in=LIVE_GRANT_STATES).exists()
