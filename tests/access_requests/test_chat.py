"""Answers by a button in a chat: what counts there, and what never does."""

from __future__ import annotations

from pathlib import Path

import pytest

from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.access_requests.payloads import hash_payload, is_intact
from jit_access.access_requests.services.chat import approve_in_chat, deny_in_chat, may_approve_in_chat
from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict, PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.targets.models import Repository
from tests.support.lifecycles import BASE, FRONTIER, TINY, World, answer, ask, reload
from tests.support.slack.policies import load_chat_policy
from tests.support.slack.proofs import prove_in_session


@pytest.fixture
def chat_world(world: World, tmp_path: Path) -> World:
    load_chat_policy(tmp_path / "policy")
    return world


def prove(world: World, who: str = "ben") -> None:
    prove_in_session(getattr(world.cast, who))


def approve(world: World, request: AccessRequest, who: str = "ben", payload_hash: str = "") -> AccessRequest:
    return approve_in_chat(
        actor=getattr(world.cast, who), request=request, payload_hash=payload_hash or request.payload_hash
    )


def test_low_tier_is_approved_beside_a_fresh_proof(chat_world: World) -> None:
    request = ask(chat_world, BASE)
    assert may_approve_in_chat(request)
    prove(chat_world)
    assert approve(chat_world, request).state == RequestState.APPROVED
    assert Verdict.objects.get().factor_proved_at is not None


@pytest.mark.parametrize("name", [TINY, FRONTIER])
def test_serious_tiers_never_are_whatever_the_rule_says(chat_world: World, name: str) -> None:
    request = ask(chat_world, name)
    assert request.payload["terms"]["approve_in_chat"]
    prove(chat_world)
    with pytest.raises(PolicyRefusal) as refusal:
        approve(chat_world, request)
    assert refusal.value.reason is Reason.APPROVE_ON_PAGE
    assert reload(request).state == RequestState.PENDING
    assert AuditEntry.objects.filter(kind="request.answer.refused", reason=Reason.APPROVE_ON_PAGE).count() == 1


def test_rule_that_does_not_open_the_chat(world: World, tmp_path: Path) -> None:
    load_chat_policy(tmp_path / "policy", is_open=False)
    request = ask(world, BASE)
    prove(world)
    with pytest.raises(PolicyRefusal) as refusal:
        approve(world, request)
    assert refusal.value.reason is Reason.APPROVE_ON_PAGE
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_rule_that_closed_the_chat_meanwhile(chat_world: World, tmp_path: Path) -> None:
    request = ask(chat_world, BASE)
    prove(chat_world)
    load_chat_policy(tmp_path / "later", is_open=False)
    assert not may_approve_in_chat(reload(request))


def test_tier_that_rose_meanwhile(chat_world: World) -> None:
    request = ask(chat_world, BASE)
    Repository.objects.filter(name=BASE).update(tier=Tier.SENSITIVE)
    assert not may_approve_in_chat(request)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("never", Reason.SECOND_FACTOR_MISSING),
        ("long ago", Reason.SECOND_FACTOR_STALE),
        ("signed out everywhere", Reason.SECOND_FACTOR_MISSING),
    ],
)
def test_approval_needs_a_proof_that_stands(chat_world: World, clock, how: str, reason: Reason) -> None:
    request = ask(chat_world, BASE)
    if how != "never":
        prove(chat_world)
    if how == "long ago":
        clock.advance(minutes=16)
    if how == "signed out everywhere":
        accounts.end_sessions(actor=GATEWAY, user=chat_world.cast.ben)
    with pytest.raises(PolicyRefusal) as refusal:
        approve(chat_world, request)
    assert refusal.value.reason is reason
    prove(chat_world)
    assert approve(chat_world, request).state == RequestState.APPROVED


def test_own_request_and_strangers(chat_world: World) -> None:
    request = ask(chat_world, BASE)
    for who, reason in (("ada", Reason.OWN_REQUEST), ("cleo", Reason.NOT_AN_APPROVER)):
        prove(chat_world, who)
        with pytest.raises(PolicyRefusal) as refusal:
            approve(chat_world, request, who)
        assert refusal.value.reason is reason


def test_what_was_read_is_what_is_approved(chat_world: World) -> None:
    request = ask(chat_world, BASE)
    prove(chat_world)
    with pytest.raises(Conflict) as refusal:
        approve(chat_world, request, payload_hash="0" * 64)
    assert refusal.value.reason is Reason.PAYLOAD_CHANGED


def test_loser_hears_who_decided(chat_world: World) -> None:
    request = ask(chat_world, BASE)
    accounts.add_to_group(actor=GATEWAY, user=chat_world.cast.cleo, group="model-owners")
    answer(request, chat_world.cast.ben, is_approval=False)
    prove(chat_world, "cleo")
    with pytest.raises(Conflict, match="denied already by Ben Okafor"):
        approve(chat_world, request, "cleo")


def test_denial_takes_no_proof_but_the_right_person(chat_world: World) -> None:
    request = ask(chat_world, TINY)
    with pytest.raises(PolicyRefusal) as refusal:
        deny_in_chat(actor=chat_world.cast.cleo, request=request, note="No", payload_hash=request.payload_hash)
    assert refusal.value.reason is Reason.NOT_AN_APPROVER
    denied = deny_in_chat(actor=chat_world.cast.ben, request=request, note="Smaller", payload_hash=request.payload_hash)
    assert denied.state == RequestState.DENIED
    assert Verdict.objects.get().factor_proved_at is None


def test_request_from_before_there_was_a_chat_is_still_answered(chat_world: World) -> None:
    """The payload is versioned by its keys: one without this key is intact, and closed to the chat."""
    request = ask(chat_world, BASE)
    old = request.payload
    del old["terms"]["approve_in_chat"]
    AccessRequest.objects.filter(pk=request.pk).update(payload=old, payload_hash=hash_payload(old))
    request = reload(request)
    assert is_intact(request)
    assert not may_approve_in_chat(request)
    assert answer(request, chat_world.cast.ben).state == RequestState.APPROVED
