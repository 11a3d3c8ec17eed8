"""The kill switch on each axis: what it names stops, its twin runs on, and lifting or time undoes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jit_access.access_requests import services as requests
from jit_access.audit.models import AuditEntry
from jit_access.core import clock
from jit_access.domain.actors import ActorKind, ActorRef
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.locks import LockAxis, LockFacts
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import ViewState
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.locks import services as locks
from jit_access.locks.models import LockHit
from jit_access.locks.selectors import list_over, list_standing
from jit_access.mfa.assurance import NO_ASSURANCE
from jit_access.mfa.models import Device, WebSession
from jit_access.notifications.models import Notification
from jit_access.targets.models import Repository, Target
from tests.grants.test_opening import view_of
from tests.support.cast import make_person
from tests.support.lifecycles import (
    BASE,
    FRONTIER,
    HOUR,
    TINY,
    World,
    active,
    answer,
    ask,
    draft,
    fresh,
    reload,
    scheduled,
    start,
)
from tests.support.locking import WHY, facts_of, lift, order, place

pytestmark = pytest.mark.django_db
WHOLE = tuple(axis for axis in LockAxis if axis is not LockAxis.CREDENTIAL)


def twin(world: World, axis: LockAxis) -> Grant:
    """A running grant that the lock on `axis` below does not name."""
    target = Target.objects.create(
        slug="other", display_name="Other", base_url="http://127.0.0.1:5001", allow_private=True
    )
    Repository.objects.create(target=target, name=TINY, tier="sensitive", size_bytes=1)
    if axis is LockAxis.AGENT:
        return active(world, BASE)
    world.cast.ben.groups.add(*world.cast.ada.groups.all())
    eve = make_person("eve", "model-owners")  # Ben cannot approve himself
    answer(request := ask(replace(world, target=target), TINY, actor=world.cast.ben), eve)
    return start(Grant.objects.get(request=request))


def running(world: World, axis: LockAxis) -> Grant:
    if axis is LockAxis.AGENT:
        return active(world, BASE, actor=world.cast.ci_bot)
    grant = scheduled(world, BASE)
    proof = replace(fresh(), session="ses_ada", device="dev_ada")
    return grants.activate_grant(actor=world.cast.ada, grant=grant, assurance=proof)


@pytest.mark.parametrize("axis", WHOLE)
def test_each_axis_pauses_what_it_names_and_its_twin_runs_on(world: World, axis: LockAxis) -> None:
    hit, other = running(world, axis), twin(world, axis)
    grants.issue_token(grant=hit, actor=hit.subject)
    key, resource = facts_of(axis, hit, world)
    assert key
    lock = place(world.cast.dora, axis, key, resource)
    assert reload(hit).state == GrantState.SUSPENDED
    view = view_of(hit)
    assert (view.state, view.reason, len(view.leases)) == (ViewState.PAUSED, Reason.LOCKED, 1)
    assert lock.until is not None
    assert view.reopens_at == lock.until.timestamp()
    assert reload(other).state == GrantState.ACTIVE
    assert view_of(other).state is ViewState.OPEN
    assert grants.issue_token(grant=other, actor=other.subject)
    with pytest.raises(PolicyRefusal) as refusal:
        grants.issue_token(grant=hit, actor=hit.subject)
    assert (refusal.value.reason, refusal.value.fields["locked"]) == (Reason.LOCKED, str(axis))
    assert LockHit.objects.get(lock=lock).grant_id == hit.public_id
    ends = reload(hit).valid_until
    lift(world.cast.dora, lock)
    assert reload(hit).state == GrantState.ACTIVE
    assert reload(hit).valid_until == ends  # what the pause took is not given back
    assert view_of(hit).state is ViewState.OPEN
    assert grants.issue_token(grant=hit, actor=hit.subject)


def test_a_token_is_locked_alone(world: World) -> None:
    grant = active(world, BASE)
    stolen, kept = (grants.issue_token(grant=grant, actor=world.cast.ada).lease for _ in range(2))
    lock = place(world.cast.dora, LockAxis.CREDENTIAL, stolen.public_id, lasts_s=60)
    view = view_of(grant)
    now = reload(grant).activated_at.timestamp() + 1
    by_id = {lease.lease_id: lease for lease in view.leases}
    assert view.refusal_at(now, by_id[stolen.public_id]) is Reason.LOCKED
    assert view.refusal_at(now, by_id[kept.public_id]) is None
    assert reload(grant).state == GrantState.ACTIVE
    with pytest.raises(PolicyRefusal) as refusal:
        grants.rotate_token(lease=stolen, actor=world.cast.ada)  # a thief would go on under another name
    assert refusal.value.reason is Reason.LOCKED
    assert grants.rotate_token(lease=kept, actor=world.cast.ada)
    assert lock.until is not None
    assert view_of(grant).refusal_at(lock.until.timestamp(), by_id[stolen.public_id]) is None  # by comparison
    lift(world.cast.dora, lock)
    assert not view_of(grant).locked_leases


def test_new_grants_cannot_start_while_the_lock_stands(world: World) -> None:
    waiting = scheduled(world, BASE)
    lock = place(world.cast.dora, LockAxis.TARGET, world.target.public_id)
    with pytest.raises(PolicyRefusal) as refusal:
        start(waiting)
    assert refusal.value.reason is Reason.LOCKED
    assert reload(waiting).state == GrantState.SCHEDULED
    assert AuditEntry.objects.filter(kind="grant.activate.refused", reason=Reason.LOCKED).exists()
    lift(world.cast.dora, lock)
    assert start(waiting).state == GrantState.ACTIVE


@pytest.mark.parametrize(
    ("axis", "name"), [(LockAxis.TARGET, ""), (LockAxis.RESOURCE, BASE), (LockAxis.TIER, ""), (LockAxis.PERSON, "")]
)
def test_what_is_locked_cannot_be_asked_for(world: World, axis: LockAxis, name: str) -> None:
    key = {LockAxis.TIER: "standard", LockAxis.PERSON: world.cast.ada.public_id}.get(axis, world.target.public_id)
    lock = place(world.cast.dora, axis, key, name)
    preview = requests.preview_request(
        actor=world.cast.ada, target=world.target, scope=draft(world, BASE).scope, lasts_s=HOUR, assurance=fresh()
    )
    assert preview.why_not is Reason.LOCKED
    with pytest.raises(PolicyRefusal) as refusal:
        ask(world, BASE)
    assert refusal.value.reason is Reason.LOCKED
    if axis is not LockAxis.PERSON and axis is not LockAxis.TARGET:
        assert ask(world, TINY)
    lift(world.cast.dora, lock)
    assert ask(world, BASE)


def test_whoever_may_not_know_it_is_not_told_that_it_is_locked(world: World) -> None:
    place(world.cast.dora, LockAxis.RESOURCE, world.target.public_id, FRONTIER)
    with pytest.raises(NotFound):
        ask(world, FRONTIER, actor=world.cast.cleo)


def test_a_locked_approver_cannot_answer(world: World) -> None:
    request = ask(world, TINY)
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ben.public_id)
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, world.cast.ben)
    assert refusal.value.reason is Reason.LOCKED
    lift(world.cast.dora, lock)
    assert answer(request, world.cast.ben).state == "approved"


def test_what_a_locked_person_said_decides_nothing_while_the_lock_stands(world: World) -> None:
    """A stolen approver's session must not have decided half of it already."""
    request = answer(ask(world, FRONTIER), world.cast.ben)
    gus = make_person("gus", "security")
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ben.public_id)
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, gus)
    assert refusal.value.reason is Reason.LOCKED
    lift(world.cast.dora, lock)
    assert answer(request, gus).state == "approved"


