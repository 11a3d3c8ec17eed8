"""Memberships are kept or taken away by somebody else, and nothing passes in silence."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group

from jit_access.access_reviews import access, services
from jit_access.access_reviews.entitlements import entitlement_of, groups_with_meaning
from jit_access.access_reviews.evidence import as_csv, as_json
from jit_access.access_reviews.models import Decision, ReviewCampaign, ReviewItem, Undecided
from jit_access.accounts import services as accounts
from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of
from jit_access.audit.models import AuditEntry
from jit_access.audit.proofs import InclusionProof, SignedHead
from jit_access.audit.signing import load_signer
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import CampaignState, GrantState
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import NO_ASSURANCE
from jit_access.notifications.models import Notification
from jit_access.policies.services import compiled_policy
from tests.support.cast import make_person
from tests.support.lifecycles import TINY, World, active, fresh, make_world, reload

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(cast: Any) -> World:
    return make_world(cast)


@pytest.fixture
def eve(world: World) -> User:
    return make_person("eve", "security")


def started(world: World, *groups: str, **changes: Any) -> ReviewCampaign:
    actor = changes.pop("actor", world.cast.dora)
    assurance = changes.pop("assurance", fresh())
    facts: dict[str, Any] = {
        "title": "Fourth quarter",
        "groups": groups or ("research",),
        "deadline": core_clock.now() + timedelta(days=14),
    }
    return services.start_campaign(actor=actor, draft=services.CampaignDraft(**(facts | changes)), assurance=assurance)


def item_of(campaign: ReviewCampaign, user: User) -> ReviewItem:
    return ReviewItem.objects.get(campaign=campaign, subject=user)


def decide(actor: User, item: ReviewItem, *, keeps: bool = False, **changes: Any) -> ReviewItem:
    facts: dict[str, Any] = {"note": "Left the project", "assurance": fresh()}
    return services.decide(actor=actor, item=item, keeps=keeps, **(facts | changes))


def test_a_review_writes_down_what_memberships_give(world: World) -> None:
    campaign = started(world, "research", "model-owners")
    ada, ben = item_of(campaign, world.cast.ada), item_of(campaign, world.cast.ben)
    assert "research-sensitive" in ada.may_ask
    assert "research-sensitive" in ben.approves
    assert (ada.approves, campaign.policy_number) == ([], 1)
    assert item_of(campaign, world.cast.ci_bot).group == "research"
    assert entitlement_of(compiled_policy(), "security").role == "security"
    assert set(groups_with_meaning(compiled_policy())) == {
        "research",
        "model-owners",
        "security",
        "auditors",
        "operators",
    }


def test_revoking_ends_the_membership_and_its_grants(world: World) -> None:
    grant = active(world, TINY)
    item = decide(world.cast.dora, item_of(started(world), world.cast.ada))
    assert (item.decision, item.decided_by) == (Decision.REVOKED, world.cast.dora)
    assert "research" not in groups_of(world.cast.ada)
    assert (reload(grant).state, reload(grant).end_reason) == (GrantState.REVOKING, Reason.GROUP_MEMBERSHIP_LOST)
    entry = AuditEntry.objects.get(record_id=item.record_id)
    assert (entry.kind, "Left the project" in entry.body) == ("review.revoked", True)
    assert Notification.objects.filter(user=world.cast.ada, kind="access-review").exists()


def test_keeping_changes_nothing_but_the_record(world: World) -> None:
    grant = active(world, TINY)
    item = decide(world.cast.dora, item_of(started(world), world.cast.ada), keeps=True, note="Still trains it")
    assert (item.decision, reload(grant).state) == (Decision.KEPT, GrantState.ACTIVE)
    assert AuditEntry.objects.filter(kind="review.kept").count() == 1
    with pytest.raises(Conflict) as refused:
        decide(world.cast.dora, item)
    assert refused.value.reason is Reason.REVIEW_CLOSED
    assert "research" in groups_of(world.cast.ada)


def test_nobody_empties_security(world: World, clock: Any) -> None:
    campaign = started(world, "security", reviewers="research", undecided=Undecided.REVOKE)
    with pytest.raises(PolicyRefusal) as refused:
        decide(world.cast.ada, item_of(campaign, world.cast.dora))
    assert refused.value.reason is Reason.LAST_OF_SECURITY
    assert AuditEntry.objects.filter(kind="review.decide-refused", reason=Reason.LAST_OF_SECURITY).exists()
    clock.advance(days=15)
    services.close_due_campaigns()
    assert item_of(campaign, world.cast.dora).decision == Decision.PROPOSED
    make_person("eve", "security")
    decide(world.cast.ada, item_of(started(world, "security", reviewers="research"), world.cast.dora))
    assert "security" not in groups_of(world.cast.dora)


def test_nobody_reviews_themselves_or_their_machines(world: World, eve: User) -> None:
    campaign = started(world, "security", "research", reviewers="research")
    for actor, subject in (
        (world.cast.dora, world.cast.dora), (world.cast.ada, world.cast.ada), (world.cast.ada, world.cast.ci_bot),
    ):  # fmt: skip
        with pytest.raises(GatewayError) as refused:
            decide(actor, item_of(campaign, subject), keeps=True)
        assert refused.value.reason is Reason.OWN_MEMBERSHIP
    assert AuditEntry.objects.filter(kind="review.decide-refused").count() == 3
    assert decide(eve, item_of(campaign, world.cast.dora), keeps=True).decision == Decision.KEPT


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"assurance": NO_ASSURANCE}, Reason.SECOND_FACTOR_MISSING),
        ({"note": "  "}, Reason.INVALID_INPUT),
    ],
)
def test_a_decision_needs_a_reason_and_a_fresh_factor(world: World, changes: dict[str, Any], reason: Reason) -> None:
    item = item_of(started(world), world.cast.ada)
    with pytest.raises(GatewayError) as refused:
        decide(world.cast.dora, item, **changes)
    assert refused.value.reason is reason
    with pytest.raises(GatewayError):
        decide(world.cast.dora, item, assurance=fresh(services.FACTOR_MAX_AGE_S + 1))
    assert "research" in groups_of(world.cast.ada)
    assert decide(world.cast.dora, item, assurance=fresh(services.FACTOR_MAX_AGE_S - 1)).decision == Decision.REVOKED


def test_only_those_who_are_asked_decide_and_see(world: World) -> None:
    campaign = started(world, "research", reviewers="model-owners")
    item = item_of(campaign, world.cast.ada)
    with pytest.raises(NotFound):
        decide(world.cast.cleo, item)
    with pytest.raises(NotFound):
        access.get_campaign(world.cast.cleo, campaign.public_id)
    with pytest.raises(NotFound):
        access.get_item(world.cast.cleo, item.public_id)
    assert not access.is_asked_to_review(world.cast.cleo)
    assert access.is_asked_to_review(world.cast.ben)
    assert access.get_campaign(world.cast.ben, campaign.public_id) == campaign
    assert decide(world.cast.ben, item).decision == Decision.REVOKED
    assert [one.pk for one in access.visible_items(world.cast.ben, campaign) if one.decided_by_id] == [item.pk]


def test_managers_are_asked_about_their_own_people(world: World) -> None:
    User.objects.filter(pk=world.cast.ada.pk).update(manager=world.cast.cleo)
    campaign = started(world, "research", reviewers="manager")
    world.cast.ada.refresh_from_db()
    for subject in (world.cast.ada, world.cast.ci_bot):
        assert decide(world.cast.cleo, item_of(campaign, subject), keeps=True).decision == Decision.KEPT
    campaign = started(world, "operators", reviewers="manager")
    with pytest.raises(NotFound):
        decide(world.cast.cleo, item_of(campaign, world.cast.ben))
    assert decide(world.cast.dora, item_of(campaign, world.cast.ben), keeps=True).decision == Decision.KEPT


@pytest.mark.parametrize(
    ("undecided", "decision", "stays"),
    [
        (Undecided.PROPOSE, Decision.PROPOSED, True),
        (Undecided.REVOKE, Decision.REVOKED, False),
        (Undecided.KEEP, Decision.KEPT_UNREVIEWED, True),
    ],
)
def test_what_nobody_decided_ends_as_the_review_says(
    world: World, clock: Any, undecided: str, decision: str, stays: bool
) -> None:
    campaign = started(world, undecided=undecided)
    clock.advance(days=14, seconds=-1)
    assert services.close_due_campaigns() == 0
    clock.advance(seconds=1)
    with pytest.raises(Conflict):
        decide(world.cast.dora, item_of(campaign, world.cast.ada), keeps=True)
    assert (services.close_due_campaigns(), services.close_due_campaigns()) == (1, 0)
    item = item_of(campaign, world.cast.ada)
    campaign.refresh_from_db()
    assert (item.decision, campaign.state) == (decision, CampaignState.CLOSED)
    assert ("research" in groups_of(world.cast.ada)) is stays
    assert AuditEntry.objects.filter(kind="review.closed").count() == 1
    reasons = AuditEntry.objects.filter(record_id=item.record_id).values_list("body", flat=True)
    assert ("not-reviewed" in reasons[0]) or decision == Decision.REVOKED


def test_what_is_proposed_is_decided_by_security(world: World, clock: Any) -> None:
    campaign = started(world, reviewers="model-owners")
    clock.advance(days=14)
    services.close_due_campaigns()
    item = item_of(campaign, world.cast.ada)
    assert Notification.objects.filter(user=world.cast.dora, subject__contains="not reviewed in time").exists()
    with pytest.raises(NotFound):
        decide(world.cast.ben, item)
    assert decide(world.cast.dora, item).decision == Decision.REVOKED


def test_who_left_meanwhile_is_written_down_as_gone(world: World, clock: Any) -> None:
    campaign = started(world, undecided=Undecided.REVOKE)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ada, group="research")
    clock.advance(days=14)
    services.close_due_campaigns()
    assert item_of(campaign, world.cast.ada).decision == Decision.GONE


def test_a_review_closes_when_everything_is_decided(world: World) -> None:
    campaign = started(world)
    for subject in (world.cast.ada, world.cast.ci_bot):
        decide(world.cast.dora, item_of(campaign, subject), keeps=True)
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.CLOSED


@pytest.mark.parametrize(
    "changes",
    [
        {"title": " "}, {"groups": ("nowhere",)}, {"groups": ()}, {"reviewers": "nowhere"}, {"undecided": "forget"},
        {"deadline": timedelta(minutes=59)}, {"deadline": timedelta(days=91)}, {"assurance": NO_ASSURANCE},
    ],
)  # fmt: skip
def test_only_a_sensible_review_is_started(world: World, changes: dict[str, Any]) -> None:
    if isinstance(lasts := changes.get("deadline"), timedelta):
        changes = {"deadline": core_clock.now() + lasts}
    with pytest.raises((CallerError, GatewayError)):
        started(world, **changes)
    with pytest.raises(NotFound):
        started(world, actor=world.cast.ben)
    assert ReviewCampaign.objects.count() == 0
    assert started(world).items.count() == 2


def test_a_review_of_nobody_is_refused_and_recorded(world: World) -> None:
    Group.objects.create(name="empty")
    with pytest.raises(CallerError):
        started(world, "empty")
    assert AuditEntry.objects.filter(kind="review.start-refused", reason=Reason.INVALID_INPUT).count() == 1
    assert not ReviewCampaign.objects.exists()


def test_evidence_proves_each_decision(world: World) -> None:
    campaign = started(world)
    decide(world.cast.dora, item_of(campaign, world.cast.ada))
    found = json.loads(as_json(campaign, access.visible_items(world.cast.dora, campaign)))
    assert {one["name"]: one["decision"] for one in found["items"]} == {"Ada Okafor": "revoked", "ci-bot": "open"}
    assert len(found["proofs"]) == 2
    verifier = load_signer().verifier
    for proof in found["proofs"]:
        head = SignedHead(**proof["head"])
        held = InclusionProof(proof["seq"], proof["record"], tuple(proof["path"]), head)
        assert held.holds(verifier)
        forged = InclusionProof(proof["seq"], proof["record"].replace("review.", "revue."), tuple(proof["path"]), head)
        assert not forged.holds(verifier)


def test_a_spreadsheet_runs_nothing_of_it(world: World) -> None:
    campaign = started(world)
    decide(world.cast.dora, item_of(campaign, world.cast.ada), note='=HYPERLINK("http://x","y")')
    User.objects.filter(pk=world.cast.ci_bot.pk).update(display_name="@SUM(1)")
    rows = list(csv.DictReader(io.StringIO(as_csv(access.visible_items(world.cast.dora, campaign)))))
    assert {row["note"] for row in rows} == {'\'=HYPERLINK("http://x","y")', ""}
    assert {row["name"] for row in rows} == {"Ada Okafor", "'@SUM(1)"}
    assert not any(value.lstrip().startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
