"""What exists at the target goes, whatever happens on the way."""

from __future__ import annotations

import pytest

from jit_access.audit.models import AuditEntry
from jit_access.domain.lifecycle import GrantState, LeaseState
from jit_access.domain.reasons import Reason
from jit_access.grants import services, tasks
from jit_access.grants.models import Claim, Grant
from jit_access.grants.services.finishing import CLAIM_S, MAX_RETRY_S, PER_TARGET
from jit_access.notifications.models import Notification
from jit_access.targets.models import Target
from tests.support.brokered import BrokeredTarget
from tests.support.lifecycles import BASE, FRONTIER, TINY, World, active, reload, scope_of


def revoked(world: World, *names: str, **changes) -> Grant:
    grant = active(world, *names, **changes)
    services.revoke_grant(actor=world.cast.dora, grant=grant)
    return reload(grant)


def test_injected_access_is_over_at_once(world: World) -> None:
    grant = active(world, TINY)
    lease = services.issue_token(grant=grant, actor=world.cast.ada).lease
    services.revoke_grant(actor=world.cast.dora, grant=grant)
    assert services.finish_revocation(grant_id=grant.pk)
    assert reload(grant).state == GrantState.ENDED
    assert reload(lease).state == LeaseState.REVOKED
    assert not Claim.objects.filter(released_at=None).exists()


def test_finishing_twice_is_a_no_op(world: World, brokered: BrokeredTarget) -> None:
    grant = revoked(world, TINY)
    assert services.finish_revocation(grant_id=grant.pk)
    calls = list(brokered.calls)
    assert not services.finish_revocation(grant_id=grant.pk)
    assert brokered.calls == calls


def test_it_never_gives_up(world: World, brokered: BrokeredTarget, clock) -> None:
    """TEAM gives up after 93 s, Vault calls it irrevocable (anchors 3.2 no. 7). Here: for ever, five minutes apart."""
    grant = revoked(world, TINY)
    brokered.is_away = True
    waits = []
    for _ in range(14):
        assert not services.finish_revocation(grant_id=grant.pk)
        waiting = reload(grant)
        waits.append(round((waiting.next_attempt_at - clock.now()).total_seconds()))
        assert not services.finish_revocation(grant_id=grant.pk)  # not before it is due
        clock.set(waiting.next_attempt_at)
    assert waits[0] < waits[1] < waits[2]
    assert waits[-1] == MAX_RETRY_S
    assert reload(grant).state == GrantState.REVOKE_FAILED
    brokered.is_away = False
    assert services.finish_revocation(grant_id=grant.pk)
    assert (reload(grant).state, reload(grant).exposed_since) == (GrantState.ENDED, None)


def test_security_is_told_at_once_and_once(world: World, brokered: BrokeredTarget, clock) -> None:
    grant = revoked(world, TINY)
    brokered.is_away = True
    for _ in range(3):
        services.finish_revocation(grant_id=grant.pk)
        clock.set(reload(grant).next_attempt_at)
    assert Notification.objects.filter(user=world.cast.dora, kind="grant-exposed").count() == 1
    assert reload(grant).exposed_since is not None
    assert AuditEntry.objects.filter(kind="grant.revoke_failed", reason=Reason.UPSTREAM_AWAY).count() == 3


def test_worker_killed_in_the_middle_is_replaced(world: World, brokered: BrokeredTarget, clock) -> None:
    """Access is off already; the claim runs out and the next worker completes."""
    grant = revoked(world, TINY)

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    brokered.on_remove = die
    with pytest.raises(Killed):
        services.finish_revocation(grant_id=grant.pk)
    brokered.on_remove = lambda: None
    assert services.due_revocations() == []
    assert not services.finish_revocation(grant_id=grant.pk)
    clock.advance(seconds=CLAIM_S + 1)
    assert services.due_revocations() == [grant.pk]
    assert services.finish_revocation(grant_id=grant.pk)
    assert not brokered.held


def test_late_worker_finds_it_done(world: World, brokered: BrokeredTarget, clock) -> None:
    """celery #7918: the first worker may still run the task days later. The second end is a no-op."""
    grant = revoked(world, TINY)

    def overtaken() -> None:
        brokered.on_remove = lambda: None
        clock.advance(seconds=CLAIM_S + 1)
        assert services.finish_revocation(grant_id=grant.pk)

    brokered.on_remove = overtaken
    assert not services.finish_revocation(grant_id=grant.pk)
    assert reload(grant).state == GrantState.ENDED
    assert AuditEntry.objects.filter(kind="grant.ended", grant=grant.public_id).count() == 1