def test_a_locked_person_takes_their_service_accounts_with_them(world: World) -> None:
    bot = active(world, BASE, actor=world.cast.ci_bot)
    place(world.cast.dora, LockAxis.PERSON, world.cast.ada.public_id)
    assert reload(bot).state == GrantState.SUSPENDED


def test_two_locks_hold_until_the_last_one_is_over(world: World) -> None:
    grant = active(world, BASE)
    first = place(world.cast.dora, LockAxis.TARGET, world.target.public_id)
    second = place(world.cast.dora, LockAxis.PERSON, world.cast.ada.public_id, lasts_s=None)
    assert view_of(grant).reopens_at == 0  # one of them has no end of its own
    lift(world.cast.dora, first)
    assert reload(grant).state == GrantState.SUSPENDED
    lift(world.cast.dora, second)
    assert reload(grant).state == GrantState.ACTIVE


def test_a_lock_that_ran_out_stops_nothing_even_before_the_sweep(world: World, clock) -> None:
    """Celery may be dead: the proxies, the holder's next step and the sign-in all compare."""
    grant = active(world, BASE)
    token = grants.issue_token(grant=grant, actor=world.cast.ada)
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ada.public_id, lasts_s=60)
    assert lock.until is not None
    lease = view_of(grant).leases[0]
    assert lease.lease_id == token.lease.public_id
    assert view_of(grant).refusal_at(lock.until.timestamp() - 0.001, lease) is Reason.LOCKED
    assert view_of(grant).refusal_at(lock.until.timestamp(), lease) is None
    clock.set(lock.until)
    assert reload(grant).state == GrantState.SUSPENDED
    assert grants.issue_token(grant=grant, actor=world.cast.ada)
    assert reload(grant).state == GrantState.ACTIVE


