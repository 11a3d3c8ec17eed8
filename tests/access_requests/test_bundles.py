"""Several things asked together: all or nothing, or each by itself.

Anchors 3.2 no. 28: ConsoleMe keeps a status per change and resumes; JIT Groups adds some of it and rolls nothing back.
"""

from __future__ import annotations

import pytest

from jit_access.access_requests import services
from jit_access.access_requests.models import AccessRequest, Bundle
from jit_access.access_requests.payloads import is_intact
from jit_access.accounts import services as accounts
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, GatewayError, PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from jit_access.targets.models import Repository, Target
from tests.access_requests.test_narrowing import give_less, offer_of
from tests.api.caller import Caller
from tests.conftest import Clock
from tests.support.lifecycles import BASE, HOUR, TINY, World, answer, draft, fresh, reload, scope_of
from tests.support.racing import race

APPROVED, PENDING, INVALIDATED = RequestState.APPROVED, RequestState.PENDING, RequestState.INVALIDATED
OTHER = "llm/elsewhere"


@pytest.fixture
def other(world: World) -> Target:
    target = Target.objects.create(
        slug="other-registry", display_name="Other registry", base_url="http://127.0.0.1:5001", allow_private=True
    )
    Repository.objects.create(target=target, name=OTHER, tier=Tier.SENSITIVE)
    return target


def send(
    world: World, other: Target, *, is_all_or_nothing: bool = True, first: str = TINY, key: str = ""
) -> list[AccessRequest]:
    bundle = services.submit_bundle(
        actor=world.cast.ada,
        drafts=[draft(world, first), draft(world, target=other, scope=scope_of(OTHER))],
        is_all_or_nothing=is_all_or_nothing,
        assurance=fresh(),
        idempotency_key=key,
    )
    return services.parts_of(bundle)


def states(parts: list[AccessRequest]) -> list[str]:
    return [reload(part).state for part in parts]


def test_nothing_is_granted_before_everything_is_agreed_on(world: World, other: Target) -> None:
    parts = send(world, other)
    held = answer(parts[0], world.cast.ben)
    assert (held.state, held.agreed_reason, Grant.objects.count()) == (PENDING, Reason.APPROVED, 0)
    assert AuditEntry.objects.filter(kind="request.agreed", reason=Reason.BUNDLE_HELD).count() == 1
    answer(parts[1], world.cast.ben)
    assert states(parts) == [APPROVED, APPROVED]
    assert Grant.objects.count() == 2
    assert services.outcome_of([reload(part) for part in parts]) == "granted"


def test_each_by_itself(world: World, other: Target) -> None:
    parts = send(world, other, is_all_or_nothing=False)
    answer(parts[0], world.cast.ben)
    answer(parts[1], world.cast.ben, is_approval=False, note="Not that one")
    assert states(parts) == [APPROVED, RequestState.DENIED]
    assert Grant.objects.count() == 1
    assert services.outcome_of([reload(part) for part in parts]) == "partly"


@pytest.mark.parametrize("how", ["denied", "withdrawn", "expired"])
def test_the_end_of_one_is_the_end_of_all(world: World, other: Target, clock: Clock, how: str) -> None:
    parts = send(world, other)
    answer(parts[0], world.cast.ben)
    if how == "denied":
        answer(parts[1], world.cast.ben, is_approval=False)
    elif how == "withdrawn":
        services.withdraw_request(actor=world.cast.ada, request=parts[1])
    else:
        clock.advance(days=1, minutes=1)
        services.expire_due_requests()
    assert {how, *states(parts)} == {how, INVALIDATED}
    assert sorted(reload(part).end_reason == Reason.BUNDLE_ENDED for part in parts) == [False, True]
    assert not Grant.objects.exists()


def test_what_needs_nobody_waits_with_the_rest(world: World, other: Target) -> None:
    parts = send(world, other, first=BASE)
    assert (states(parts), Grant.objects.count()) == ([PENDING, PENDING], 0)
    answer(parts[1], world.cast.ben)
    assert (states(parts), Grant.objects.count()) == ([APPROVED, APPROVED], 2)
    assert reload(parts[0]).end_reason == Reason.NO_APPROVAL_NEEDED


def test_what_needs_nobody_is_granted_at_once_when_each_stands_alone(world: World, other: Target) -> None:
    assert states(send(world, other, first=BASE, is_all_or_nothing=False)) == [APPROVED, PENDING]


def test_policy_is_asked_about_all_of_it_once_more(world: World, other: Target) -> None:
    """The first was agreed on while it was sensitive; by the time the last is, it would need one more person."""
    parts = send(world, other)
    answer(parts[0], world.cast.ben)
    Repository.objects.filter(name=TINY).update(tier=Tier.CRITICAL)
    answer(parts[1], world.cast.ben)
    assert states(parts) == [INVALIDATED, INVALIDATED]
    assert not Grant.objects.exists()


