"""Answers of people: who may, what counts, who is first. Each refusal beside the answer that counts."""

from __future__ import annotations

import pytest

from jit_access.access_requests import access, selectors, services
from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import NO_ASSURANCE, Assurance, Level
from jit_access.notifications.models import Notification
from jit_access.targets.models import Repository
from tests.support.cast import make_person
from tests.support.lifecycles import FRONTIER, HOUR, TINY, World, active, answer, ask, fresh, reload, scope_of


def refused(reason: Reason, kind: str = "request.answer.refused") -> bool:
    return AuditEntry.objects.filter(kind=kind, reason=reason).exists()


def test_approval_makes_one_scheduled_grant(world: World) -> None:
    request = answer(ask(world, TINY), world.cast.ben, note="Go ahead")
    assert request.state == RequestState.APPROVED
    grant = Grant.objects.get()
    assert (grant.request, grant.subject, grant.state) == (request, world.cast.ada, GrantState.SCHEDULED)
    assert (grant.scope, grant.lasts_s, grant.factor_max_age_s) == (request.scope, request.lasts_s, 900)
    verdict = Verdict.objects.get()
    assert (verdict.approver, verdict.payload_hash) == (world.cast.ben, request.payload_hash)


def test_requester_is_told_and_nothing_depends_on_it(world: World) -> None:
    """elevator PR #175: the message was green before the grant was made. Here the row of the news is written last."""
    answer(ask(world, TINY), world.cast.ben)
    assert Notification.objects.filter(user=world.cast.ada, kind="request-approved").count() == 1


def test_denial_ends_it_at_once(world: World) -> None:
    request = ask(world, FRONTIER)
    assert answer(request, world.cast.ben).state == RequestState.PENDING
    assert answer(request, world.cast.dora, is_approval=False, note="Not this week").state == RequestState.DENIED
    assert not Grant.objects.exists()


def test_each_step_needs_its_own_people(world: World) -> None:
    request = ask(world, FRONTIER)
    assert answer(request, world.cast.ben).state == RequestState.PENDING
    assert not Grant.objects.exists()
    assert answer(request, world.cast.dora).state == RequestState.APPROVED
    assert Grant.objects.count() == 1


def test_person_of_two_groups_counts_where_the_other_step_can_still_be_met(world: World) -> None:
    """Dora could fill both steps, Ben only one: she is counted for security, so that Ben can still finish it."""
    accounts.add_to_group(actor=GATEWAY, user=world.cast.dora, group="model-owners")
    request = answer(ask(world, FRONTIER), world.cast.dora)
    assert request.verdicts.get().step.group == "security"
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_nobody_approves_their_own_request(world: World) -> None:
    accounts.add_to_group(actor=GATEWAY, user=world.cast.ada, group="model-owners")
    request = ask(world, TINY)
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, world.cast.ada)
    assert refusal.value.reason is Reason.OWN_REQUEST
    assert refused(Reason.OWN_REQUEST)
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_owner_does_not_approve_their_service_account(world: World) -> None:
    accounts.add_to_group(actor=GATEWAY, user=world.cast.ada, group="model-owners")
    request = ask(world, TINY, actor=world.cast.ci_bot)
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, world.cast.ada)
    assert refusal.value.reason is Reason.OWN_REQUEST
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_nor_does_whoever_owned_it_when_it_asked(world: World) -> None:
    """A hand-over ends what is open; this is for whatever else may change an owner."""
    accounts.add_to_group(actor=GATEWAY, user=world.cast.ada, group="model-owners")
    request = ask(world, TINY, actor=world.cast.ci_bot)
    world.cast.ci_bot.owner = world.cast.cleo
    world.cast.ci_bot.save(update_fields=["owner"])
    with pytest.raises(PolicyRefusal) as refusal:
        answer(reload(request), world.cast.ada)
    assert refusal.value.reason is Reason.OWN_REQUEST
    assert answer(reload(request), world.cast.ben).state == RequestState.APPROVED


def test_agent_approves_nothing(world: World) -> None:
    accounts.add_to_group(actor=GATEWAY, user=world.cast.ci_bot, group="model-owners")
    request = ask(world, TINY)
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, world.cast.ci_bot)
    assert refusal.value.reason is Reason.NOT_FOR_AGENTS
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


@pytest.mark.parametrize("who", ["cleo", "dora"])
def test_outsider_approves_nothing(world: World, who: str) -> None:
    request = ask(world, TINY)
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, getattr(world.cast, who))
    assert refusal.value.reason is Reason.NOT_AN_APPROVER
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_approver_is_resolved_when_they_answer(world: World) -> None:
    """TEAM copies the approvers into the request at creation (anchors 3.2 no. 18): who left the group still counted."""
    request = ask(world, TINY)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, world.cast.ben)
    assert refusal.value.reason is Reason.NOT_AN_APPROVER
    accounts.add_to_group(actor=GATEWAY, user=world.cast.dora, group="model-owners")
    assert answer(request, world.cast.dora).state == RequestState.APPROVED


