"""Who may decide one item: never whom it is about, nor who answers for them where that is a machine."""

from __future__ import annotations

from jit_access.access_reviews.models import Decision, ReviewItem
from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of, members_of
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.policies.asked import MANAGER, group_of


def reviewers_of(item: ReviewItem) -> tuple[User, ...]:
    """Whom the campaign asks about this one; security where nobody else is left, or where it comes to a proposal."""
    found: tuple[User, ...] = ()
    if item.decision == Decision.OPEN:
        found = _without_own(item, _asked(item))
    return found or _without_own(item, tuple(members_of(SECURITY)))


def why_not_decide(actor: User, item: ReviewItem) -> Reason | None:
    """None when this person may decide it now, given a fresh second factor."""
    if not actor.is_person or not actor.is_active:
        return Reason.NOT_FOUND
    if actor.pk in _own(item):
        return Reason.OWN_MEMBERSHIP
    is_known = SECURITY in groups_of(actor) or item.decided_by_id == actor.pk
    if not is_known and actor.pk not in {person.pk for person in reviewers_of(item)}:
        return Reason.NOT_FOUND
    return None if item.decision in {Decision.OPEN, Decision.PROPOSED} else Reason.REVIEW_CLOSED


def _asked(item: ReviewItem) -> tuple[User, ...]:
    word = item.campaign.reviewers
    if word == MANAGER:
        manager = (item.subject.owner or item.subject).manager  # a machine has its owner's
        return (manager,) if manager is not None and manager.is_active and manager.is_person else ()
    return tuple(members_of(group_of(word) or SECURITY))


def _without_own(item: ReviewItem, people: tuple[User, ...]) -> tuple[User, ...]:
    return tuple(person for person in people if person.pk not in _own(item))


def _own(item: ReviewItem) -> frozenset[int]:
    return frozenset(pk for pk in (item.subject_id, item.subject.owner_id) if pk is not None)
