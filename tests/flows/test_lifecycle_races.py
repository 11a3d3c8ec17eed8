"""Everybody at once, on PostgreSQL: one decision, one grant, one end, whoever comes first.

SQLite runs writers one after the other and would prove nothing here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jit_access.access_requests import services as requests
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.credentials.models import CredentialLease
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import GatewayError
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import ViewState
from jit_access.grants import services as grants
from jit_access.grants.models import Claim, Grant
from tests.grants.test_opening import view_of
from tests.support.cast import Cast, make_person
from tests.support.effort import at_length
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
    make_world,
    reload,
    scheduled,
    scope_of,
    start,
)
from tests.support.racing import lasting_racers
from tests.support.rules import load_stages

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
RACES = at_length(50, 15)
RUNNERS = 20
Race = Callable[[Sequence[Callable[[], Any]]], list[Any]]


@pytest.fixture
def race() -> Iterator[Race]:
    with lasting_racers() as racers:
        yield racers.race


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def tagged(index: int):
    return scope_of(TINY, tags=(f"v{index}",))


def reasons(results: list) -> Counter:
    return Counter(result.reason for result in results if isinstance(result, GatewayError))


def test_fifty_races_of_twenty_approvals_give_fifty_grants(race: Race, world: World) -> None:
    """Glide and elevator #87: two approvers both pass. I3: one approved case, one grant."""
    approvers = [make_person(f"owner{index}", "model-owners") for index in range(RUNNERS)]
    for index in range(RACES):
        request = ask(world, scope=tagged(index))
        results = race([partial(answer, request, person) for person in approvers])
        assert Grant.objects.filter(request=request).count() == 1
        assert reload(request).state == RequestState.APPROVED
        assert request.verdicts.count() == 1
        assert reasons(results) == {Reason.ALREADY_DECIDED: RUNNERS - 1}
    assert Grant.objects.count() == RACES
    assert AuditEntry.objects.filter(kind="grant.created").count() == RACES


def test_twenty_clicks_of_one_approver_are_one_verdict(race: Race, world: World) -> None:
    for index in range(5):
        request = ask(world, scope=tagged(index))
        results = race([partial(answer, request, world.cast.ben)] * RUNNERS)
        assert not reasons(results)
        assert request.verdicts.count() == 1
        assert Grant.objects.filter(request=request).count() == 1


def test_two_steps_answered_at_once_are_one_grant(race: Race, world: World) -> None:
    owners = [make_person(f"owner{index}", "model-owners") for index in range(5)]
    security = [make_person(f"guard{index}", "security") for index in range(5)]
    for index in range(10):
        request = ask(world, scope=scope_of(FRONTIER, tags=(f"v{index}",)))
        race([partial(answer, request, person) for person in (*owners, *security)])
        assert Grant.objects.filter(request=request).count() == 1
        assert sorted(request.verdicts.values_list("step__group", flat=True)) == ["model-owners", "security"]