def test_targets_take_turns(world: World, brokered: BrokeredTarget) -> None:
    """Anchors 3.2 no. 10: one slow target must not keep the others waiting."""
    many = [revoked(world, BASE, scope=scope_of(BASE, tags=(f"v{index}",))) for index in range(PER_TARGET + 3)]
    due = services.due_revocations()
    assert due == [grant.pk for grant in many[:PER_TARGET]]


def test_overlapping_grants_never_cut_each_other_off(world: World, brokered: BrokeredTarget) -> None:
    """TEAM #104, #279: the first of two overlapping grants to end took the access of both."""
    first = active(world, BASE)
    second = active(world, BASE, scope=scope_of(BASE, tags=("v1",)))
    services.relinquish_grant(actor=world.cast.ada, grant=first)
    assert services.finish_revocation(grant_id=first.pk)
    assert brokered.names() == {f"{BASE}:pull"}
    services.relinquish_grant(actor=world.cast.ada, grant=second)
    assert services.finish_revocation(grant_id=second.pk)
    assert brokered.names() == set()


def test_back_to_back_grants_never_cut_each_other_off(world: World, brokered: BrokeredTarget, clock) -> None:
    """TEAM #279: also when one ends at the very instant at which the other starts."""
    first = active(world, BASE)
    clock.set(first.valid_until)
    second = active(world, BASE)
    assert services.expire_due_grants() == 1
    assert services.finish_revocation(grant_id=first.pk)
    assert brokered.names() == {f"{BASE}:pull"}
    assert reload(second).state == GrantState.ACTIVE


def test_two_ending_at_once_leave_nothing(world: World, brokered: BrokeredTarget) -> None:
    """TEAM PR #541's scan can race. Each sees the other's claim until the last one lets go under the lock."""
    first = revoked(world, BASE)
    other = active(world, TINY, BASE)
    services.revoke_grant(actor=world.cast.dora, grant=other)
    assert services.finish_revocation(grant_id=first.pk)
    assert services.finish_revocation(grant_id=other.pk)
    assert brokered.names() == set()


def test_claimed_while_being_removed_is_given_back(world: World, brokered: BrokeredTarget) -> None:
    first = revoked(world, BASE)

    def somebody_starts() -> None:
        brokered.on_remove = lambda: None
        active(world, BASE)

    brokered.on_remove = somebody_starts
    assert services.finish_revocation(grant_id=first.pk)
    assert brokered.names() == {f"{BASE}:pull"}


def test_another_subject_is_another_entitlement(world: World, brokered: BrokeredTarget) -> None:
    adas, bots = active(world, BASE), active(world, BASE, actor=world.cast.ci_bot)
    services.relinquish_grant(actor=world.cast.ada, grant=adas)
    services.finish_revocation(grant_id=adas.pk)
    assert {facts.subject_id for facts in brokered.held} == {world.cast.ci_bot.public_id}
    assert reload(bots).state == GrantState.ACTIVE


def test_sweep_finishes_what_the_queue_lost(world: World, brokered: BrokeredTarget) -> None:
    """The broker may lose every message; tests have none at all. The sweep does the work."""
    grants = [revoked(world, BASE), revoked(world, FRONTIER)]
    tasks.finish_due_revocations()
    for grant in grants:
        tasks.finish_revocation(grant.pk)  # what the sweep sent, delivered
    assert {reload(grant).state for grant in grants} == {GrantState.ENDED}
    assert brokered.names() == set()


def test_credential_that_no_longer_opens_is_an_exposure_not_a_crash(world: World, brokered: BrokeredTarget) -> None:
    grant = revoked(world, TINY)
    Target.objects.filter(pk=world.target.pk).update(sealed_password="v1.k.x.y")
    assert not services.finish_revocation(grant_id=grant.pk)
    assert reload(grant).state == GrantState.REVOKE_FAILED
    Target.objects.filter(pk=world.target.pk).update(sealed_password="")
    Grant.objects.filter(pk=grant.pk).update(next_attempt_at=None)
    assert services.finish_revocation(grant_id=grant.pk)
