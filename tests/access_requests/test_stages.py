"""Stages: who is asked when, whom a word of a rule means, and that nobody counts twice. Each refusal has its twin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jit_access.access_requests import access, selectors, services
from jit_access.access_requests.less import Offer
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.payloads import hash_payload, is_intact
from jit_access.access_requests.services.answering import make_answer
from jit_access.access_requests.services.narrowing import give, preview_offer
from jit_access.access_requests.services.owning import name_owners
from jit_access.accounts import services as accounts
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import NotFound, PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants import services as grants
from jit_access.grants.access import may_revoke, visible_grants
from jit_access.grants.models import Grant
from jit_access.notifications.models import Notification
from tests.support.cast import make_person
from tests.support.lifecycles import HOUR, TINY, World, answer, ask, fresh, proof_for, reload, scope_of
from tests.support.rules import load_changed, load_stages

THREE = "1 of manager; 1 of target-owner, 1 of model-owners; 1 of security"


def told(kind: str = "request-waits") -> list[str]:
    return sorted(Notification.objects.filter(kind=kind).values_list("user__username", flat=True))


def queue(user) -> list[AccessRequest]:
    return [item.request for item in selectors.approvals_queue(actor=user, now=core_clock.now()) if item.may_answer]


def refusal_of(doing) -> PolicyRefusal:
    with pytest.raises(PolicyRefusal) as refusal:
        doing()
    return refusal.value


@pytest.fixture
def three(world: World, tmp_path: Path) -> World:
    """Ada's manager is Mia; Olga owns the target."""
    load_stages(tmp_path / "policy", THREE)
    mia, _ = make_person("mia"), make_person("olga")
    accounts.set_manager(actor=GATEWAY, user=world.cast.ada, manager=mia)
    name_owners(actor=world.cast.ben, target=world.target, group="", people=["olga"])
    world.cast.ada.refresh_from_db()
    return World(world.cast, reload(world.target))


def person(name: str):
    return User.objects.get(username=name)


def test_each_stage_is_asked_when_the_one_before_it_is_complete(three: World) -> None:
    request = ask(three, TINY)
    assert [(step.stage, step.group) for step in request.steps.order_by("stage", "group")] == [
        (1, "manager"), (2, "model-owners"), (2, "target-owner"), (3, "security"),
    ]  # fmt: skip
    assert told() == ["mia"]
    answer(request, person("mia"))
    assert told() == ["ben", "mia", "olga"]
    answer(request, three.cast.ben)
    assert told() == ["ben", "mia", "olga"]
    answer(request, person("olga"))
    assert told() == ["ben", "dora", "mia", "olga"]
    assert answer(request, three.cast.dora).state == RequestState.APPROVED
    assert Grant.objects.count() == 1
    given = AuditEntry.objects.filter(kind="verdict.given").order_by("seq")
    stages = [json.loads(entry.body)["detail"]["stage"] for entry in given]
    assert stages == [1, 2, 2, 3]


@pytest.mark.parametrize("is_approval", [True, False])
def test_nobody_answers_ahead_of_their_stage(three: World, is_approval: bool) -> None:
    request = ask(three, TINY)
    early = refusal_of(lambda: answer(request, three.cast.ben, is_approval=is_approval))
    assert early.reason is Reason.NOT_YET_ASKED
    assert AuditEntry.objects.filter(kind="request.answer.refused", reason=Reason.NOT_YET_ASKED).exists()
    assert not queue(three.cast.ben)
    why_not = selectors.why_not_answer(three.cast.ben, request, now=core_clock.now())
    assert why_not is Reason.NOT_YET_ASKED
    answer(request, person("mia"))
    assert queue(three.cast.ben) == [request]
    assert answer(request, three.cast.ben, is_approval=is_approval).verdicts.count() == 2


@pytest.mark.parametrize("who", ["mia", "olga", "ben", "dora"])
def test_a_denial_at_any_stage_ends_it(three: World, who: str) -> None:
    request = ask(three, TINY)
    for before in ["mia", "olga", "ben", "dora"]:
        if before == who:
            break
        answer(request, person(before))
    assert answer(request, person(who), is_approval=False, note="No").state == RequestState.DENIED
    assert not Grant.objects.exists()