def test_twenty_answers_over_two_stages_count_once_and_make_one_grant(race: Race, world: World, tmp_path: Path) -> None:
    """Everybody is in both groups. Whoever comes first fills the first stage, and nobody fills both."""
    load_stages(tmp_path / "policy", "1 of model-owners; 1 of security")
    both = [make_person(f"both{index}", "model-owners", "security") for index in range(RUNNERS // 2)]
    for index in range(5):
        request = ask(world, scope=tagged(index))
        results = race([partial(answer, request, person) for person in (*both, *both)])
        assert Grant.objects.filter(request=request).count() == 1
        given = list(request.verdicts.order_by("pk").values_list("step__stage", "approver_id"))
        assert [stage for stage, _ in given] == [1, 2]
        assert len({person for _, person in given}) == 2
        assert set(reasons(results)) <= {Reason.ALREADY_DECIDED}


def test_approve_deny_withdraw_expire_at_once(race: Race, world: World, clock) -> None:
    """TEAM #16 of the list: read, then write. Here exactly one end wins, and a grant exists if and only if approved."""
    other = make_person("eve", "model-owners")
    seen = Counter()
    for index in range(15):
        request = ask(world, scope=tagged(index))
        race(
            [
                partial(answer, request, world.cast.ben),
                partial(answer, request, other, is_approval=False),
                partial(requests.withdraw_request, actor=world.cast.ada, request=request),
                partial(answer, request, world.cast.ben),
                requests.expire_due_requests,
            ]
        )
        state = reload(request).state
        seen[state] += 1
        assert state in {RequestState.APPROVED, RequestState.DENIED, RequestState.WITHDRAWN}
        assert Grant.objects.filter(request=request).exists() is (state == RequestState.APPROVED)
        ends = [f"request.{end}" for end in ("approved", "denied", "withdrawn", "expired", "invalidated")]
        assert AuditEntry.objects.filter(kind__in=ends, request=request.public_id).count() == 1
    assert sum(seen.values()) == 15


def test_late_approval_never_beats_the_deadline(race: Race, world: World, clock) -> None:
    request = ask(world, TINY)
    clock.set(request.answer_by)
    runners = [partial(answer, request, world.cast.ben)] * 5 + [requests.expire_due_requests] * 5
    results = race(runners)
    assert reasons(results) == {Reason.ANSWER_TOO_LATE: 5}
    assert reload(request).state == RequestState.EXPIRED
    assert not Grant.objects.exists()


def test_twenty_submits_with_one_key_are_one_request(race: Race, world: World) -> None:
    the_draft = draft(world, TINY, idempotency_key="form-7")
    results = race(
        [partial(requests.submit_request, actor=world.cast.ada, draft=the_draft, assurance=fresh())] * RUNNERS
    )
    assert not reasons(results)
    assert AccessRequest.objects.count() == 1


def test_twenty_identical_submits_are_one_request(race: Race, world: World) -> None:
    the_draft = draft(world, TINY)
    results = race(
        [partial(requests.submit_request, actor=world.cast.ada, draft=the_draft, assurance=fresh())] * RUNNERS
    )
    assert reasons(results) == {Reason.DUPLICATE_REQUEST: RUNNERS - 1}


def test_twenty_starts_start_once(race: Race, world: World) -> None:
    for index in range(5):
        grant = scheduled(world, scope=tagged(index))
        results = race([partial(start, grant)] * RUNNERS)
        assert not [result for result in results if isinstance(result, GatewayError)]
        assert AuditEntry.objects.filter(kind="grant.activated", grant=grant.public_id).count() == 1
        assert Claim.objects.filter(grant=grant).count() == 1


def test_start_and_revocation_at_once_never_leave_an_open_door(race: Race, world: World) -> None:
    """Glide: the revoke during activation (anchors 3.2 no. 31). Whoever is first, nothing stays open."""
    for index in range(15):
        grant = scheduled(world, scope=tagged(index))
        race(
            [
                partial(start, grant),
                partial(grants.revoke_grant, actor=world.cast.dora, grant=grant),
                partial(start, grant),
            ]
        )
        grants.finish_revocation(grant_id=grant.pk)
        assert reload(grant).state == GrantState.ENDED
        assert not Claim.objects.filter(grant=grant, released_at=None).exists()
        if reload(grant).activated_at is not None:
            assert view_of(grant).state is ViewState.CLOSED


def test_start_and_account_lock_at_once(race: Race, world: World) -> None:
    """The two take their locks in other orders; neither may wait for the other for ever, and the lock wins."""
    for index in range(10):
        grant = scheduled(world, scope=tagged(index))
        lock = partial(accounts.lock_account, actor=GATEWAY, user=world.cast.ada)
        race([partial(start, grant), lock, partial(start, grant)])
        assert reload(grant).state in {GrantState.REVOKING, GrantState.ENDED}
        accounts.unlock_account(actor=GATEWAY, user=world.cast.ada)


def test_all_ends_at_once_are_one_end(race: Race, world: World, clock) -> None:
    for index in range(10):
        grant = active(world, scope=tagged(index))
        race(
            [
                partial(grants.relinquish_grant, actor=world.cast.ada, grant=grant),
                partial(grants.revoke_grant, actor=world.cast.dora, grant=grant),
                partial(grants.revoke_grant, actor=world.cast.ben, grant=grant),
                partial(grants.revoke_by_gateway, grant=grant, reason=Reason.POLICY_TIGHTENED),
                grants.expire_due_grants,
            ]
        )
        ends = AuditEntry.objects.filter(
            kind__in=["grant.revoked", "grant.relinquished", "grant.expired"], grant=grant.public_id
        )
        assert ends.count() == 1
        assert reload(grant).end_reason == ends.get().reason == view_of(grant).reason


def test_twenty_workers_finish_once(race: Race, world: World) -> None:
    grant = active(world, TINY)
    grants.revoke_grant(actor=world.cast.dora, grant=grant)
    results = race([partial(grants.finish_revocation, grant_id=grant.pk)] * RUNNERS)
    assert Counter(results) == {True: 1, False: RUNNERS - 1}
    assert AuditEntry.objects.filter(kind="grant.ended", grant=grant.public_id).count() == 1


def test_overlapping_grants_ending_at_once_release_everything(race: Race, world: World) -> None:
    """TEAM PR #541: the scan for other grants races. The last claim is decided under the entitlement's lock."""
    for _ in range(5):
        several = [active(world, BASE, scope=scope_of(BASE, tags=(f"v{tag}",))) for tag in range(4)]
        race([partial(grants.relinquish_grant, actor=world.cast.ada, grant=grant) for grant in several])
        race([partial(grants.finish_revocation, grant_id=grant.pk) for grant in several])
        assert {reload(grant).state for grant in several} == {GrantState.ENDED}
        assert not Claim.objects.filter(released_at=None).exists()


def test_token_issued_while_the_grant_is_revoked_never_works(race: Race, world: World) -> None:
    for index in range(10):
        grant = active(world, scope=tagged(index))
        race(
            [partial(grants.issue_token, grant=grant, actor=world.cast.ada) for _ in range(5)]
            + [partial(grants.revoke_grant, actor=world.cast.dora, grant=grant)]
        )
        grants.finish_revocation(grant_id=grant.pk)
        assert view_of(grant).state is ViewState.CLOSED
        states = set(CredentialLease.objects.filter(grant=grant).values_list("state", flat=True))
        assert states <= {"revoked"}


def test_tokens_stay_ten_when_twenty_are_asked_at_once(race: Race, world: World) -> None:
    grant = active(world, TINY)
    race([partial(grants.issue_token, grant=grant, actor=world.cast.ada)] * RUNNERS)
    assert CredentialLease.objects.filter(grant=grant).count() == 10


def test_rotations_at_once_give_one_successor(race: Race, world: World) -> None:
    grant = active(world, TINY)
    lease = grants.issue_token(grant=grant, actor=world.cast.ada).lease
    race([partial(grants.rotate_token, lease=lease, actor=world.cast.ada)] * 10)
    assert CredentialLease.objects.filter(grant=grant).count() == 2


def test_collected_by_one_of_twenty(race: Race, world: World, clock) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot, lasts_s=2 * HOUR)
    lease = grants.issue_token(grant=grant, actor=world.cast.ci_bot).lease
    clock.advance(hours=1, seconds=1)
    race([grants.rotate_due_leases] * 5)
    successor = reload(lease).rotated_to
    results = race([partial(grants.collect_rotated_token, lease=successor, actor=world.cast.ci_bot)] * RUNNERS)
    assert len([result for result in results if not isinstance(result, GatewayError)]) == 1
    assert CredentialLease.objects.filter(grant=grant).count() == 2


def test_extension_and_revocation_at_once(race: Race, world: World) -> None:
    """When two events meet, revoke beats extend: the streams end, whichever commits first."""
    for index in range(8):
        older = active(world, BASE, scope=scope_of(BASE, tags=(f"v{index}",)))
        grants.issue_token(grant=older, actor=world.cast.ada)
        request = requests.submit_extension(
            actor=world.cast.ada, grant=older, by_s=HOUR, purpose="More", assurance=fresh()
        )
        newer = Grant.objects.get(request=request)
        race([partial(start, newer), partial(grants.revoke_grant, actor=world.cast.dora, grant=older)])
        assert {reload(older).state, reload(newer).state} <= {GrantState.REVOKING, GrantState.ENDED}
        assert reload(newer).end_reason == Reason.GRANT_REVOKED
        if reload(newer).activated_at is not None:
            assert view_of(newer).state is ViewState.CLOSED
