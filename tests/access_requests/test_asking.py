"""Asking: each refusal beside the request that goes through, with one thing changed."""

from __future__ import annotations

from datetime import UTC

import pytest

from jit_access.access_requests import services
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.payloads import hash_payload
from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import NO_ASSURANCE, Assurance, Level
from jit_access.notifications.models import Notification
from jit_access.targets.models import Repository, Target, TargetKind
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, active, ask, draft, fresh, reload, scope_of


def submit(world: World, the_draft=None, *, actor=None, assurance=None):
    return services.submit_request(
        actor=actor or world.cast.ada, draft=the_draft or draft(world), assurance=assurance or fresh()
    )


def refusals(kind: str) -> list[str]:
    return list(AuditEntry.objects.filter(kind=kind).values_list("reason", flat=True))


def test_request_waits_for_the_people_policy_names(world: World) -> None:
    request = ask(world, TINY)
    assert request.state == RequestState.PENDING
    assert [(step.group, step.needed) for step in request.steps.all()] == [("model-owners", 1)]
    told = Notification.objects.filter(kind="request-waits").values_list("user__username", flat=True)
    assert list(told) == ["ben"]
    assert not Grant.objects.exists()


def test_mail_to_approvers_carries_the_whole_question_in_its_subject(world: World) -> None:
    request = ask(world, TINY, lasts_s=HOUR + HOUR // 2)
    told = Notification.objects.get(kind="request-waits")
    end = request.answer_by.astimezone(UTC)
    assert told.subject == (
        f"Answer by {end.day} {end:%b %H:%M} UTC: Ada Okafor asks to pull demo-registry/{TINY} for 1 h 30 min"
    )
    assert told.text == f"Ada Okafor wrote: “{request.purpose}”"


def test_nobody_is_asked_about_what_a_target_does_not_have(world: World) -> None:
    renaming = {"scope": scope_of("models/tiny", operations=frozenset({Operation.ADMIN})), "target": hub()}
    assert submit(world, draft(world, **renaming), actor=world.cast.ben).state == RequestState.PENDING
    told = Notification.objects.get(kind="request-waits")
    assert "asks to administer hub/models/tiny for 1 h" in told.subject
    for target, operation in ((world.target, Operation.ADMIN), (renaming["target"], Operation.PROMOTE)):
        scope = scope_of(TINY, operations=frozenset({Operation.PULL, operation}))
        with pytest.raises(CallerError, match=f"There is no {operation} at {target.slug}"):
            draft(world, target=target, scope=scope)
        with pytest.raises(CallerError, match=f"There is no {operation} at {target.slug}"):
            services.preview_request(actor=world.cast.ben, target=target, scope=scope, lasts_s=HOUR, assurance=fresh())


def test_a_limit_that_nothing_would_keep_is_refused(world: World) -> None:
    where, digest = hub(), "sha256:" + "ab" * 32
    by_tag = make_scope([ResourceScope("models/tiny", frozenset({Operation.PULL}), tags=("main",))])
    by_digest = make_scope([ResourceScope("models/tiny", frozenset({Operation.PULL}), digests=(digest,))])
    assert draft(world, target=where, scope=by_tag).scope == by_tag
    with pytest.raises(CallerError, match="models/tiny at hub cannot be limited by digests"):
        draft(world, target=where, scope=by_digest)
    with pytest.raises(CallerError, match="cannot be limited by digests"):
        services.preview_request(actor=world.cast.ada, target=where, scope=by_digest, lasts_s=HOUR, assurance=fresh())
    assert draft(world, scope=by_digest).scope == by_digest


def hub() -> Target:
    return Target.objects.create(slug="hub", display_name="Hub", base_url="https://hub.example", kind=TargetKind.HF)


def test_three_ends_are_kept_apart(world: World) -> None:
    """Anchors 3.2 no. 34, Teleport #14040: pending, start and duration are three independent numbers."""
    request = ask(world, TINY, lasts_s=HOUR)
    assert request.created_at < request.answer_by < request.start_by
    assert request.lasts_s == HOUR


def test_nobody_is_needed_for_standard_repositories(world: World) -> None:
    request = ask(world, BASE)
    assert request.state == RequestState.APPROVED
    assert request.end_reason == Reason.NO_APPROVAL_NEEDED
    assert request.grant.state == GrantState.SCHEDULED


def test_payload_is_made_by_the_server(world: World) -> None:
    """TEAM PR #606: labels sent by the client deceived approvers. Names and tiers come from rows."""
    request = ask(world, TINY)
    [resource] = request.payload["resources"]
    assert (resource["tier"], resource["size_bytes"]) == ("sensitive", 2 << 30)
    assert request.payload["requester"]["id"] == world.cast.ada.public_id
    assert request.payload["target"]["id"] == world.target.public_id
    assert request.payload_hash == hash_payload(request.payload) == hash_payload(reload(request).payload)


def test_outsider_is_refused_with_a_record(world: World) -> None:
    assert submit(world, actor=world.cast.ada).state == RequestState.PENDING
    with pytest.raises(PolicyRefusal) as refusal:
        submit(world, actor=world.cast.dora)
    assert refusal.value.reason is Reason.NO_RULE_ALLOWS
    with pytest.raises(NotFound):
        submit(world, actor=world.cast.cleo)
    assert refusals("request.submit.refused") == [Reason.NO_RULE_ALLOWS, Reason.NOT_FOUND]


def test_longer_than_the_rule_is_refused(world: World) -> None:
    """TEAM takes the highest duration of all policies (anchors 3.2 no. 33); here the strictest matching rule counts."""
    assert submit(world, draft(world, TINY, lasts_s=4 * HOUR))
    with pytest.raises(PolicyRefusal) as refusal:
        submit(world, draft(world, BASE, TINY, lasts_s=4 * HOUR + 1))
    assert refusal.value.reason is Reason.LASTS_TOO_LONG
    assert refusal.value.fields["lasts_at_most_s"] == 4 * HOUR


def test_password_alone_asks_for_nothing(world: World) -> None:
    assert submit(world, assurance=fresh())
    with pytest.raises(PolicyRefusal) as refusal:
        submit(world, draft(world, BASE), assurance=Assurance(Level.PASSWORD))
    assert refusal.value.reason is Reason.SECOND_FACTOR_MISSING


def test_locked_account_asks_for_nothing(world: World) -> None:
    assert submit(world)
    accounts.lock_account(actor=GATEWAY, user=world.cast.ada)
    with pytest.raises(PolicyRefusal) as refusal:
        submit(world, draft(world, BASE))
    assert refusal.value.reason is Reason.ACCOUNT_LOCKED


def test_request_that_nobody_could_answer_is_refused(world: World) -> None:
    """TEAM #585, elevator #138: a group without members wedged the request. Here it cannot be asked."""
    assert submit(world)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    with pytest.raises(PolicyRefusal) as refusal:
        submit(world, draft(world, TINY, lasts_s=2 * HOUR, scope=scope_of(TINY, tags=("v2",))))
    assert refusal.value.reason is Reason.NO_APPROVER


def test_one_person_does_not_fill_two_steps(world: World) -> None:
    """Critical asks an owner and security: two distinct people, though one person may be in both groups."""
    assert ask(world, FRONTIER, lasts_s=HOUR).steps.count() == 2
    accounts.add_to_group(actor=GATEWAY, user=world.cast.dora, group="model-owners")
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    with pytest.raises(PolicyRefusal) as refusal:
        ask(world, FRONTIER, lasts_s=HOUR, scope=scope_of(FRONTIER, tags=("v1",)))
    assert refusal.value.reason is Reason.NO_APPROVER


def test_owner_does_not_count_as_approver_of_their_service_account(world: World) -> None:
    request = ask(world, TINY, actor=world.cast.ci_bot)
    assert request.state == RequestState.PENDING
    accounts.add_to_group(actor=GATEWAY, user=world.cast.ada, group="model-owners")
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    with pytest.raises(PolicyRefusal) as refusal:
        ask(world, TINY, actor=world.cast.ci_bot, scope=scope_of(TINY, tags=("v1",)))
    assert refusal.value.reason is Reason.NO_APPROVER


def test_agent_cannot_ask_to_push(world: World) -> None:
    assert ask(world, BASE, actor=world.cast.ci_bot).state == RequestState.APPROVED
    pushing = scope_of(BASE, operations=frozenset({Operation.PUSH}))
    assert ask(world, scope=pushing).state == RequestState.APPROVED
    with pytest.raises(PolicyRefusal) as refusal:
        ask(world, scope=pushing, actor=world.cast.ci_bot)
    assert refusal.value.reason is Reason.FORBIDDEN_BY_RULE


def test_same_request_twice_is_a_duplicate(world: World) -> None:
    first = ask(world, TINY)
    with pytest.raises(Conflict) as refusal:
        ask(world, TINY, purpose="Again, with other words")
    assert refusal.value.reason is Reason.DUPLICATE_REQUEST
    assert refusal.value.fields["request"] == first.public_id
    assert ask(world, TINY, scope=scope_of(TINY, tags=("v1",))).state == RequestState.PENDING


def test_double_click_with_one_key_gives_one_request(world: World) -> None:
    first = ask(world, TINY, idempotency_key="form-1")
    assert ask(world, TINY, idempotency_key="form-1").pk == first.pk
    with pytest.raises(Conflict) as refusal:
        ask(world, BASE, idempotency_key="form-1")
    assert refusal.value.reason is Reason.DUPLICATE_REQUEST
    assert AccessRequest.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [{"purpose": " \n "}, {"purpose": "x" * 1001}, {"lasts_s": 59}, {"lasts_s": 31 * 24 * HOUR}, {"ticket": "t" * 61}],
)
def test_what_was_typed_is_bounded(world: World, changes) -> None:
    assert draft(world)
    with pytest.raises(CallerError) as refusal:
        draft(world, **changes)
    assert refusal.value.reason is Reason.INVALID_INPUT


