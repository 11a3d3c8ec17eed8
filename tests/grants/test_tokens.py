"""Tokens: several per grant, each with its own end, none later than the grant's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from jit_access.accounts import services as accounts
from jit_access.credentials.models import CredentialLease
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.lifecycle import LeaseState
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import hash_token
from jit_access.grants import services
from jit_access.grants.services.tokens import MAX_LIVE_TOKENS
from jit_access.notifications.models import Notification
from tests.grants.test_opening import view_of
from tests.support.lifecycles import BASE, HOUR, TINY, World, active, reload, scheduled


def hashes(grant) -> set[str]:
    return {facts.token_hash for facts in view_of(grant).leases}


def test_token_is_known_to_proxies_and_stored_as_a_hash(world: World) -> None:
    grant = active(world, TINY)
    issued = services.issue_token(grant=grant, actor=world.cast.ada, label="laptop")
    text = issued.token.reveal()
    lease = reload(issued.lease)
    assert hashes(grant) == {hash_token(text)} == {lease.token_hash}
    assert lease.state == LeaseState.ISSUED
    assert text not in str(vars(lease))
    assert text not in repr(issued)


def test_token_never_outlives_its_grant(world: World) -> None:
    """TEAM's sessions outlive the grant (anchors 3.2 no. 14)."""
    grant = active(world, TINY)
    assert services.issue_token(grant=grant, actor=world.cast.ada).lease.valid_until == grant.valid_until


@pytest.mark.parametrize("who", ["ben", "cleo", "dora", "ci_bot"])
def test_only_the_holder_gets_tokens(world: World, who: str) -> None:
    grant = active(world, TINY)
    with pytest.raises(NotFound):
        services.issue_token(grant=grant, actor=getattr(world.cast, who))
    assert services.issue_token(grant=grant, actor=world.cast.ada).lease.state == LeaseState.ISSUED


def test_owner_does_not_get_the_tokens_of_a_service_account(world: World) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot)
    with pytest.raises(NotFound):
        services.issue_token(grant=grant, actor=world.cast.ada)
    assert services.issue_token(grant=grant, actor=world.cast.ci_bot)


def test_no_token_before_the_start_or_after_the_end(world: World, clock) -> None:
    waiting = scheduled(world, TINY)
    with pytest.raises(Conflict) as refusal:
        services.issue_token(grant=waiting, actor=world.cast.ada)
    assert refusal.value.reason is Reason.GRANT_NOT_ACTIVE
    grant = active(world, BASE)
    assert services.issue_token(grant=grant, actor=world.cast.ada)
    clock.set(grant.valid_until)
    with pytest.raises(Conflict) as refusal:
        services.issue_token(grant=grant, actor=world.cast.ada)
    assert refusal.value.reason is Reason.GRANT_EXPIRED


def test_there_are_at_most_ten(world: World) -> None:
    grant = active(world, TINY)
    for _ in range(MAX_LIVE_TOKENS):
        last = services.issue_token(grant=grant, actor=world.cast.ada).lease
    with pytest.raises(CallerError) as refusal:
        services.issue_token(grant=grant, actor=world.cast.ada)
    assert refusal.value.reason is Reason.INVALID_INPUT
    services.revoke_token(lease=last, actor=world.cast.ada)
    assert services.issue_token(grant=grant, actor=world.cast.ada)


def test_one_token_is_revoked_and_the_others_go_on(world: World) -> None:
    grant = active(world, TINY)
    first = services.issue_token(grant=grant, actor=world.cast.ada)
    second = services.issue_token(grant=grant, actor=world.cast.ada)
    with pytest.raises(NotFound):
        services.revoke_token(lease=first.lease, actor=world.cast.cleo)
    services.revoke_token(lease=first.lease, actor=world.cast.ben)
    assert reload(first.lease).state == LeaseState.REVOKED
    assert hashes(grant) == {hash_token(second.token.reveal())}
    services.revoke_token(lease=first.lease, actor=world.cast.ada)  # a repeat changes nothing
    assert reload(first.lease).version == 4


