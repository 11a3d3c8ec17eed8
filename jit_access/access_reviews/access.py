"""From an id to a review: security and auditors see all, reviewers those in which they are asked, and their items."""

from __future__ import annotations

from jit_access.access_reviews.models import Decision, ReviewCampaign, ReviewItem
from jit_access.access_reviews.people import reviewers_of
from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of
from jit_access.domain.errors import NotFound
from jit_access.domain.lifecycle import CampaignState
from jit_access.domain.roles import SECURITY, SEES_EVERYTHING
from jit_access.policies.asked import MANAGER, RELATIONS

MOST_LISTED = 100


def sees_all(actor: User) -> bool:
    """Security and auditors, as people."""
    return actor.is_active and actor.is_person and bool(groups_of(actor) & SEES_EVERYTHING)


def may_start(actor: User) -> bool:
    """Security."""
    return actor.is_active and actor.is_person and SECURITY in groups_of(actor)


def is_asked_to_review(actor: User) -> bool:
    """For the navigation: security and auditors always, others while something waits for them. One query for most."""
    if sees_all(actor):
        return True
    words = [*groups_of(actor), *(f"group:{name}" for name in RELATIONS), MANAGER]
    waiting = ReviewCampaign.objects.filter(state=CampaignState.OPEN, reviewers__in=words)
    return waiting.exists() and bool(visible_campaigns(actor))


def visible_campaigns(actor: User) -> list[ReviewCampaign]:
    """Newest first."""
    rows = ReviewCampaign.objects.select_related("started_by").order_by("-pk")
    if sees_all(actor):
        return list(rows[:MOST_LISTED])
    if not actor.is_person or not actor.is_active:
        return []
    open_ones = rows.filter(state=CampaignState.OPEN)[:MOST_LISTED]
    decided = set(ReviewItem.objects.filter(decided_by=actor).values_list("campaign", flat=True)[:MOST_LISTED])
    asked = {row.pk for row in open_ones if any(_is_asked(actor, item) for item in _items(row))}
    return list(rows.filter(pk__in=asked | decided)[:MOST_LISTED])


def get_campaign(actor: User, public_id: str) -> ReviewCampaign:
    """Raises: NotFound."""
    for row in visible_campaigns(actor):
        if row.public_id == public_id:
            return row
    raise NotFound


def visible_items(actor: User, campaign: ReviewCampaign) -> list[ReviewItem]:
    """What is not decided first. Reviewers see what they are asked and what they decided."""
    items = sorted(_items(campaign), key=lambda item: (item.decision not in _WAITING, item.pk))
    if sees_all(actor):
        return items
    return [item for item in items if item.decided_by_id == actor.pk or _is_asked(actor, item)]


def get_item(actor: User, public_id: str) -> ReviewItem:
    """Raises: NotFound."""
    row = ReviewItem.objects.select_related("campaign", "subject__owner").filter(public_id=public_id).first()
    if row is None or not (sees_all(actor) or row.decided_by_id == actor.pk or _is_asked(actor, row)):
        raise NotFound
    return row


_WAITING = frozenset({Decision.OPEN, Decision.PROPOSED})


def _items(campaign: ReviewCampaign) -> list[ReviewItem]:
    rows = campaign.items.select_related("campaign", "subject__owner__manager", "subject__manager", "decided_by")
    return list(rows.order_by("pk"))


def _is_asked(actor: User, item: ReviewItem) -> bool:
    return item.decision in _WAITING and any(person.pk == actor.pk for person in reviewers_of(item))
