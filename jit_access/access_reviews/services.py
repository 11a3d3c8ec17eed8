"""Starting a review, deciding its items, closing it. Every write of this room.

Taking a membership away goes through accounts, so grants that rest on it end in the same transaction. What nobody
decided by the deadline is never passed over in silence: the campaign says beforehand what becomes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import Group

from jit_access.access_reviews.entitlements import entitlement_of
from jit_access.access_reviews.models import Decision, ReviewCampaign, ReviewItem, Undecided
from jit_access.access_reviews.people import reviewers_of, why_not_decide
from jit_access.accounts import services as accounts
from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of, is_last_of_security, members_of
from jit_access.audit.recorder import Recorder, audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.core.transitions import move
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import CampaignState
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.mfa.assurance import Assurance, check_fresh
from jit_access.notifications.services import tell
from jit_access.policies.asked import MANAGER, canonical
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.services import compiled_policy

FACTOR_MAX_AGE_S = 900  # many items are decided in one sitting; each is signed by a proof of that sitting
LEAST, MOST = timedelta(hours=1), timedelta(days=90)
MAX_GROUPS, MAX_ITEMS = 50, 5000


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """What security starts."""

    title: str
    groups: tuple[str, ...]
    deadline: datetime
    reviewers: str = SECURITY
    undecided: str = Undecided.PROPOSE


def start_campaign(*, actor: User, draft: CampaignDraft, assurance: Assurance) -> ReviewCampaign:
    """Write down who is in these groups now, and ask. For security.

    Raises: NotFound, PolicyRefusal (second-factor-…), CallerError, recorded.
    """
    try:
        if not actor.is_person or SECURITY not in groups_of(actor):
            raise NotFound
        check_fresh(assurance, max_age_s=FACTOR_MAX_AGE_S)
        title, word = _checked(draft)
        return _start(actor, draft, title, word)
    except GatewayError as refusal:
        record_refusal(actor=actor.ref, kind="review.start-refused", reason=refusal.reason)
        raise


def _start(actor: User, draft: CampaignDraft, title: str, word: str) -> ReviewCampaign:
    try:
        policy = compiled_policy()
    except PolicyBroken:
        policy = None
    with audited(actor=actor.ref) as audit:
        row = ReviewCampaign(
            title=title, groups=sorted(set(draft.groups)), reviewers=word, undecided=draft.undecided,
            state=CampaignState.OPEN, started_by=actor, deadline=draft.deadline,
            policy_number=policy.version if policy is not None else 0,
        )  # fmt: skip
        row.save()
        for group in row.groups:
            found = entitlement_of(policy, group)
            members = User.objects.filter(groups__name=group, is_active=True).order_by("pk")
            ReviewItem.objects.bulk_create(
                _item(row, member, group, list(found.may_ask), list(found.approves), found.role) for member in members
            )
        count = row.items.count()
        if not 0 < count <= MAX_ITEMS:
            raise CallerError(Reason.INVALID_INPUT, f"A review has at least one member and at most {MAX_ITEMS}.")
        detail: dict[str, str | int | bool] = {
            "review": row.public_id,
            "groups": ", ".join(row.groups)[:500],
            "items": count,
            "undecided": row.undecided,
        }
        row.record_id = audit.record("review.started", detail=detail)
        row.save(update_fields=["record_id"])
        _ask(row)
        return row


def decide(*, actor: User, item: ReviewItem, keeps: bool, note: str, assurance: Assurance) -> ReviewItem:
    """Keep a membership or take it away, with a reason, proved by a second factor of this sitting.

    Raises: PolicyRefusal (own-membership, second-factor-…), Conflict (review-closed), NotFound, CallerError, recorded.
    """
    try:
        with audited(actor=actor.ref) as audit:
            # The campaign first, as when its deadline closes it: else the two wait for each other.
            ReviewCampaign.objects.select_for_update().get(pk=item.campaign_id)
            row = _lock(item)
            _check(actor, row)
            check_fresh(assurance, max_age_s=FACTOR_MAX_AGE_S)
            cleaned = clean_text(" ".join(note.split()))
            if not cleaned or len(cleaned) > 500:
                raise CallerError(Reason.INVALID_INPUT, "Say why, in at most 500 characters.")
            _settle(audit, row, Decision.KEPT if keeps else Decision.REVOKED, actor=actor, note=cleaned)
            _close_when_done(audit, row.campaign)
            return row
    except GatewayError as refusal:
        detail = {"item": item.public_id}
        record_refusal(actor=actor.ref, kind="review.decide-refused", reason=refusal.reason, detail=detail)
        raise


def close_due_campaigns() -> int:
    """Bring what nobody decided to the end that its campaign says. Safe to run twice."""
    due = ReviewCampaign.objects.filter(state=CampaignState.OPEN, deadline__lte=clock.now())
    return sum(_close_due(row.pk) for row in due)


def _close_due(pk: int) -> int:
    with audited(actor=GATEWAY) as audit:
        campaign = ReviewCampaign.objects.select_for_update().get(pk=pk)
        if campaign.state != CampaignState.OPEN:
            return 0
        for item in campaign.items.filter(decision=Decision.OPEN).order_by("pk"):
            _settle(audit, _lock(item), _undecided(campaign), actor=None, note="")
        proposed = campaign.items.filter(decision=Decision.PROPOSED).count()
        if proposed:
            for person in members_of(SECURITY):
                _tell(
                    person, campaign, f"{proposed} memberships were not reviewed in time", "Decide whether they stay."
                )
        _close(audit, campaign)
        return 1


def _undecided(campaign: ReviewCampaign) -> Decision:
    return {
        Undecided.PROPOSE: Decision.PROPOSED,
        Undecided.REVOKE: Decision.REVOKED,
        Undecided.KEEP: Decision.KEPT_UNREVIEWED,
    }[Undecided(campaign.undecided)]


def _settle(audit: Recorder, row: ReviewItem, decision: Decision, *, actor: User | None, note: str) -> None:
    """One decision, its record, and what follows from it, in one transaction."""
    member = row.subject.groups.filter(name=row.group).exists()
    if not member and actor is None:
        decision = Decision.GONE
    elif member and decision == Decision.REVOKED and is_last_of_security(row.subject, row.group):
        if actor is not None:
            raise PolicyRefusal(Reason.LAST_OF_SECURITY)
        decision = Decision.PROPOSED
    reason = {Decision.REVOKED: Reason.REVOKED_IN_REVIEW}.get(decision, "" if actor else Reason.NOT_REVIEWED)
    kind = {Decision.REVOKED: "review.revoked", Decision.KEPT: "review.kept"}.get(decision, "review.undecided")
    facts = {
        "review": row.campaign.public_id, "item": row.public_id, "account": row.subject.public_id, "group": row.group,
        "decision": str(decision), "note": note,
    }  # fmt: skip
    row.decision, row.note, row.decided_by, row.decided_at = decision, note, actor, clock.now()
    row.record_id = audit.record(kind, reason=reason, detail=facts)
    row.save(update_fields=["decision", "note", "decided_by", "decided_at", "record_id"])
    if decision == Decision.REVOKED and member:
        by: ActorRef = actor.ref if actor else GATEWAY
        accounts.remove_from_group(actor=by, user=row.subject, group=row.group)
        _tell(
            row.subject, row.campaign, f"You are not in {row.group} any more", note or "Nobody said that you need it."
        )


def _check(actor: User, row: ReviewItem) -> None:
    reason = why_not_decide(actor, row)
    if reason == Reason.NOT_FOUND:
        raise NotFound
    if reason == Reason.REVIEW_CLOSED:
        raise Conflict(reason)
    if reason is not None:
        raise PolicyRefusal(reason)
    is_late = row.decision == Decision.OPEN and row.campaign.deadline <= clock.now()
    if is_late:
        raise Conflict(Reason.REVIEW_CLOSED)


def _close_when_done(audit: Recorder, campaign: ReviewCampaign) -> None:
    held = ReviewCampaign.objects.select_for_update().get(pk=campaign.pk)
    if held.state == CampaignState.OPEN and not held.items.filter(decision=Decision.OPEN).exists():
        _close(audit, held)


def _close(audit: Recorder, campaign: ReviewCampaign) -> None:
    move(campaign, CampaignState.CLOSED, closed_at=clock.now())
    counts = {str(one): campaign.items.filter(decision=one).count() for one in Decision}
    audit.record("review.closed", detail={"review": campaign.public_id, **{k: v for k, v in counts.items() if v}})


def _checked(draft: CampaignDraft) -> tuple[str, str]:
    title, word = clean_text(" ".join(draft.title.split())), canonical(draft.reviewers.strip())
    if not title or len(title) > 160:
        raise CallerError(Reason.INVALID_INPUT, "A review has a title of at most 160 characters.")
    known = set(Group.objects.values_list("name", flat=True))
    if not draft.groups or len(draft.groups) > MAX_GROUPS or set(draft.groups) - known:
        raise CallerError(Reason.INVALID_INPUT, "Choose at least one group that there is.")
    if word != MANAGER and word.removeprefix("group:") not in known:
        raise CallerError(Reason.INVALID_INPUT, "Reviewers are a group that there is, or manager.")
    if draft.undecided not in Undecided.values:
        raise CallerError(Reason.INVALID_INPUT, "Say what becomes of what nobody decides.")
    if not LEAST <= draft.deadline - clock.now() <= MOST:
        raise CallerError(Reason.INVALID_INPUT, "A review lasts at least an hour and at most 90 days.")
    return title, word


def _item(
    row: ReviewCampaign, member: User, group: str, may_ask: list[str], approves: list[str], role: str
) -> ReviewItem:
    item = ReviewItem(campaign=row, subject=member, group=group, may_ask=may_ask, approves=approves, role=role)
    item.public_id = new_id(ReviewItem.ID_PREFIX)
    return item


def _ask(row: ReviewCampaign) -> None:
    people = {person.pk: person for item in row.items.select_related("subject__owner") for person in reviewers_of(item)}
    for person in people.values():
        _tell(person, row, f"Review: {row.title}", "Say of each membership whether it is still needed.")


def _tell(person: User, row: ReviewCampaign, subject: str, text: str) -> None:
    path, key = f"/reviews/{row.public_id}", f"review:{row.public_id}:{subject}"[:200]
    tell(person, kind="access-review", subject=subject, text=text, path=path, dedupe_key=key)


def _lock(item: ReviewItem) -> ReviewItem:
    return ReviewItem.objects.select_related("campaign", "subject").select_for_update(of=("self",)).get(pk=item.pk)