def test_rotation_leaves_the_old_one_its_overlap(world: World, clock) -> None:
    grant = active(world, TINY)
    first = services.issue_token(grant=grant, actor=world.cast.ada, label="laptop")
    second = services.rotate_token(lease=first.lease, actor=world.cast.ada)
    old = reload(first.lease)
    assert (old.state, old.rotated_to, second.lease.label) == (LeaseState.ROTATED, second.lease, "laptop")
    left = (old.valid_until - clock.now()).total_seconds()
    assert settings.LEASE_OVERLAP_S - 30 < left <= settings.LEASE_OVERLAP_S
    assert len(hashes(grant)) == 2
    clock.set(old.valid_until)
    services.expire_due_grants()
    assert reload(old).state == LeaseState.EXPIRED
    assert reload(second.lease).state == LeaseState.ISSUED


def test_overlap_never_lengthens_a_token(world: World, clock) -> None:
    grant = active(world, BASE, lasts_s=HOUR)
    first = services.issue_token(grant=grant, actor=world.cast.ada)
    clock.set(grant.valid_until - timedelta(seconds=60))
    services.rotate_token(lease=first.lease, actor=world.cast.ada)
    assert reload(first.lease).valid_until == grant.valid_until


def test_two_rotations_of_one_token_give_one_successor(world: World) -> None:
    grant = active(world, TINY)
    first = services.issue_token(grant=grant, actor=world.cast.ada)
    services.rotate_token(lease=first.lease, actor=world.cast.ada)
    with pytest.raises(Conflict):
        services.rotate_token(lease=first.lease, actor=world.cast.ada)
    assert CredentialLease.objects.count() == 2


def test_people_are_not_rotated_in_the_middle_of_a_transfer(world: World, clock) -> None:
    mine, bots = active(world, BASE, lasts_s=4 * HOUR), active(world, BASE, actor=world.cast.ci_bot, lasts_s=2 * HOUR)
    services.issue_token(grant=mine, actor=world.cast.ada)
    services.issue_token(grant=bots, actor=world.cast.ci_bot)
    clock.advance(seconds=settings.LEASE_ROTATE_AFTER_S - 30)
    assert services.rotate_due_leases() == 0
    clock.advance(seconds=60)
    assert services.rotate_due_leases() == 1
    assert services.rotate_due_leases() == 0
    assert Notification.objects.filter(kind="token-rotated", user=world.cast.ada).count() == 1  # bots' owner reads


def test_rotated_token_is_collected_once_and_sealed_until_then(world: World, clock) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot, lasts_s=2 * HOUR)
    first = services.issue_token(grant=grant, actor=world.cast.ci_bot).lease
    clock.advance(seconds=settings.LEASE_ROTATE_AFTER_S + 1)
    services.rotate_due_leases()
    successor = reload(first).rotated_to
    assert "jita_" not in successor.sealed_token
    with pytest.raises(NotFound):
        services.collect_rotated_token(lease=successor, actor=world.cast.ada)
    token = services.collect_rotated_token(lease=successor, actor=world.cast.ci_bot)
    assert hash_token(token.reveal()) == successor.token_hash
    assert reload(successor).sealed_token == ""
    with pytest.raises(Conflict):
        services.collect_rotated_token(lease=successor, actor=world.cast.ci_bot)


def test_ended_grant_forgets_what_waits(world: World, clock) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot, lasts_s=2 * HOUR)
    first = services.issue_token(grant=grant, actor=world.cast.ci_bot).lease
    clock.advance(seconds=settings.LEASE_ROTATE_AFTER_S + 1)
    services.rotate_due_leases()
    services.revoke_grant(actor=world.cast.dora, grant=grant)
    successor = reload(first).rotated_to
    assert (reload(successor).sealed_token, reload(successor).state) == ("", LeaseState.REVOKING)
    with pytest.raises(Conflict) as refusal:
        services.collect_rotated_token(lease=successor, actor=world.cast.ci_bot)
    assert refusal.value.reason is Reason.GRANT_REVOKED


def test_locked_owner_means_no_tokens(world: World) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot)
    assert services.issue_token(grant=grant, actor=world.cast.ci_bot)
    accounts.lock_account(actor=GATEWAY, user=world.cast.ada)
    with pytest.raises(NotFound):
        services.issue_token(grant=grant, actor=world.cast.ci_bot)
