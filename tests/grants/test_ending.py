"""Grants end: the door is shut in the same transaction, whoever or whatever ends them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.lifecycle import GrantState, LeaseState
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import ViewState
from jit_access.grants import access, selectors, services
from jit_access.grants.models import Grant
from jit_access.notifications.models import Notification
from tests.grants.test_opening import scheduled_extension, view_of
from tests.support.lifecycles import BASE, TINY, World, active, reload, scheduled, scope_of, start


def test_revocation_shuts_the_door_at_once(world: World) -> None:
    grant = active(world, TINY)
    issued = services.issue_token(grant=grant, actor=world.cast.ada, label="laptop")
    before = view_of(grant).epoch
    services.revoke_grant(actor=world.cast.ben, grant=grant, note="Laptop lost")
    view = view_of(grant)
    assert (view.state, view.reason, view.epoch > before) == (ViewState.CLOSED, Reason.GRANT_REVOKED, True)
    assert [facts.lease_id for facts in view.leases] == [issued.lease.public_id]  # so that its holder is told why
    assert reload(issued.lease).state == LeaseState.REVOKING
    grant = reload(grant)
    assert (grant.state, grant.end_note, grant.ended_by) == (GrantState.REVOKING, "Laptop lost", world.cast.ben)
    assert Notification.objects.filter(user=world.cast.ada, kind="grant-ended").exists()


@pytest.mark.parametrize(
    ("who", "may"), [("ben", True), ("dora", True), ("ada", False), ("cleo", False), ("ci_bot", False)]
)
def test_who_may_revoke(world: World, who: str, *, may: bool) -> None:
    grant = active(world, TINY)
    actor = getattr(world.cast, who)
    if may:
        assert services.revoke_grant(actor=actor, grant=grant).end_reason == Reason.GRANT_REVOKED
    else:
        with pytest.raises(NotFound):
            services.revoke_grant(actor=actor, grant=grant)
        assert reload(grant).state == GrantState.ACTIVE
        assert AuditEntry.objects.filter(kind="grant.revoke.refused").exists()


def test_approver_of_other_requests_does_not_revoke_what_needed_nobody(world: World) -> None:
    grant = active(world, BASE)
    with pytest.raises(NotFound):
        services.revoke_grant(actor=world.cast.ben, grant=grant)
    assert services.revoke_grant(actor=world.cast.dora, grant=grant).state == GrantState.REVOKING


def test_security_agent_revokes_nothing(world: World) -> None:
    grant = active(world, TINY)
    world.cast.ci_bot.groups.add(world.cast.dora.groups.get(name="security"))
    with pytest.raises(NotFound):
        services.revoke_grant(actor=world.cast.ci_bot, grant=grant)


@pytest.mark.parametrize(("who", "may"), [("ada", True), ("ben", False), ("cleo", False)])
def test_who_may_end_now(world: World, who: str, *, may: bool) -> None:
    grant = active(world, TINY)
    actor = getattr(world.cast, who)
    if may:
        assert services.relinquish_grant(actor=actor, grant=grant).end_reason == Reason.GRANT_RELINQUISHED
    else:
        with pytest.raises(NotFound):
            services.relinquish_grant(actor=actor, grant=grant)


def test_owner_ends_what_their_service_account_holds(world: World) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot)
    assert services.relinquish_grant(actor=world.cast.ada, grant=grant).state == GrantState.REVOKING


def test_ending_twice_changes_nothing(world: World) -> None:
    """TEAM: the timer still fires after a manual revoke (anchors 3.2 no. 17). The first end stands."""
    grant = active(world, TINY)
    services.revoke_grant(actor=world.cast.ben, grant=grant, note="first")
    first = reload(grant)
    services.revoke_grant(actor=world.cast.dora, grant=grant, note="second")
    services.relinquish_grant(actor=world.cast.ada, grant=grant)
    again = reload(grant)
    assert (again.version, again.end_note, again.end_reason) == (first.version, "first", Reason.GRANT_REVOKED)


def test_scheduled_grant_ends_without_ceremony(world: World) -> None:
    grant = scheduled(world, TINY)
    assert services.revoke_grant(actor=world.cast.ben, grant=grant).state == GrantState.ENDED


def test_expiry_is_half_open(world: World, clock) -> None:
    grant = active(world, BASE)
    services.issue_token(grant=grant, actor=world.cast.ada)
    view = view_of(grant)
    end = grant.valid_until.timestamp()
    assert view.refusal_at(end - 0.001, view.leases[0]) is None
    assert view.refusal_at(end, view.leases[0]) is Reason.GRANT_EXPIRED
    clock.set(grant.valid_until - timedelta(seconds=30))
    assert services.expire_due_grants() == 0
    clock.set(grant.valid_until)
    assert services.expire_due_grants() == 1
    assert services.expire_due_grants() == 0
    assert (reload(grant).state, reload(grant).end_reason) == (GrantState.REVOKING, Reason.GRANT_EXPIRED)
    assert view_of(grant).state is ViewState.CLOSED


def test_grant_nobody_started_ends(world: World, clock) -> None:
    grant = scheduled(world, BASE)
    clock.set(grant.start_by)
    assert services.expire_due_grants() == 1
    assert (reload(grant).state, reload(grant).end_reason) == (GrantState.ENDED, Reason.START_TOO_LATE)


def test_many_grants_ending_at_once_all_end(world: World, clock) -> None:
    """Vault #5968: mass expiry froze the API. Batches here, one message per batch."""
    grants = [active(world, BASE, scope=scope_of(BASE, tags=(f"v{index}",))) for index in range(12)]
    clock.set(max(grant.valid_until for grant in grants))
    assert services.expire_due_grants() == 12
    assert not Grant.objects.filter(state=GrantState.ACTIVE).exists()