def test_whoever_was_asked_in_an_earlier_stage_may_still_deny(three: World) -> None:
    eve = make_person("eve", "model-owners")
    request = ask(three, TINY)
    for name in ["mia", "olga", "ben"]:
        answer(request, person(name))
    assert answer(request, eve, is_approval=False, note="Wait").state == RequestState.DENIED


def test_a_person_counts_once_over_all_stages(world: World, tmp_path: Path) -> None:
    load_stages(tmp_path / "policy", "1 of model-owners; 1 of security")
    accounts.add_to_group(actor=GATEWAY, user=world.cast.ben, group="security")
    request = answer(ask(world, TINY), world.cast.ben)
    assert answer(request, world.cast.ben).verdicts.count() == 1  # a repeat
    assert reload(request).state == RequestState.PENDING
    assert answer(request, world.cast.dora).state == RequestState.APPROVED


def test_the_only_one_who_can_answer_a_later_stage_is_kept_for_it(world: World, tmp_path: Path) -> None:
    load_stages(tmp_path / "policy", "1 of model-owners; 1 of security")
    accounts.add_to_group(actor=GATEWAY, user=world.cast.dora, group="model-owners")
    request = ask(world, TINY)
    kept = refusal_of(lambda: answer(request, world.cast.dora))
    assert kept.reason is Reason.NEEDED_LATER
    answer(request, world.cast.ben)
    assert answer(request, world.cast.dora).state == RequestState.APPROVED


def test_two_stages_of_the_same_single_person_cannot_be_asked(world: World, tmp_path: Path) -> None:
    """TEAM #356, jit-groups #316: no approvers found. Said at once, with who is missing."""
    load_stages(tmp_path / "policy", "1 of a-team; 1 of b-team")
    for group in ("a-team", "b-team"):
        accounts.add_to_group(actor=GATEWAY, user=world.cast.cleo, group=group)
    refused = refusal_of(lambda: ask(world, TINY))
    assert refused.reason is Reason.NO_APPROVER
    assert "too few different people for 1 of a-team; 1 of b-team" in refused.sentence
    assert AuditEntry.objects.filter(kind="request.submit.refused", reason=Reason.NO_APPROVER).exists()
    preview = services.preview_request(
        actor=world.cast.ada, target=world.target, scope=scope_of(TINY), lasts_s=HOUR, assurance=fresh()
    )
    assert (preview.why_not, preview.why_nobody) == (Reason.NO_APPROVER, refused.sentence)
    accounts.add_to_group(actor=GATEWAY, user=make_person("eve"), group="b-team")
    assert ask(world, TINY).state == RequestState.PENDING


@pytest.mark.parametrize(
    ("approvals", "said"),
    [
        ("1 of manager", "asks your manager, and none is set"),
        ("1 of target-owner", "1 of the owners of the target, and nobody there"),
        ("1 of model-owners; 2 of security", "2 of the group security, and 1 there"),
    ],
)
def test_a_stage_that_nobody_could_answer_is_named(world: World, tmp_path: Path, approvals: str, said: str) -> None:
    """elevator #138, TEAM #356: the request hangs for ever. Here it is not even asked."""
    load_stages(tmp_path / "policy", approvals)
    assert said in refusal_of(lambda: ask(world, TINY)).sentence
    mia = make_person("mia", "security")
    accounts.set_manager(actor=GATEWAY, user=world.cast.ada, manager=mia)
    name_owners(actor=world.cast.ben, target=world.target, group="security", people=[])
    world.target.refresh_from_db()
    assert ask(world, TINY).state == RequestState.PENDING


