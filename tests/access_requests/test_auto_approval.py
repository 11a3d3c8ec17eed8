"""Rules that approve by themselves: each way beside what it lacks, and what beats all of them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from jit_access.access_requests import services
from jit_access.access_requests.services.on_call import Shift, coming_shifts, replace_schedule
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.errors import CallerError, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.targets.models import Repository
from tests.support.lifecycles import HOUR, TINY, World, answer, ask, fresh, proof_for, reload, scope_of
from tests.support.rules import SENSITIVE, load_changed, load_stages

DAY = timedelta(days=1)


def load(directory: Path, ways: str, approvals: str = "1 of model-owners") -> None:
    load_stages(directory, approvals, more=f'@auto_approve("{ways}")')


def put_on_call(world: World, who: str = "ada") -> None:
    now = core_clock.now()
    replace_schedule(actor=world.cast.ben, schedule="ml", shifts=[Shift(who, now - DAY, now + DAY)])


def preview(world: World, **changes):
    facts = {"target": world.target, "scope": scope_of(TINY), "lasts_s": HOUR, "assurance": fresh()}
    return services.preview_request(actor=world.cast.ada, **(facts | changes))


def missing(found) -> list[str]:
    return [one.sentence for finding in found.auto for one in finding.conditions if not one.is_met]


def start(grant: Grant) -> Grant:
    return grants.activate_grant(actor=grant.subject, grant=grant, assurance=proof_for(grant.subject))


def test_who_is_on_call_is_approved_by_the_rule_which_says_why(world: World, tmp_path: Path) -> None:
    """Teleport #55077, #37320."""
    load(tmp_path / "policy", "on call for ml, tier sensitive")
    before = preview(world)
    assert not before.is_auto
    assert missing(before) == ["Ada Okafor is not on call for ml."]
    assert ask(world, TINY).state == RequestState.PENDING
    put_on_call(world)
    assert preview(world, lasts_s=2 * HOUR).is_auto
    request = ask(world, TINY, scope=scope_of(TINY, tags=("v2",)))
    assert (request.state, request.end_reason) == (RequestState.APPROVED, Reason.AUTO_APPROVED)
    (found,) = request.auto_approval
    assert (found["rule"], found["way"]) == ("research-sensitive", "on call for ml, tier sensitive")
    assert found["conditions"][0].startswith("Ada Okafor is on call for ml until")
    assert request.payload["auto_approval"] == request.auto_approval
    entry = AuditEntry.objects.get(kind="request.approved", request=request.public_id)
    assert entry.reason == Reason.AUTO_APPROVED
    assert "research-sensitive: Ada Okafor is on call for ml" in json.loads(entry.body)["detail"]["auto"]
    assert not request.steps.exists()


def test_grant_of_a_rule_starts_stays_and_ends_with_the_rule(world: World, tmp_path: Path) -> None:
    load(tmp_path / "one", "on call for ml, tier sensitive")
    put_on_call(world)
    grant = start(Grant.objects.get(request=ask(world, TINY)))
    grants.reevaluate_live_grants()
    assert reload(grant).state == GrantState.ACTIVE
    load(tmp_path / "two", "risk below 20 | on call for ml, tier sensitive")
    assert reload(grant).state == GrantState.ACTIVE
    load_stages(tmp_path / "three", "1 of model-owners")
    assert (reload(grant).state, reload(grant).end_reason) == (GrantState.REVOKING, Reason.POLICY_TIGHTENED)


def test_serious_tiers_only_where_the_rule_says_so(world: World, tmp_path: Path) -> None:
    load(tmp_path / "policy", "risk below 100")
    assert ask(world, TINY).state == RequestState.PENDING
    assert missing(preview(world)) == [
        "What is asked is sensitive, and the rule approves by itself up to standard only."
    ]
    load(tmp_path / "explicit", "risk below 100, tier sensitive")
    grant = start(Grant.objects.get(request=ask(world, TINY, scope=scope_of(TINY, tags=("v2",)))))
    Repository.objects.filter(name=TINY).update(tier=Tier.CRITICAL)
    grants.reevaluate_live_grants()
    assert reload(grant).state == GrantState.REVOKING


def test_same_as_people_approved_before(world: World, tmp_path: Path, clock) -> None:
    load(tmp_path / "policy", "approved before within 30d, tier sensitive")
    first = answer(ask(world, TINY, lasts_s=HOUR), world.cast.ben)
    assert first.state == RequestState.APPROVED
    clock.advance(seconds=60)
    assert ask(world, TINY, lasts_s=2 * HOUR).state == RequestState.PENDING  # longer
    assert ask(world, TINY, scope=scope_of(TINY, tags=("v2",))).state == RequestState.PENDING  # another scope
    again = ask(world, TINY, actor=world.cast.ci_bot)
    assert again.state == RequestState.PENDING  # somebody else
    third = preview(world)
    assert third.is_auto
    assert first.public_id in third.auto[0].conditions[0].sentence
    clock.advance(days=31)
    assert not preview(world).is_auto


def test_rule_does_not_lean_on_a_rule(world: World, tmp_path: Path, clock) -> None:
    load(tmp_path / "policy", "on call for ml, tier sensitive | approved before within 30d, tier sensitive")
    put_on_call(world)
    assert ask(world, TINY).end_reason == Reason.AUTO_APPROVED
    clock.advance(days=2)
    assert not preview(world).is_auto