def test_one_broken_row_does_not_keep_others_from_ending(world: World, clock) -> None:
    broken, sound = active(world, BASE), active(world, TINY)
    Grant.objects.filter(pk=broken.pk).update(scope=[])
    clock.set(max(broken.valid_until, sound.valid_until))
    assert services.expire_due_grants() == 1
    assert reload(sound).state == GrantState.REVOKING


def test_pause_and_go_on(world: World) -> None:
    grant = active(world, TINY)
    issued = services.issue_token(grant=grant, actor=world.cast.ada)
    with pytest.raises(NotFound):
        services.suspend_grant(actor=world.cast.ben, grant=grant)
    services.suspend_grant(actor=world.cast.dora, grant=grant, note="Looks odd")
    assert (view_of(grant).state, view_of(grant).reason) == (ViewState.PAUSED, Reason.GRANT_SUSPENDED)
    assert reload(issued.lease).state == LeaseState.ISSUED
    with pytest.raises(Conflict):
        services.issue_token(grant=grant, actor=world.cast.ada)
    services.resume_grant(actor=world.cast.dora, grant=grant)
    assert view_of(grant).state is ViewState.OPEN
    assert reload(grant).valid_until == grant.valid_until


def test_paused_grant_still_runs_out(world: World, clock) -> None:
    grant = active(world, BASE)
    services.suspend_grant(actor=world.cast.dora, grant=grant)
    clock.set(grant.valid_until)
    with pytest.raises(Conflict):
        services.resume_grant(actor=world.cast.dora, grant=grant)
    assert services.expire_due_grants() == 1


def test_note_is_bounded(world: World) -> None:
    grant = active(world, TINY)
    with pytest.raises(CallerError):
        services.revoke_grant(actor=world.cast.dora, grant=grant, note="n" * 301)
    assert services.revoke_grant(actor=world.cast.dora, grant=grant, note="n" * 300).state == GrantState.REVOKING


def test_history_stays(world: World) -> None:
    """Teleport removes expired requests (#68308). Here every move is in the log, and rows stay."""
    grant = active(world, TINY)
    services.revoke_grant(actor=world.cast.dora, grant=grant)
    services.finish_revocation(grant_id=grant.pk)
    told = list(AuditEntry.objects.filter(grant=grant.public_id).order_by("pk").values_list("kind", flat=True))
    assert told == ["grant.created", "grant.activating", "grant.activated", "grant.revoked", "grant.ended"]
    ended = selectors.recently_ended_of(actor=world.cast.ada, now=core_clock.now())
    assert list(ended) == [grant]


@pytest.mark.parametrize(("who", "is_seen"), [("ada", True), ("ben", True), ("dora", True), ("cleo", False)])
def test_hidden_grant_is_unknown(world: World, who: str, *, is_seen: bool) -> None:
    grant = active(world, TINY)
    lease = services.issue_token(grant=grant, actor=world.cast.ada).lease
    actor = getattr(world.cast, who)
    if is_seen:
        assert access.get_grant(actor=actor, public_id=grant.public_id) == grant
        assert access.get_lease(actor=actor, public_id=lease.public_id) == lease
    else:
        for get, public_id in ((access.get_grant, grant.public_id), (access.get_lease, lease.public_id)):
            with pytest.raises(NotFound):
                get(actor=actor, public_id=public_id)


def test_revoking_a_grant_that_was_just_extended_ends_the_extension(world: World) -> None:
    """Revoke beats extend: whoever revokes on a page that is a second old must not be outrun."""
    older = active(world, BASE)
    services.issue_token(grant=older, actor=world.cast.ada)
    newer = start(scheduled_extension(world, older))
    services.revoke_grant(actor=world.cast.dora, grant=older)
    assert (reload(newer).state, reload(newer).end_reason) == (GrantState.REVOKING, Reason.GRANT_REVOKED)
    assert view_of(newer).state is ViewState.CLOSED
    assert reload(older).end_reason == Reason.GRANT_EXTENDED