@pytest.mark.parametrize("how", ["left the group", "was locked"])
def test_approval_of_somebody_who_could_not_give_it_any_more_is_taken_back(world: World, how: str) -> None:
    ben = world.cast.ben
    request = answer(ask(world, FRONTIER), ben)
    if how == "was locked":
        accounts.lock_account(actor=GATEWAY, user=ben)
    else:
        accounts.remove_from_group(actor=GATEWAY, user=ben, group="model-owners")
    assert answer(request, world.cast.dora).state == RequestState.PENDING
    entry = AuditEntry.objects.get(kind="verdict.voided")
    assert (entry.request, entry.reason) == (
        request.public_id, Reason.ACCOUNT_LOCKED if how == "was locked" else Reason.GROUP_MEMBERSHIP_LOST,
    )  # fmt: skip
    if how == "was locked":
        accounts.unlock_account(actor=GATEWAY, user=ben)
    else:
        accounts.add_to_group(actor=GATEWAY, user=ben, group="model-owners")
    assert not Grant.objects.exists()
    assert answer(request, ben).state == RequestState.APPROVED


def test_approval_does_not_count_without_its_group_however_that_was_lost(world: World) -> None:
    """A second look under the request's lock: the loss may not have come by a service of ours."""
    request = answer(ask(world, FRONTIER), world.cast.ben)
    world.cast.ben.groups.clear()
    assert answer(request, world.cast.dora).state == RequestState.PENDING
    accounts.add_to_group(actor=GATEWAY, user=world.cast.cleo, group="model-owners")
    assert selectors.why_not_answer(world.cast.cleo, reload(request), now=core_clock.now()) is None
    assert answer(request, world.cast.cleo).state == RequestState.APPROVED


def test_other_groups_leave_an_approval_as_it_is(world: World) -> None:
    request = answer(ask(world, FRONTIER), world.cast.ben)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="operators")
    assert answer(request, world.cast.dora).state == RequestState.APPROVED
    assert not AuditEntry.objects.filter(kind="verdict.voided").exists()


def test_another_member_takes_the_place_of_who_left(world: World) -> None:
    request = answer(ask(world, FRONTIER), world.cast.ben)
    accounts.add_to_group(actor=GATEWAY, user=world.cast.cleo, group="model-owners")
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    assert answer(request, world.cast.dora).state == RequestState.PENDING
    assert answer(request, world.cast.cleo).state == RequestState.APPROVED


@pytest.mark.parametrize(
    ("assurance", "reason"),
    [
        (NO_ASSURANCE, Reason.SECOND_FACTOR_MISSING),
        (Assurance(Level.PASSWORD), Reason.SECOND_FACTOR_MISSING),
        ("stale", Reason.SECOND_FACTOR_STALE),
    ],
)
def test_approval_needs_a_fresh_factor(world: World, assurance, reason: Reason) -> None:
    request = ask(world, TINY)
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, world.cast.ben, assurance=fresh(901) if assurance == "stale" else assurance)
    assert refusal.value.reason is reason
    assert refusal.value.fields["max_age_s"] == 900
    assert answer(request, world.cast.ben, assurance=fresh(900)).state == RequestState.APPROVED


def test_freshness_is_asked_per_step(world: World) -> None:
    request = ask(world, FRONTIER)
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, world.cast.ben, assurance=fresh(301))
    assert refusal.value.reason is Reason.SECOND_FACTOR_STALE
    assert answer(request, world.cast.ben, assurance=fresh(300)).verdicts.count() == 1


def test_approver_signs_what_was_read(world: World) -> None:
    request = ask(world, TINY)
    with pytest.raises(Conflict) as refusal:
        answer(request, world.cast.ben, payload_hash="0" * 64)
    assert refusal.value.reason is Reason.PAYLOAD_CHANGED
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_payload_changed_behind_our_back_is_not_approved(world: World) -> None:
    """TEAM PR #605: a side door let people update requests. A row that no longer fits its hash is not signed."""
    request = ask(world, TINY)
    altered = request.payload | {"lasts_s": 4 * HOUR}
    AccessRequest.objects.filter(pk=request.pk).update(payload=altered)
    with pytest.raises(Conflict) as refusal:
        answer(request, world.cast.ben)
    assert refusal.value.reason is Reason.PAYLOAD_CHANGED
    AccessRequest.objects.filter(pk=request.pk).update(payload=request.payload)
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


