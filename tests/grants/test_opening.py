"""Grants begin: made by an approval, started by their holder. Each refusal beside the start that works."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.access_requests.services import submit_extension
from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict, NotFound, PeerError, PolicyRefusal
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView, ViewState, decode_view
from jit_access.grants import services
from jit_access.grants.models import Claim, Grant
from jit_access.mfa.assurance import NO_ASSURANCE, Assurance, Level
from jit_access.proxy_sessions.models import SessionViewRow, ViewOutbox
from jit_access.proxy_sessions.pins import read_pins, settle_pins
from jit_access.targets.models import Repository
from tests.support.brokered import BrokeredTarget
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, active, fresh, reload, scheduled, start


def view_of(grant: Grant) -> SessionView:
    return decode_view(SessionViewRow.objects.get(grant_id=grant.public_id).body)


def test_scheduled_grant_opens_nothing(world: World) -> None:
    grant = scheduled(world, BASE)
    assert grant.state == GrantState.SCHEDULED
    assert grant.valid_until is None
    assert not SessionViewRow.objects.filter(grant_id=grant.public_id).exists()
    assert not Claim.objects.exists()


def test_clock_starts_at_activation(world: World, clock) -> None:
    """Glide fails when the window began before the approval (anchors 3.2 no. 15). Time starts with the start."""
    grant = scheduled(world, TINY, lasts_s=2 * HOUR)
    clock.advance(hours=3)
    grant = start(grant)
    assert grant.state == GrantState.ACTIVE
    assert grant.valid_until - grant.activated_at == timedelta(hours=2)
    view = view_of(grant)
    assert (view.state, view.valid_until) == (ViewState.OPEN, grant.valid_until.timestamp())
    assert Claim.objects.filter(grant=grant, released_at=None).count() == 1


def test_view_holds_what_the_proxy_must_know(world: World) -> None:
    grant = active(world, TINY, BASE)
    view = view_of(grant)
    assert (view.actor_id, view.target, view.rule) == (world.cast.ada.public_id, "demo-registry", grant.rule)
    assert {facts.name: (facts.tier, facts.verify_digests) for facts in view.repositories} == {
        TINY: ("sensitive", True),
        BASE: ("standard", False),
    }


def test_starting_twice_starts_once(world: World, clock) -> None:
    grant = active(world, BASE)
    until = grant.valid_until
    clock.advance(minutes=10)
    assert start(grant).valid_until == until


@pytest.mark.parametrize("who", ["ben", "cleo", "dora", "ci_bot"])
def test_only_the_holder_starts(world: World, who: str) -> None:
    grant = scheduled(world, TINY)
    with pytest.raises(NotFound):
        services.activate_grant(actor=getattr(world.cast, who), grant=grant, assurance=fresh())
    assert start(grant).state == GrantState.ACTIVE


@pytest.mark.parametrize(
    ("name", "age_s", "is_fresh"),
    [(TINY, 900, True), (TINY, 901, False), (FRONTIER, 300, True), (FRONTIER, 301, False)],
)
def test_freshness_is_what_the_rule_asks(world: World, name: str, age_s: int, *, is_fresh: bool) -> None:
    grant = scheduled(world, name)
    if is_fresh:
        started = services.activate_grant(actor=world.cast.ada, grant=grant, assurance=fresh(age_s))
        assert started.state == GrantState.ACTIVE
    else:
        with pytest.raises(PolicyRefusal) as refusal:
            services.activate_grant(actor=world.cast.ada, grant=grant, assurance=fresh(age_s))
        assert refusal.value.reason is Reason.SECOND_FACTOR_STALE
        assert AuditEntry.objects.filter(kind="grant.activate.refused", reason=Reason.SECOND_FACTOR_STALE).exists()


@pytest.mark.parametrize("assurance", [NO_ASSURANCE, Assurance(Level.PASSWORD)])
def test_person_without_a_factor_starts_nothing(world: World, assurance: Assurance) -> None:
    grant = scheduled(world, BASE)
    with pytest.raises(PolicyRefusal):
        services.activate_grant(actor=world.cast.ada, grant=grant, assurance=assurance)
    assert start(grant).state == GrantState.ACTIVE


def test_service_account_starts_by_token(world: World) -> None:
    assert active(world, TINY, actor=world.cast.ci_bot).state == GrantState.ACTIVE


def test_start_has_a_deadline_of_its_own(world: World, clock) -> None:
    grant, other = scheduled(world, BASE), scheduled(world, TINY)
    clock.set(grant.start_by)
    with pytest.raises(Conflict) as refusal:
        start(grant)
    assert refusal.value.reason is Reason.START_TOO_LATE
    assert reload(grant).state == GrantState.ENDED
    clock.set(other.start_by - timedelta(seconds=30))
    assert start(other).state == GrantState.ACTIVE


def test_policy_is_asked_again_at_the_start(world: World) -> None:
    """Anchors 3.2 no. 2: eligibility is checked at approval and at activation."""
    grant = scheduled(world, TINY)
    world.cast.ada.groups.clear()
    with pytest.raises(PolicyRefusal) as refusal:
        start(grant)
    assert refusal.value.reason is Reason.NO_RULE_ALLOWS
    accounts.add_to_group(actor=GATEWAY, user=world.cast.ada, group="research")
    assert start(grant).state == GrantState.ACTIVE


def test_raised_tier_needs_approvals_that_were_not_given(world: World) -> None:
    """Tier changed behind everybody's back: the approvals that count now were never given."""
    grant = scheduled(world, TINY)
    Repository.objects.filter(name=TINY).update(tier=Tier.CRITICAL)
    with pytest.raises(PolicyRefusal) as refusal:
        start(grant)
    assert refusal.value.reason is Reason.POLICY_TIGHTENED
    Repository.objects.filter(name=TINY).update(tier=Tier.SENSITIVE)
    assert start(grant).state == GrantState.ACTIVE