def test_direction_marks_cannot_deceive_the_approver(world: World) -> None:
    assert "\u202e" not in ask(world, TINY, purpose="evil\u202eton").purpose


def test_preview_names_people_and_changes_nothing(world: World) -> None:
    preview = services.preview_request(
        actor=world.cast.ada, target=world.target, scope=scope_of(TINY), lasts_s=HOUR, assurance=fresh(3600)
    )
    assert preview.is_allowed
    assert preview.why_not is None
    assert [(step.group, [p.username for p in step.people]) for step in preview.steps] == [("model-owners", ["ben"])]
    assert (preview.lasts_at_most_s, preview.factor_max_age_s, preview.is_factor_fresh) == (4 * HOUR, 900, False)
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize(
    ("who", "lasts_s", "reason"),
    [("cleo", HOUR, Reason.NO_RULE_ALLOWS), ("ada", 5 * HOUR, Reason.LASTS_TOO_LONG)],
)
def test_preview_says_why_not(world: World, who: str, lasts_s: int, reason: Reason) -> None:
    preview = services.preview_request(
        actor=getattr(world.cast, who), target=world.target, scope=scope_of(TINY), lasts_s=lasts_s, assurance=fresh()
    )
    assert preview.why_not is reason


def test_unknown_repository_counts_as_critical(world: World) -> None:
    request = ask(world, "llm/new-model", scope=scope_of("llm/new-model", operations=frozenset({Operation.PUSH})))
    assert request.payload["resources"][0]["tier"] == "critical"
    assert {step.group for step in request.steps.all()} == {"model-owners", "security"}