@pytest.mark.parametrize(
    "changed",
    [
        {"lasts_s": 4 * HOUR},
        {"scope": "wider"},
        {"purpose": "Something harmless"},
        {"ticket": "OPS-1"},
        {"rules": ["another-rule"]},
        {"risk": 0},
        {"risk_reasons": []},
    ],
)
def test_columns_that_no_longer_fit_the_signed_payload_are_not_approved(world: World, changed) -> None:
    request = ask(world, TINY)
    wider = [{"repository": FRONTIER, "operations": ["pull"], "tags": [], "digests": []}]
    fields = {"scope": wider} if "scope" in changed else changed
    AccessRequest.objects.filter(pk=request.pk).update(**fields)
    with pytest.raises(Conflict) as refusal:
        answer(request, world.cast.ben)
    assert refusal.value.reason is Reason.PAYLOAD_CHANGED
    assert not Grant.objects.exists()


def test_second_answer_of_the_same_kind_is_a_no_op(world: World) -> None:
    """Glide, elevator #87: a double click on approve granted twice, or wedged. A repeat changes nothing here."""
    request = ask(world, FRONTIER)
    answer(request, world.cast.ben)
    assert answer(request, world.cast.ben).state == RequestState.PENDING
    assert Verdict.objects.count() == 1
    answer(request, world.cast.dora)
    assert answer(request, world.cast.dora).state == RequestState.APPROVED
    assert Grant.objects.count() == 1


def test_mind_changed_is_told(world: World) -> None:
    request = ask(world, FRONTIER)
    answer(request, world.cast.ben)
    with pytest.raises(Conflict) as refusal:
        answer(request, world.cast.ben, is_approval=False)
    assert refusal.value.reason is Reason.ALREADY_ANSWERED


def test_loser_is_told_who_decided(world: World) -> None:
    other = make_person("eve", "model-owners")
    request = ask(world, TINY)
    answer(request, world.cast.ben)
    with pytest.raises(Conflict) as refusal:
        answer(request, other, is_approval=False)
    assert refusal.value.reason is Reason.ALREADY_DECIDED
    assert world.cast.ben.display_name in refusal.value.sentence
    assert reload(request).state == RequestState.APPROVED


def test_terminal_state_is_never_overwritten(world: World) -> None:
    """Glide's isCancellable is true for a declined request (anchors 3.2 no. 32)."""
    request = ask(world, TINY)
    answer(request, world.cast.ben, is_approval=False)
    with pytest.raises(Conflict) as refusal:
        services.withdraw_request(actor=world.cast.ada, request=request)
    assert refusal.value.reason is Reason.ALREADY_DECIDED
    assert reload(request).state == RequestState.DENIED


def test_answer_after_the_deadline_expires_the_request(world: World, clock) -> None:
    """TEAM's timer reads, then writes `expired`, unguarded (anchors 3.2 no. 16). The deadline is a comparison here."""
    late = ask(world, TINY)
    clock.set(late.answer_by)
    with pytest.raises(Conflict) as refusal:
        answer(late, world.cast.ben)
    assert refusal.value.reason is Reason.ANSWER_TOO_LATE
    assert reload(late).state == RequestState.EXPIRED


def test_answer_just_before_the_deadline_counts(world: World, clock) -> None:
    request = ask(world, TINY)
    clock.set(request.answer_by)
    clock.advance(seconds=-30)
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_sweep_expires_what_nobody_answered(world: World, clock) -> None:
    request = ask(world, TINY)
    assert services.expire_due_requests() == 0
    clock.set(request.answer_by)
    assert services.expire_due_requests() == 1
    assert services.expire_due_requests() == 0
    assert reload(request).state == RequestState.EXPIRED
    assert Notification.objects.filter(user=world.cast.ada, kind="request-expired").exists()


def test_requester_who_lost_the_group_gets_nothing(world: World) -> None:
    """JIT Groups does not run the requester's own analysis again when someone approves (anchors 3.2 no. 2)."""
    request = ask(world, TINY)
    world.cast.ada.groups.clear()  # behind the back of accounts.services, so that nobody told anybody
    assert answer(request, world.cast.ben).state == RequestState.INVALIDATED
    assert reload(request).end_reason == Reason.NO_RULE_ALLOWS
    assert not Grant.objects.exists()


def test_lost_group_ends_waiting_requests_at_once(world: World) -> None:
    request = ask(world, TINY)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ada, group="research")
    assert reload(request).state == RequestState.INVALIDATED
    assert reload(request).end_reason == Reason.GROUP_MEMBERSHIP_LOST


def test_locked_owner_ends_waiting_requests_of_the_service_account(world: World) -> None:
    request = ask(world, TINY, actor=world.cast.ci_bot)
    accounts.lock_account(actor=GATEWAY, user=world.cast.ada)
    assert (reload(request).state, reload(request).end_reason) == (RequestState.INVALIDATED, Reason.ACCOUNT_LOCKED)