def test_a_manager_who_asks_is_not_their_own_manager_by_another_way(world: World, tmp_path: Path) -> None:
    """Teleport PR #62556: self-approval by a second hat. Ada owns the target and leads the agent's owner: herself."""
    load_stages(tmp_path / "policy", "1 of target-owner")
    name_owners(actor=world.cast.ben, target=world.target, group="research", people=["ada"])
    world.target.refresh_from_db()
    assert refusal_of(lambda: ask(world, TINY)).reason is Reason.NO_APPROVER
    name_owners(actor=world.cast.ben, target=world.target, group="research", people=["ada", "cleo"])
    request = ask(world, TINY)
    assert refusal_of(lambda: answer(request, world.cast.ada)).reason is Reason.OWN_REQUEST
    assert answer(request, world.cast.cleo).state == RequestState.APPROVED


def test_the_manager_of_an_agent_is_its_owners(world: World, tmp_path: Path) -> None:
    load_changed(
        tmp_path / "policy",
        {'@lasts_at_most("2h")\n@approvals("1 of model-owners")': '@lasts_at_most("2h")\n@approvals("1 of manager")'},
    )
    accounts.set_manager(actor=GATEWAY, user=world.cast.ada, manager=make_person("mia"))
    request = ask(world, TINY, actor=reload(world.cast.ci_bot))
    assert queue(person("mia")) == [request]
    assert refusal_of(lambda: answer(request, world.cast.ada)).reason is Reason.OWN_REQUEST
    assert answer(request, person("mia")).state == RequestState.APPROVED


def test_group_called_like_a_relation_is_written_with_its_kind(world: World, tmp_path: Path) -> None:
    load_stages(tmp_path / "policy", "1 of group:manager")
    accounts.add_to_group(actor=GATEWAY, user=world.cast.cleo, group="manager")
    request = ask(world, TINY)
    assert queue(world.cast.cleo) == [request]
    assert answer(request, world.cast.cleo).state == RequestState.APPROVED


def test_who_is_asked_sees_it_and_what_came_of_it(three: World) -> None:
    request = ask(three, TINY)
    for name in ("mia", "olga"):
        assert access.get_request(actor=person(name), public_id=request.public_id) == request
    with pytest.raises(NotFound):
        access.get_request(actor=three.cast.cleo, public_id=request.public_id)
    for name in ("mia", "olga", "ben", "dora"):
        answer(request, person(name))
    grant = Grant.objects.get()
    for name in ("mia", "olga"):
        assert may_revoke(person(name), grant)
        assert visible_grants(actor=person(name)).filter(pk=grant.pk).exists()
    assert not may_revoke(three.cast.cleo, grant)
    grants.revoke_grant(actor=person("mia"), grant=grant)


def test_grant_of_several_stages_starts_and_stays(three: World) -> None:
    request = ask(three, TINY)
    for name in ("mia", "olga", "ben", "dora"):
        answer(request, person(name))
    grant = Grant.objects.get()
    started = grants.activate_grant(actor=grant.subject, grant=grant, assurance=proof_for(grant.subject))
    grants.reevaluate_live_grants()
    assert reload(started).state == "active"


def test_manager_changed_while_it_waits(three: World) -> None:
    """Anchors 3.2 no. 18: looked up when it is asked. What the former manager agreed to counts no more."""
    request = answer(ask(three, TINY), person("mia"))
    accounts.set_manager(actor=GATEWAY, user=three.cast.ada, manager=make_person("noa"))
    assert AuditEntry.objects.get(kind="verdict.voided").reason == Reason.APPROVER_CHANGED
    assert "noa" in told()
    assert refusal_of(lambda: answer(request, three.cast.ben)).reason is Reason.NOT_YET_ASKED
    assert refusal_of(lambda: answer(request, person("mia"))).reason is Reason.NOT_AN_APPROVER
    answer(request, person("noa"))
    assert answer(request, three.cast.ben).state == RequestState.PENDING


def test_target_given_to_others_while_it_waits(three: World) -> None:
    request = answer(answer(ask(three, TINY), person("mia")), person("olga"))
    name_owners(actor=three.cast.ben, target=three.target, group="", people=["cleo"])
    assert AuditEntry.objects.filter(kind="verdict.voided", reason=Reason.APPROVER_CHANGED).count() == 1
    assert "cleo" in told()
    answer(request, three.cast.ben)
    assert answer(request, three.cast.cleo).state == RequestState.PENDING
    assert answer(request, three.cast.dora).state == RequestState.APPROVED


