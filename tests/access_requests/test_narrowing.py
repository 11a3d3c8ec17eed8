"""Less than was asked: never more, signed as shown, and whoever agreed to more is asked again (ADR 0024)."""

from __future__ import annotations

import pytest

from jit_access.access_requests import services
from jit_access.access_requests.less import what_is_less
from jit_access.access_requests.models import AccessRequest, Narrowing, Verdict
from jit_access.access_requests.payloads import hash_payload, is_intact
from jit_access.access_requests.services import Offer
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import CallerError, Conflict, PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, Scope, make_scope, parse_scope
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import Assurance
from jit_access.notifications.models import Notification
from tests.support.lifecycles import (
    BASE,
    FRONTIER,
    HOUR,
    TINY,
    World,
    active,
    answer,
    ask,
    fresh,
    reload,
    scope_of,
    start,
)
from tests.support.racing import race

BOTH = frozenset({Operation.PULL, Operation.PUSH})


def offer_of(request: AccessRequest, *, lasts_s: int = 0, scope: Scope | None = None) -> Offer:
    return Offer(scope or parse_scope(request.scope), lasts_s or request.lasts_s)


def shown_hash(request: AccessRequest, by: User, offer: Offer) -> str:
    return services.preview_offer(actor=by, request=reload(request), offer=offer).payload_hash


def give_less(
    request: AccessRequest, by: User, offer: Offer, *, payload_hash: str = "", assurance: Assurance | None = None
) -> AccessRequest:
    said = services.make_answer(
        is_approval=True,
        note="",
        payload_hash=payload_hash or shown_hash(request, by, offer),
        assurance=assurance or fresh(),
    )
    return services.approve_less(actor=by, request=request, offer=offer, answer=said)


def test_what_was_signed_is_what_is_granted(world: World) -> None:
    """Teleport #37252: an approver may ask for less time than was requested."""
    request = ask(world, TINY, lasts_s=4 * HOUR)
    request = give_less(request, world.cast.ben, offer_of(request, lasts_s=HOUR))
    assert request.state == RequestState.APPROVED
    assert Grant.objects.get().lasts_s == HOUR
    verdict, kept = Verdict.objects.get(), Narrowing.objects.get()
    assert verdict.payload_hash == kept.now_hash == request.payload_hash == hash_payload(reload(request).payload)
    assert is_intact(reload(request))
    assert (kept.was_lasts_s, kept.now_lasts_s) == (4 * HOUR, HOUR)
    assert request.payload["narrowed_from"] == kept.was_hash


def test_looking_at_an_offer_changes_nothing(world: World) -> None:
    request = ask(world, TINY, lasts_s=4 * HOUR)
    shown = services.preview_offer(actor=world.cast.ben, request=request, offer=offer_of(request, lasts_s=HOUR))
    assert (shown.lasts_s, shown.payload["lasts_s"]) == (HOUR, HOUR)
    assert (request.lasts_s, reload(request).lasts_s) == (4 * HOUR, 4 * HOUR)
    assert not Verdict.objects.exists()
    assert not Narrowing.objects.exists()


def test_operations_references_and_repositories_can_be_taken_away(world: World) -> None:
    request = ask(world, TINY, FRONTIER, scope=scope_of(TINY, FRONTIER))
    less = make_scope([ResourceScope(TINY, frozenset({Operation.PULL}), tags=("v1",))])
    request = give_less(request, world.cast.ben, offer_of(request, scope=less))
    assert request.state == RequestState.PENDING  # who was asked still answers, though only TINY is left
    assert answer(reload(request), world.cast.dora).state == RequestState.APPROVED
    assert Grant.objects.get().scope == less.to_wire()


def test_requester_is_told_what_was_taken_away(world: World) -> None:
    request = ask(world, FRONTIER, lasts_s=2 * HOUR)
    request = give_less(request, world.cast.ben, offer_of(request, lasts_s=HOUR))
    told = Notification.objects.get(user=world.cast.ada, kind="request-narrowed")
    assert "Ben Okafor offers less: 1 h instead of 2 h." in told.text
    answer(reload(request), world.cast.dora)
    assert "1 h instead of 2 h" in Notification.objects.get(user=world.cast.ada, kind="request-approved").text