def test_raised_tier_asks_more_people_than_were_asked(world: World) -> None:
    """Pinned for display, current when it counts (anchors 3.2 no. 22)."""
    request = ask(world, TINY)
    Repository.objects.filter(name=TINY).update(tier=Tier.CRITICAL)
    assert answer(request, world.cast.ben).state == RequestState.INVALIDATED
    assert reload(request).end_reason == Reason.POLICY_TIGHTENED
    assert not Grant.objects.exists()


def test_withdrawn_request_is_not_approved(world: World) -> None:
    request = ask(world, TINY)
    with pytest.raises(NotFound):
        services.withdraw_request(actor=world.cast.cleo, request=request)
    assert services.withdraw_request(actor=world.cast.ada, request=request).state == RequestState.WITHDRAWN
    assert services.withdraw_request(actor=world.cast.ada, request=request).state == RequestState.WITHDRAWN
    with pytest.raises(Conflict) as refusal:
        answer(request, world.cast.ben)
    assert refusal.value.reason is Reason.WITHDRAWN


def test_note_is_bounded(world: World) -> None:
    request = ask(world, TINY)
    with pytest.raises(CallerError):
        answer(request, world.cast.ben, note="n" * 501)
    assert answer(request, world.cast.ben, note="n" * 500).state == RequestState.APPROVED


def test_queue_shows_soonest_first_and_own_without_buttons(world: World, clock) -> None:
    first = ask(world, FRONTIER)
    clock.advance(minutes=5)
    second = ask(world, TINY)
    items = selectors.approvals_queue(actor=world.cast.ben, now=clock.now())
    assert [(item.request.pk, item.may_answer) for item in items] == [(first.pk, True), (second.pk, True)]
    assert selectors.approvals_queue(actor=world.cast.cleo, now=clock.now()) == ()
    mine = selectors.approvals_queue(actor=world.cast.ada, now=clock.now())
    assert [item.why_not for item in mine] == [Reason.OWN_REQUEST, Reason.OWN_REQUEST]


def test_queue_costs_seven_queries_however_long_it_is(world: World, django_assert_num_queries) -> None:
    for index in range(3):
        ask(world, TINY, scope=scope_of(TINY, tags=(f"v{index}",)))
    now = core_clock.now()
    # groups, the time, for whom one stands in, requests, their steps, their verdicts, owners of the targets
    with django_assert_num_queries(7):
        assert len(selectors.approvals_queue(actor=world.cast.ben, now=now)) == 3


def test_detail_tells_who_still_may_answer(world: World) -> None:
    request = answer(ask(world, FRONTIER), world.cast.ben)
    detail = selectors.describe_request(actor=world.cast.dora, request=request, now=core_clock.now())
    assert detail.may_answer
    open_people = {state.group: [person.username for person in state.people] for state in detail.steps}
    assert open_people == {"model-owners": [], "security": ["dora"]}
    assert selectors.describe_request(actor=world.cast.ben, request=request, now=core_clock.now()).why_not is (
        Reason.ALREADY_ANSWERED
    )


@pytest.mark.parametrize(("who", "is_seen"), [("ada", True), ("ben", True), ("dora", True), ("cleo", False)])
def test_hidden_is_unknown(world: World, who: str, is_seen: bool) -> None:
    request = ask(world, TINY)
    actor = getattr(world.cast, who)
    if is_seen:
        assert access.get_request(actor=actor, public_id=request.public_id) == request
    else:
        with pytest.raises(NotFound) as hidden:
            access.get_request(actor=actor, public_id=request.public_id)
        with pytest.raises(NotFound) as unknown:
            access.get_request(actor=actor, public_id="req_" + "a" * 20)
        assert str(hidden.value) == str(unknown.value)


def test_extension_of_a_revoked_grant_is_invalid(world: World) -> None:
    """When events meet, revoke beats extend: what was taken away does not come back by an older question."""
    grant = active(world, TINY)
    request = services.submit_extension(
        actor=world.cast.ada, grant=grant, by_s=HOUR, purpose="Not done yet", assurance=fresh()
    )
    grants.revoke_grant(actor=world.cast.dora, grant=grant)
    assert answer(request, world.cast.ben).state == RequestState.INVALIDATED
    assert reload(request).end_reason == Reason.GRANT_REVOKED
    assert Grant.objects.count() == 1


def test_asked_again_starts_from_the_old_question(world: World) -> None:
    request = ask(world, TINY)
    answer(request, world.cast.ben, is_approval=False)
    again = selectors.ask_again_from(request)
    assert (again.scope.to_wire(), again.lasts_s, again.purpose) == (request.scope, request.lasts_s, request.purpose)
    assert services.submit_request(actor=world.cast.ada, draft=again, assurance=fresh()).pk != request.pk