def test_the_sweep_takes_up_what_ran_out_once(world: World, clock) -> None:
    grant = active(world, BASE)
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ada.public_id, lasts_s=60)
    assert grants.settle_locks() == 0
    clock.advance(seconds=60)
    grants.settle_locks()
    assert reload(grant).state == GrantState.ACTIVE
    assert reload(lock).ran_out_at is not None
    assert grants.settle_locks() == 0
    assert AuditEntry.objects.filter(kind="lock.ran-out").count() == 1
    assert AuditEntry.objects.filter(kind="grant.resumed", grant=grant.public_id).count() == 1
    with pytest.raises(Conflict):
        lift(world.cast.dora, lock)


def test_a_tier_that_rises_under_a_lock_is_paused_by_the_sweep(world: World) -> None:
    grant = active(world, BASE)
    place(world.cast.dora, LockAxis.TIER, "critical")
    assert reload(grant).state == GrantState.ACTIVE
    Repository.objects.filter(name=BASE).update(tier="critical")
    grants.settle_locks()
    assert reload(grant).state == GrantState.SUSPENDED


def test_time_runs_on_and_an_end_in_a_pause_is_an_end(world: World, clock) -> None:
    grant = active(world, BASE)
    lock = place(world.cast.dora, LockAxis.GRANT, grant.public_id, lasts_s=None)
    clock.set(reload(grant).valid_until)
    lift(world.cast.dora, lock)
    assert reload(grant).state == GrantState.SUSPENDED  # over: not taken up for an instant
    grants.expire_due_grants()
    assert reload(grant).end_reason == Reason.GRANT_EXPIRED


def test_what_is_paused_by_hand_stays_paused_when_the_lock_is_lifted(world: World) -> None:
    grant = active(world, BASE)
    lock = place(world.cast.dora, LockAxis.GRANT, grant.public_id)
    grants.suspend_grant(actor=world.cast.dora, grant=grant, note="Also by hand")
    lift(world.cast.dora, lock)
    assert reload(grant).state == GrantState.SUSPENDED
    assert view_of(grant).reason is Reason.GRANT_SUSPENDED
    grants.resume_grant(actor=world.cast.dora, grant=grant)
    assert reload(grant).state == GrantState.ACTIVE


def test_a_hand_does_not_open_what_a_lock_holds(world: World) -> None:
    grant = active(world, BASE)
    lock = place(world.cast.dora, LockAxis.GRANT, grant.public_id)
    with pytest.raises(Conflict) as refusal:
        grants.resume_grant(actor=world.cast.dora, grant=grant)
    assert refusal.value.reason is Reason.LOCKED
    grants.suspend_grant(actor=world.cast.dora, grant=grant)
    grants.resume_grant(actor=world.cast.dora, grant=grant)  # the hand lets go, the lock does not
    assert reload(grant).state == GrantState.SUSPENDED
    lift(world.cast.dora, lock)
    assert reload(grant).state == GrantState.ACTIVE