def test_last_approver_departed_is_said_at_once_and_mended_by_the_next(world: World, tmp_path: Path) -> None:
    """elevator #138: one departed approver wedges the whole request."""
    load_stages(tmp_path / "policy", "1 of model-owners; 1 of security")
    accounts.add_to_group(actor=GATEWAY, user=world.cast.cleo, group="operators")
    request = ask(world, TINY)
    accounts.lock_account(actor=GATEWAY, user=world.cast.dora)
    assert AuditEntry.objects.filter(kind="request.unanswerable", request=request.public_id).count() == 1
    assert told("request-stuck") == ["ada", "ben", "cleo"]
    answer(request, world.cast.ben)
    accounts.lock_account(actor=GATEWAY, user=make_person("zoe", "security"))
    assert AuditEntry.objects.filter(kind="request.unanswerable").count() == 1
    assert answer(request, make_person("eve", "security")).state == RequestState.APPROVED


def test_request_that_others_can_answer_is_not_called_stuck(world: World, tmp_path: Path) -> None:
    load_stages(tmp_path / "policy", "1 of model-owners; 1 of security")
    make_person("eve", "security")
    ask(world, TINY)
    accounts.lock_account(actor=GATEWAY, user=world.cast.dora)
    assert not AuditEntry.objects.filter(kind="request.unanswerable").exists()


def test_operator_does_not_make_themselves_an_owner(world: World) -> None:
    refused = refusal_of(lambda: name_owners(actor=world.cast.ben, target=world.target, group="", people=["ben"]))
    assert refused.reason is Reason.OWN_RIGHTS
    assert AuditEntry.objects.filter(kind="target.owners-refused").exists()
    other = make_person("eve", "operators")
    name_owners(actor=other, target=world.target, group="", people=["ben"])
    name_owners(actor=world.cast.ben, target=world.target, group="", people=["ben", "cleo"])  # he was one already
    with pytest.raises(NotFound):
        name_owners(actor=world.cast.cleo, target=world.target, group="", people=[])


def test_question_from_before_there_were_stages_is_still_answerable(world: World) -> None:
    request = ask(world, TINY)
    old = request.payload | {"approvals": [{"group": "model-owners", "needed": 1}]}
    AccessRequest.objects.filter(pk=request.pk).update(payload=old, payload_hash=hash_payload(old))
    request = reload(request)
    assert is_intact(request)
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_stage_is_part_of_what_is_signed(three: World) -> None:
    request = ask(three, TINY)
    assert [item["stage"] for item in request.payload["approvals"]] == [1, 2, 2, 3]
    request.steps.filter(group="security").update(stage=1)
    assert not is_intact(reload(request))


def test_offer_of_a_later_stage_counts_there_and_asks_the_earlier_again(world: World, tmp_path: Path) -> None:
    load_stages(tmp_path / "policy", "1 of model-owners; 1 of security")
    request = answer(ask(world, TINY), world.cast.ben)
    offer = Offer(scope_of(TINY), HOUR // 2)
    early = ask(world, TINY, scope=scope_of(TINY, tags=("v9",)))
    wanted = preview_offer(actor=world.cast.dora, request=request, offer=offer).payload_hash
    said = make_answer(is_approval=True, note="", payload_hash=wanted, assurance=fresh())
    less = Offer(scope_of(TINY, tags=("v9",)), HOUR // 2)
    refused = refusal_of(lambda: give(actor=world.cast.dora, request=early, offer=less, answer=said))
    assert refused.reason is Reason.NOT_YET_ASKED
    narrowed = give(actor=world.cast.dora, request=request, offer=offer, answer=said)
    assert narrowed.state == RequestState.PENDING
    assert reload(request) in queue(world.cast.ben)
    assert answer(reload(request), world.cast.ben).state == RequestState.APPROVED
    assert Grant.objects.get().lasts_s == HOUR // 2