def test_what_was_revoked_is_no_precedent(world: World, tmp_path: Path) -> None:
    load(tmp_path / "policy", "approved before within 30d, tier sensitive")
    request = answer(ask(world, TINY), world.cast.ben)
    assert preview(world).is_auto
    grants.revoke_grant(actor=world.cast.dora, grant=start(Grant.objects.get(request=request)))
    assert not preview(world).is_auto


def test_what_was_revoked_is_not_given_back_by_the_rule(world: World, tmp_path: Path, clock) -> None:
    load(tmp_path / "policy", "risk below 100, tier sensitive")
    first = ask(world, TINY)
    assert first.end_reason == Reason.AUTO_APPROVED
    grant = start(Grant.objects.get(request=first))
    assert preview(world).is_auto
    grants.revoke_grant(actor=world.cast.dora, grant=grant)
    assert missing(preview(world)) == ["A person revoked something of this within 7 days."]
    clock.advance(days=8)
    assert preview(world).is_auto


def test_what_was_revoked_as_something_shorter_is_no_precedent(world: World, tmp_path: Path, clock) -> None:
    load(tmp_path / "policy", "approved before within 30d, tier sensitive")
    answer(ask(world, TINY), world.cast.ben)
    load_stages(tmp_path / "people", "1 of model-owners")
    shorter = answer(ask(world, TINY, lasts_s=HOUR // 2), world.cast.ben)
    load(tmp_path / "again", "approved before within 30d, tier sensitive")
    assert preview(world).is_auto
    grants.revoke_grant(actor=world.cast.dora, grant=start(Grant.objects.get(request=shorter)))
    clock.advance(days=8)
    assert not preview(world).is_auto
    load_stages(tmp_path / "anew", "1 of model-owners")
    answer(ask(world, TINY), world.cast.ben)
    load(tmp_path / "last", "approved before within 30d, tier sensitive")
    assert preview(world).is_auto


def test_denial_of_a_person_beats_the_rule(world: World, tmp_path: Path, clock) -> None:
    """Teleport: a deny rule beats an approve rule (anchors, T4)."""
    load_stages(tmp_path / "ask", "1 of model-owners")
    answer(ask(world, TINY), world.cast.ben, is_approval=False, note="No")
    load(tmp_path / "policy", "risk below 100, tier sensitive")
    assert missing(preview(world)) == ["A person denied something of this within 7 days."]
    assert ask(world, TINY).state == RequestState.PENDING
    clock.advance(days=8)
    assert preview(world).is_auto


def test_forbid_beats_the_rule(world: World, tmp_path: Path) -> None:
    ways = '@approvals("1 of model-owners")\n@auto_approve("risk below 100, tier sensitive")\n@factor("15m")'
    load_changed(tmp_path / "open", {SENSITIVE: ways})
    assert preview(world).is_auto
    never = '@id("never") forbid (principal, action == Action::"pull", resource in Tier::"sensitive");'
    last = '@id("second-factor-always")'
    load_changed(tmp_path / "policy", {SENSITIVE: ways, last: f"{never}\n\n{last}"})
    assert preview(world).why_not is Reason.FORBIDDEN_BY_RULE
    with pytest.raises(PolicyRefusal) as refusal:
        ask(world, TINY)
    assert refusal.value.reason is Reason.FORBIDDEN_BY_RULE


def test_extension_is_asked_of_people(world: World, tmp_path: Path) -> None:
    load(tmp_path / "policy", "risk below 100, tier sensitive")
    grant = start(Grant.objects.get(request=ask(world, TINY)))
    assert preview(world).is_auto
    assert missing(preview(world, is_extension=True)) == ["An extension is asked of people."]
    longer = services.submit_extension(actor=world.cast.ada, grant=grant, by_s=HOUR, purpose="More", assurance=fresh())
    assert longer.state == RequestState.PENDING
    assert answer(longer, world.cast.ben).state == RequestState.APPROVED


def test_rule_may_approve_where_nobody_could(world: World, tmp_path: Path) -> None:
    load(tmp_path / "policy", "on call for ml, tier sensitive", approvals="1 of nobody-there")
    with pytest.raises(PolicyRefusal) as refusal:
        ask(world, TINY)
    assert refusal.value.reason is Reason.NO_APPROVER
    put_on_call(world)
    assert ask(world, TINY).state == RequestState.APPROVED


def test_schedule_is_replaced_whole_and_never_for_oneself(world: World) -> None:
    put_on_call(world)
    put_on_call(world, "dora")
    assert [row.person for row in coming_shifts("ml")] == [world.cast.dora]
    now = core_clock.now()
    with pytest.raises(PolicyRefusal) as refusal:
        put_on_call(world, "ben")
    assert refusal.value.reason is Reason.OWN_RIGHTS
    assert AuditEntry.objects.filter(kind="on-call.replace.refused", reason=Reason.OWN_RIGHTS).exists()
    for shifts in ([Shift("nobody", now, now + DAY)], [Shift("ada", now, now)], [Shift("ada", now, now + 40 * DAY)]):
        with pytest.raises(CallerError):
            replace_schedule(actor=world.cast.ben, schedule="ml", shifts=shifts)
    with pytest.raises(NotFound):
        replace_schedule(actor=world.cast.ada, schedule="ml", shifts=[])
    with pytest.raises(CallerError):
        replace_schedule(actor=world.cast.ben, schedule="Not a name", shifts=[])
    assert [row.person for row in coming_shifts("ml")] == [world.cast.dora]