def test_exposed_access_blocks_new_starts_there(world: World, brokered: BrokeredTarget) -> None:
    """Anchors 3.2 no. 7: what could not be revoked blocks new grants of that target to that subject."""
    first, second = active(world, BASE), scheduled(world, TINY)
    services.revoke_grant(actor=world.cast.dora, grant=first)
    brokered.is_away = True
    services.finish_revocation(grant_id=first.pk)
    with pytest.raises(PolicyRefusal) as refusal:
        start(second)
    assert refusal.value.reason is Reason.EXPOSED_ELSEWHERE
    brokered.is_away = False
    assert active(world, BASE, actor=world.cast.ci_bot).state == GrantState.ACTIVE  # another subject
    with pytest.raises(PolicyRefusal):
        start(second)
    Grant.objects.filter(pk=first.pk).update(next_attempt_at=None)
    assert services.finish_revocation(grant_id=first.pk)
    assert start(second).state == GrantState.ACTIVE


def test_target_that_does_not_play_along_leaves_nothing(world: World, brokered: BrokeredTarget) -> None:
    """TEAM's grant-error path ends without a revoke (anchors 3.2 no. 11): an uncertain create is compensated."""
    grant = scheduled(world, BASE)

    def fail_once() -> None:
        brokered.is_away = not brokered.is_away

    brokered.on_ensure = fail_once
    brokered.on_remove = fail_once
    with pytest.raises(PeerError):
        start(grant)
    assert reload(grant).state == GrantState.ACTIVATION_FAILED
    assert ("remove", BASE) in brokered.calls
    assert not Claim.objects.filter(grant=grant, released_at=None).exists()
    assert not SessionViewRow.objects.filter(grant_id=grant.public_id, is_open=True).exists()


def test_uncertain_start_that_cannot_be_undone_goes_on_being_undone(world: World, brokered: BrokeredTarget) -> None:
    grant = scheduled(world, BASE)
    brokered.is_away = True
    with pytest.raises(PeerError):
        start(grant)
    assert reload(grant).state == GrantState.REVOKING
    assert not services.finish_revocation(grant_id=grant.pk)
    assert reload(grant).state == GrantState.REVOKE_FAILED