def test_risk_adds_up_with_reasons(world: World) -> None:
    low, high = ask(world, BASE), ask(world, FRONTIER)
    assert low.risk < high.risk <= 100
    assert {"points": 40, "code": "tier-critical", "sentence": "The repository is critical."} in high.risk_reasons
    assert sum(reason["points"] for reason in high.risk_reasons) == high.risk


def test_extension_takes_over_from_a_running_grant_only(world: World) -> None:
    grant = active(world, BASE)
    request = services.submit_extension(
        actor=world.cast.ada, grant=grant, by_s=HOUR, purpose="Not done yet", assurance=fresh()
    )
    assert request.extends == grant
    assert 2 * HOUR - 60 <= request.lasts_s <= 2 * HOUR
    with pytest.raises(Conflict) as refusal:
        services.submit_extension(actor=world.cast.ada, grant=grant, by_s=HOUR, purpose="More", assurance=fresh())
    assert refusal.value.reason is Reason.DUPLICATE_REQUEST


def test_service_account_needs_no_factor(world: World) -> None:
    request = services.submit_request(actor=world.cast.ci_bot, draft=draft(world, BASE), assurance=NO_ASSURANCE)
    assert request.state == RequestState.APPROVED
    assert Repository.objects.filter(name=BASE).exists()