def test_an_approval_that_is_taken_back_holds_nothing(world: World, other: Target) -> None:
    parts = send(world, other)
    answer(parts[0], world.cast.ben)
    accounts.add_to_group(actor=GATEWAY, user=world.cast.dora, group="model-owners")
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    assert reload(parts[0]).agreed_reason == ""
    answer(parts[1], world.cast.dora)
    assert (states(parts), Grant.objects.count()) == ([PENDING, PENDING], 0)
    answer(parts[0], world.cast.dora)
    assert states(parts) == [APPROVED, APPROVED]


def test_less_of_a_held_one_is_agreed_on_anew(world: World, other: Target) -> None:
    accounts.add_to_group(actor=GATEWAY, user=world.cast.dora, group="model-owners")
    parts = send(world, other)
    answer(parts[0], world.cast.ben)
    less = give_less(reload(parts[0]), world.cast.dora, offer_of(parts[0], lasts_s=HOUR // 2))
    assert (less.state, less.agreed_reason, less.lasts_s) == (PENDING, Reason.APPROVED, HOUR // 2)
    answer(parts[1], world.cast.ben)
    assert states(parts) == [APPROVED, APPROVED]


def test_who_approves_signs_that_it_is_part_of_something(world: World, other: Target) -> None:
    part = send(world, other)[0]
    assert part.payload["bundle"] == {"id": part.bundle.public_id, "size": 2, "is_all_or_nothing": True}
    assert is_intact(part)
    AccessRequest.objects.filter(pk=part.pk).update(bundle=None)
    with pytest.raises(Conflict) as refusal:
        answer(part, world.cast.ben)
    assert refusal.value.reason is Reason.PAYLOAD_CHANGED


def test_if_one_cannot_be_asked_nothing_is_sent(world: World, other: Target) -> None:
    drafts = [draft(world, TINY), draft(world, BASE, lasts_s=30 * 24 * HOUR)]
    for is_all_or_nothing in (True, False):
        with pytest.raises(PolicyRefusal) as refusal:
            services.submit_bundle(
                actor=world.cast.ada, drafts=drafts, is_all_or_nothing=is_all_or_nothing, assurance=fresh()
            )
        assert refusal.value.reason is Reason.LASTS_TOO_LONG
    assert (Bundle.objects.count(), AccessRequest.objects.count()) == (0, 0)
    assert AuditEntry.objects.filter(kind="bundle.submit.refused", reason=Reason.LASTS_TOO_LONG).count() == 2


def test_one_is_no_bundle(world: World) -> None:
    with pytest.raises(CallerError) as refusal:
        services.submit_bundle(
            actor=world.cast.ada, drafts=[draft(world, TINY)], is_all_or_nothing=True, assurance=fresh()
        )
    assert refusal.value.reason is Reason.INVALID_INPUT


def test_sent_twice_is_one(world: World, other: Target) -> None:
    first, again = send(world, other, key="k-1"), send(world, other, key="k-1")
    assert [part.pk for part in first] == [part.pk for part in again]
    assert Bundle.objects.count() == 1


def test_over_the_api(world: World, other: Target) -> None:
    ada, ben = Caller(world.cast.ada), Caller(world.cast.ben)
    items = [
        {"target": "demo-registry", "resources": [{"repository": TINY, "operations": ["pull"]}], "lasts_s": HOUR},
        {"target": "other-registry", "resources": [{"repository": OTHER, "operations": ["pull"]}], "lasts_s": HOUR},
    ]
    body = {"rule": "all-or-nothing", "items": items, "purpose": "Compare the two"}
    sent = ada.post("/bundles", body)
    assert (sent.status_code, sent.json()["outcome"], sent.json()["size"]) == (201, "waiting", 2)
    bundle = sent.json()["id"]
    first, second = sent.json()["requests"]
    held = ben.post(f"/requests/{first['id']}/approve", {"payload_hash": first["payload_hash"]}).json()
    assert (held["state"], held["is_held"], held["grant"]) == ("pending", True, None)
    ben.post(f"/requests/{second['id']}/approve", {"payload_hash": second["payload_hash"]})
    shown = ada.get(f"/bundles/{bundle}").json()
    assert (shown["outcome"], [bool(one["grant"]) for one in shown["requests"]]) == ("granted", [True, True])
    assert Caller(world.cast.cleo).get(f"/bundles/{bundle}").status_code == 404
    assert ada.post("/bundles", body | {"rule": "some"}).status_code == 400


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_answers_to_its_parts_race(world: World, other: Target) -> None:
    """Neither waits for the other for ever, and it is all of it or nothing."""
    for round_ in range(4):
        parts = send(world, other)
        last_says = round_ % 2 == 0

        def say(part: AccessRequest, by: User, is_approval: bool) -> AccessRequest:
            return answer(part, by, is_approval=is_approval)

        results = race(
            [
                lambda p=parts, s=say: s(p[0], world.cast.ben, True),
                lambda p=parts, s=say, yes=last_says: s(p[1], world.cast.ben, yes),
            ]
        )
        assert all(isinstance(result, AccessRequest | GatewayError) for result in results)
        granted = Grant.objects.filter(request__in=parts)
        assert granted.count() == (2 if last_says else 0)
        assert PENDING not in states(parts)
        for grant in granted:
            grant.request.refresh_from_db()
            assert grant.request.state == APPROVED