def test_revoked_while_the_target_answers(world: World, brokered: BrokeredTarget) -> None:
    """Glide: a revoke that lands during activation stops the only thing that would have ended it (3.2 no. 31)."""
    grant = scheduled(world, BASE)

    def revoke() -> None:
        services.revoke_grant(actor=world.cast.dora, grant=grant)
        # A worker that is quick must not remove what is only being made.
        assert not services.finish_revocation(grant_id=grant.pk)

    brokered.on_ensure = revoke
    with pytest.raises(Conflict) as refusal:
        start(grant)
    assert refusal.value.reason is Reason.GRANT_REVOKED
    assert brokered.held
    assert services.finish_revocation(grant_id=grant.pk)
    assert reload(grant).state == GrantState.ENDED
    assert not brokered.held


def test_worker_killed_during_activation_is_noticed(world: World, brokered: BrokeredTarget, clock) -> None:
    grant = scheduled(world, BASE)

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    brokered.on_ensure = die
    with pytest.raises(Killed):
        start(grant)
    assert reload(grant).state == GrantState.ACTIVATING
    assert services.expire_due_grants() == 0
    clock.advance(seconds=91)
    assert services.expire_due_grants() == 1
    assert services.finish_revocation(grant_id=grant.pk)
    assert reload(grant).state == GrantState.ENDED


def test_extension_takes_tokens_and_streams_along(world: World, clock) -> None:
    older = active(world, BASE)
    issued = services.issue_token(grant=older, actor=world.cast.ada, label="laptop")
    repository = older.scope[0]["repository"]
    settle_pins(grant_id=older.public_id, repository=repository, names={"main": "a" * 40})
    clock.advance(minutes=30)
    newer = start(scheduled_extension(world, older))
    assert read_pins(newer.public_id, repository) == {"main": "a" * 40}
    assert reload(older).state == GrantState.REVOKING
    assert reload(older).end_reason == Reason.GRANT_EXTENDED
    lease = reload(issued.lease)
    assert (lease.grant_id, lease.valid_until) == (newer.pk, newer.valid_until)
    assert view_of(older).state is ViewState.CLOSED
    assert view_of(older).leases == ()
    assert [facts.lease_id for facts in view_of(newer).leases] == [lease.public_id]


def test_both_views_of_an_extension_travel_in_one_message(world: World) -> None:
    older = active(world, BASE)
    extension = scheduled_extension(world, older)
    before = set(ViewOutbox.objects.values_list("pk", flat=True))
    start(extension)
    [message] = ViewOutbox.objects.exclude(pk__in=before)
    assert older.public_id in message.message
    assert extension.public_id in message.message


def test_extension_does_not_leave_a_pause(world: World) -> None:
    older = active(world, BASE)
    extension = scheduled_extension(world, older)
    services.suspend_grant(actor=world.cast.dora, grant=older)
    with pytest.raises(PolicyRefusal) as refusal:
        start(extension)
    assert refusal.value.reason is Reason.GRANT_SUSPENDED
    services.resume_grant(actor=world.cast.dora, grant=older)
    assert start(extension).state == GrantState.ACTIVE


def test_revocation_takes_the_agreed_extension_with_it(world: World) -> None:
    older = active(world, BASE)
    extension = scheduled_extension(world, older)
    services.revoke_grant(actor=world.cast.dora, grant=older)
    assert (reload(extension).state, reload(extension).end_reason) == (GrantState.ENDED, Reason.GRANT_REVOKED)


def test_extension_of_a_grant_that_just_ran_out_starts_without_its_tokens(world: World, clock) -> None:
    older = active(world, BASE)
    lease = services.issue_token(grant=older, actor=world.cast.ada).lease
    extension = scheduled_extension(world, older)
    clock.set(older.valid_until)
    newer = start(extension)
    assert reload(lease).grant_id == older.pk
    assert view_of(newer).leases == ()


def scheduled_extension(world: World, older: Grant) -> Grant:
    request = submit_extension(actor=world.cast.ada, grant=older, by_s=HOUR, purpose="Two more runs", assurance=fresh())
    return Grant.objects.get(request=request)