def test_a_lock_on_a_grant_holds_what_extends_it(world: World) -> None:
    older = active(world, BASE)
    request = requests.submit_extension(actor=world.cast.ada, grant=older, by_s=HOUR, purpose="More", assurance=fresh())
    newer = Grant.objects.get(request=request)
    lock = place(world.cast.dora, LockAxis.GRANT, older.public_id)
    with pytest.raises(PolicyRefusal) as refusal:
        start(newer)
    assert refusal.value.reason is Reason.LOCKED
    lift(world.cast.dora, lock)
    start(newer)
    place(world.cast.dora, LockAxis.GRANT, older.public_id)
    assert reload(newer).state == GrantState.SUSPENDED


@pytest.mark.parametrize("axis", [LockAxis.SESSION, LockAxis.DEVICE])
def test_extending_from_elsewhere_leaves_no_lock_on_where_it_began(world: World, axis: LockAxis) -> None:
    older = running(world, axis)
    token = grants.issue_token(grant=older, actor=world.cast.ada).lease
    elsewhere = replace(fresh(), session="ses_home", device="dev_home")
    request = requests.submit_extension(actor=world.cast.ada, grant=older, by_s=HOUR, purpose="More", assurance=fresh())
    newer = Grant.objects.get(request=request)
    grants.activate_grant(actor=world.cast.ada, grant=newer, assurance=elsewhere)
    assert [lease.lease_id for lease in view_of(newer).leases] == [token.public_id]  # shown there, and it goes on
    key, resource = facts_of(axis, older, world)
    lock = place(world.cast.dora, axis, key, resource)
    assert (reload(newer).state, view_of(newer).state) == (GrantState.SUSPENDED, ViewState.PAUSED)
    lift(world.cast.dora, lock)
    assert (reload(newer).state, view_of(newer).state) == (GrantState.ACTIVE, ViewState.OPEN)


@pytest.mark.parametrize("who", ["ada", "ben", "cleo", "ci_bot"])
def test_only_security_locks_and_lifts(world: World, who: str) -> None:
    actor = getattr(world.cast, who)
    grant = active(world, BASE)
    with pytest.raises(NotFound):
        place(actor, LockAxis.GRANT, grant.public_id)
    lock = place(world.cast.dora, LockAxis.GRANT, grant.public_id)
    with pytest.raises(NotFound):
        lift(actor, lock)
    assert AuditEntry.objects.filter(kind="lock.lift.refused", reason=Reason.NOT_FOUND).exists()
    lift(world.cast.dora, lock)


@pytest.mark.parametrize("axis", [LockAxis.PERSON, LockAxis.GRANT, LockAxis.AGENT, LockAxis.SESSION, LockAxis.DEVICE])
def test_what_somebody_else_locked_of_yours_you_do_not_lift(world: World, axis: LockAxis) -> None:
    eve = make_person("eve", "security", "research")
    world.cast.ci_bot.owner = eve
    world.cast.ci_bot.save(update_fields=["owner"])
    now = clock.now()
    WebSession.objects.create(session_key="k", expire_date=now, public_id="wse_eve", user=eve)
    device = Device.objects.create(
        public_id="dev_eve", user=eve, name="L", device_hash="d" * 64, first_seen_at=now, seen_at=now
    )
    key, resource = {
        LockAxis.PERSON: (eve.public_id, ""),
        LockAxis.GRANT: (active(world, BASE, actor=eve).public_id, ""),
        LockAxis.AGENT: (world.cast.ci_bot.public_id, ""),
        LockAxis.SESSION: ("wse_eve", ""),
        LockAxis.DEVICE: (device.public_id, device.device_hash),
    }[axis]
    lock = place(world.cast.dora, axis, key, resource)
    with pytest.raises(PolicyRefusal) as refusal:
        lift(eve, lock)
    assert refusal.value.reason is Reason.OWN_REQUEST
    assert AuditEntry.objects.filter(kind="lock.lift.refused", reason=Reason.OWN_REQUEST).exists()
    lift(world.cast.dora, lock)
    if axis is not LockAxis.PERSON:  # a lock of one's own may be taken back; nobody can lock themselves as a person
        assert lift(eve, place(eve, axis, key, resource)).lifted_at