@pytest.mark.parametrize("wider", ["longer", "another operation", "another repository", "nothing taken"])
def test_an_offer_is_never_more_than_was_asked(world: World, wider: str) -> None:
    request = ask(world, TINY, lasts_s=HOUR)
    offers = {
        "longer": offer_of(request, lasts_s=2 * HOUR),
        "another operation": offer_of(request, scope=scope_of(TINY, operations=BOTH)),
        "another repository": offer_of(request, scope=scope_of(TINY, BASE)),
        "nothing taken": offer_of(request),
    }
    with pytest.raises(CallerError) as refusal:
        give_less(request, world.cast.ben, offers[wider], payload_hash="0" * 64)
    assert refusal.value.reason is Reason.WIDER_THAN_ASKED
    assert AuditEntry.objects.filter(kind="request.answer.refused", reason=Reason.WIDER_THAN_ASKED).count() == 1
    assert give_less(request, world.cast.ben, offer_of(request, lasts_s=HOUR // 2)).state == RequestState.APPROVED


def test_a_wildcard_may_become_one_of_the_names_it_covers(world: World) -> None:
    request = ask(world, TINY, scope=scope_of(TINY, tags=("v1.*",)))
    with pytest.raises(CallerError):
        give_less(request, world.cast.ben, offer_of(request, scope=scope_of(TINY, tags=("v2.0",))), payload_hash="0")
    less = scope_of(TINY, tags=("v1.2",))
    assert give_less(request, world.cast.ben, offer_of(request, scope=less)).scope == less.to_wire()


def test_who_agreed_to_more_is_asked_again(world: World) -> None:
    """I3: an approval is of exactly what was seen. Less can be something else: to push without pulling, for one."""
    request = ask(world, FRONTIER, lasts_s=2 * HOUR)
    answer(request, world.cast.dora)
    request = give_less(request, world.cast.ben, offer_of(request, lasts_s=HOUR))
    assert request.state == RequestState.PENDING
    assert [verdict.approver for verdict in request.verdicts.all()] == [world.cast.ben]
    voided = AuditEntry.objects.get(kind="verdict.voided")
    assert (voided.reason, voided.request) == (Reason.NARROWED, request.public_id)
    assert Notification.objects.filter(user=world.cast.dora, kind="request-asks-again").count() == 1
    assert answer(reload(request), world.cast.dora).state == RequestState.APPROVED


def test_the_payload_that_was_read_before_is_not_signed_after(world: World) -> None:
    """A raced approval of the wider request: what it signs is not asked any more."""
    request = ask(world, FRONTIER, lasts_s=2 * HOUR)
    before = request.payload_hash
    give_less(request, world.cast.ben, offer_of(request, lasts_s=HOUR))
    with pytest.raises(Conflict) as refusal:
        answer(request, world.cast.dora, payload_hash=before)
    assert refusal.value.reason is Reason.PAYLOAD_CHANGED
    assert not Grant.objects.exists()
    assert answer(reload(request), world.cast.dora).state == RequestState.APPROVED


def test_two_offers_at_once_cannot_both_be_right(world: World) -> None:
    request = ask(world, FRONTIER, lasts_s=2 * HOUR)
    offer = offer_of(request, lasts_s=HOUR)
    seen_by_dora = shown_hash(request, world.cast.dora, offer_of(request, lasts_s=HOUR // 2))
    give_less(request, world.cast.ben, offer)
    with pytest.raises(Conflict) as refusal:
        give_less(request, world.cast.dora, offer_of(request, lasts_s=HOUR // 2), payload_hash=seen_by_dora)
    assert refusal.value.reason is Reason.PAYLOAD_CHANGED
    request = give_less(reload(request), world.cast.dora, offer_of(request, lasts_s=HOUR // 2))
    assert (request.lasts_s, request.state) == (HOUR // 2, RequestState.PENDING)  # now Ben is asked again


def test_the_same_offer_again_changes_nothing(world: World) -> None:
    request = ask(world, FRONTIER, lasts_s=2 * HOUR)
    offer = offer_of(request, lasts_s=HOUR)
    signed = shown_hash(request, world.cast.ben, offer)
    for _ in range(2):
        request = give_less(request, world.cast.ben, offer, payload_hash=signed)
    assert (Narrowing.objects.count(), Verdict.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("who", "reason"), [("cleo", Reason.NOT_AN_APPROVER), ("ada", Reason.OWN_REQUEST), ("dora", Reason.NOT_AN_APPROVER)]
)
def test_only_who_may_approve_may_take_away(world: World, who: str, reason: Reason) -> None:
    request = ask(world, TINY, lasts_s=2 * HOUR)
    with pytest.raises(PolicyRefusal) as refusal:
        give_less(request, getattr(world.cast, who), offer_of(request, lasts_s=HOUR), payload_hash="0" * 64)
    assert refusal.value.reason is reason
    assert reload(request).lasts_s == 2 * HOUR
    assert give_less(request, world.cast.ben, offer_of(request, lasts_s=HOUR)).state == RequestState.APPROVED


def test_a_stale_factor_takes_the_narrowing_back_with_the_approval(world: World) -> None:
    request = ask(world, TINY, lasts_s=2 * HOUR)
    with pytest.raises(PolicyRefusal) as refusal:
        give_less(request, world.cast.ben, offer_of(request, lasts_s=HOUR), assurance=fresh(3600))
    assert refusal.value.reason is Reason.SECOND_FACTOR_STALE
    assert (reload(request).lasts_s, Narrowing.objects.count()) == (2 * HOUR, 0)


def test_an_extension_may_be_shorter_and_never_of_something_else(world: World) -> None:
    grant = active(world, TINY, BASE, scope=scope_of(TINY, BASE), lasts_s=HOUR)
    longer = services.submit_extension(
        actor=world.cast.ada, grant=grant, by_s=2 * HOUR, purpose="One more run", assurance=fresh()
    )
    with pytest.raises(CallerError) as refusal:
        give_less(longer, world.cast.ben, offer_of(longer, scope=scope_of(TINY)), payload_hash="0" * 64)
    assert refusal.value.reason is Reason.INVALID_INPUT
    assert give_less(longer, world.cast.ben, offer_of(longer, lasts_s=2 * HOUR)).state == RequestState.APPROVED


def test_a_retried_request_still_is_the_same_one(world: World) -> None:
    """Its idempotency key stands for what was sent, not for what an approver left of it."""
    request = ask(world, FRONTIER, lasts_s=2 * HOUR, idempotency_key="k-1")
    give_less(request, world.cast.ben, offer_of(request, lasts_s=HOUR))
    assert ask(world, FRONTIER, lasts_s=2 * HOUR, idempotency_key="k-1").pk == request.pk


def test_a_narrowed_grant_starts_and_is_judged_as_any_other(world: World) -> None:
    request = ask(world, FRONTIER, lasts_s=2 * HOUR)
    answer(request, world.cast.dora)
    give_less(request, world.cast.ben, offer_of(request, lasts_s=HOUR))
    answer(reload(request), world.cast.dora)
    assert start(Grant.objects.get()).state == "active"


def test_a_request_from_before_there_was_any_of_this_is_answered_and_narrowed(world: World) -> None:
    """What was signed by its keys alone stays what it was: no key of a later version is asked for."""
    old = []
    for _ in range(2):
        request = ask(world, TINY, lasts_s=2 * HOUR, purpose="Made by an earlier version")
        payload = request.payload
        assert not {"not_before", "bundle", "narrowed_from"} & set(payload)
        for key in ("request_budget", "refused_files", "approver_level"):
            del payload["terms"][key]
        for step in payload["approvals"]:
            step.pop("stage", None)
        AccessRequest.objects.filter(pk=request.pk).update(payload=payload, payload_hash=hash_payload(payload))
        old.append(answer(reload(request), world.cast.ben) if not old else reload(request))
    assert old[0].state == RequestState.APPROVED
    less = give_less(old[1], world.cast.ben, offer_of(old[1], lasts_s=HOUR))
    assert (less.state, is_intact(reload(less))) == (RequestState.APPROVED, True)


def test_what_is_shown_for_less_is_made_by_the_server(world: World) -> None:
    """TEAM PR #606: labels came from a client. Of an offer only names, operations and a length are taken."""
    request = ask(world, TINY, lasts_s=2 * HOUR)
    shown = services.preview_offer(actor=world.cast.ben, request=request, offer=offer_of(request, lasts_s=HOUR))
    asked, less = dict(request.payload), dict(shown.payload)
    changed = {key for key in less if less[key] != asked.get(key)}
    assert changed <= {"lasts_s", "narrowed_from", "risk"}
    assert less["resources"] == asked["resources"]


def test_what_is_less_in_words() -> None:
    asked = make_scope([ResourceScope(TINY, BOTH), ResourceScope(BASE, BOTH), ResourceScope(FRONTIER, BOTH)])
    left = make_scope([ResourceScope(TINY, BOTH, tags=("v1",)), ResourceScope(BASE, frozenset({Operation.PULL}))])
    assert what_is_less(Offer(asked, 4 * HOUR), Offer(left, 5400)) == (
        "1 h 30 min instead of 4 h",
        f"not {FRONTIER}",
        f"only v1 of {TINY}",
        f"no push on {BASE}",
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_an_offer_an_approval_and_a_withdrawal_race(world: World) -> None:
    """Whoever is first, at most one grant comes of it, and it is one that its signers saw."""
    for _ in range(5):
        request = ask(world, TINY, lasts_s=2 * HOUR)
        offer = offer_of(request, lasts_s=HOUR)
        signed = shown_hash(request, world.cast.ben, offer)
        race(
            [
                lambda r=request, o=offer, s=signed: give_less(r, world.cast.ben, o, payload_hash=s),
                lambda r=request: answer(r, world.cast.ben),
                lambda r=request: services.withdraw_request(actor=world.cast.ada, request=r),
            ]
        )
        after = reload(request)
        grants = list(Grant.objects.filter(request=request))
        assert len(grants) == (after.state == RequestState.APPROVED)
        assert after.state in {RequestState.APPROVED, RequestState.WITHDRAWN}
        for grant in grants:
            verdict = Verdict.objects.get(request=request)
            assert (verdict.payload_hash, grant.lasts_s) == (after.payload_hash, after.payload["lasts_s"])