def test_both_ask_for_a_fresh_second_factor(world: World) -> None:
    grant, stale = active(world, BASE), fresh(301)
    asked = order(LockAxis.GRANT, grant.public_id)
    for proof, reason in ((NO_ASSURANCE, Reason.SECOND_FACTOR_MISSING), (stale, Reason.SECOND_FACTOR_STALE)):
        with pytest.raises(PolicyRefusal) as refusal:
            grants.place_lock(actor=world.cast.dora, order=asked, assurance=proof)
        assert refusal.value.reason is reason
    lock = grants.place_lock(actor=world.cast.dora, order=asked, assurance=fresh(299))
    with pytest.raises(PolicyRefusal):
        grants.lift_lock(actor=world.cast.dora, lock=lock, assurance=stale)
    assert grants.lift_lock(actor=world.cast.dora, lock=lock, assurance=fresh()).lifted_at


@pytest.mark.parametrize(
    "changes", [{"reason": "short"}, {"reason": "x" * 301}, {"lasts_s": 59}, {"lasts_s": 30 * 86400 + 1}]
)
def test_a_lock_has_a_reason_and_an_end_that_can_be_meant(world: World, changes: dict) -> None:
    with pytest.raises(CallerError) as refusal:
        place(world.cast.dora, LockAxis.TARGET, world.target.public_id, **changes)
    assert refusal.value.reason is Reason.INVALID_INPUT
    for fine in ({"lasts_s": 60}, {"lasts_s": 30 * 86400}, {"lasts_s": None}):
        assert place(world.cast.dora, LockAxis.TARGET, world.target.public_id, **fine)


def test_nobody_locks_themselves_out(world: World) -> None:
    with pytest.raises(CallerError):
        place(world.cast.dora, LockAxis.PERSON, world.cast.dora.public_id)
    assert place(world.cast.dora, LockAxis.PERSON, world.cast.ada.public_id)


def test_a_preview_names_what_would_stop_and_stops_nothing(world: World) -> None:
    mine, theirs = active(world, BASE), active(world, BASE, actor=world.cast.ci_bot)
    for facts, hit in (
        (LockFacts(LockAxis.PERSON, world.cast.ada.public_id), [mine, theirs]),
        (LockFacts(LockAxis.AGENT, world.cast.ci_bot.public_id), [theirs]),
        (LockFacts(LockAxis.RESOURCE, world.target.public_id, TINY), []),
    ):
        assert list(grants.grants_under(facts)) == hit
    assert reload(mine).state == reload(theirs).state == GrantState.ACTIVE


def test_lifting_twice_is_lifting_once(world: World) -> None:
    lock = place(world.cast.dora, LockAxis.TARGET, world.target.public_id)
    lift(world.cast.dora, lock)
    lift(world.cast.dora, lock)
    assert AuditEntry.objects.filter(kind="lock.lifted").count() == 1
    assert not list_standing().exists()
    assert list_over().get() == lock


def test_everybody_concerned_is_told_and_only_security_reads_why(world: World) -> None:
    guard = make_person("gus", "security")
    active(world, BASE)
    place(world.cast.dora, LockAxis.TARGET, world.target.public_id)
    told = Notification.objects.get(user=world.cast.ada, kind="grant-paused")
    assert "locked this target" in told.text
    assert WHY not in told.text
    assert WHY in Notification.objects.get(user=guard, kind="lock-placed").text
    assert not Notification.objects.filter(user=world.cast.dora, kind="lock-placed").exists()
    placed = AuditEntry.objects.get(kind="lock.placed")
    assert placed.reason == Reason.LOCKED


def test_the_console_needs_no_proof_and_leaves_its_name(world: World) -> None:
    terminal = ActorRef(ActorKind.SYSTEM, "terminal", "Somebody at the gateway's terminal")
    grant = active(world, BASE)
    lock = locks.place(actor=terminal, order=order(LockAxis.GRANT, grant.public_id))
    assert reload(grant).state == GrantState.SUSPENDED
    assert lock.placed_by is None
    locks.lift(actor=terminal, lock=lock)
    assert reload(grant).state == GrantState.ACTIVE
