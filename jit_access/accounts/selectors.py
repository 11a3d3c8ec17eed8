"""Reads about people and groups. Membership is read from the database each time: a lost group counts at once."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Case, F, Q, QuerySet, When

from jit_access.accounts.models import AccountKind, AgentHandover, ApiToken, StoppedBecause, User
from jit_access.accounts.names import fold_name
from jit_access.domain.roles import SECURITY

# A next token that waits, or was collected and not shown yet, stands behind the one that is used.
IN_USE = Q(family=None) | Q(generation=1) | Q(generation__lte=F("family__used_generation"))


def members_of(group: str) -> QuerySet[User]:
    """The people of a group who can act now. Service accounts never count as members who decide."""
    return User.objects.filter(groups__name=group, is_active=True, kind=AccountKind.PERSON).order_by("pk")


def is_last_of_security(user: User, group: str) -> bool:
    """True when nobody who can act would be left in security without this person: to lock, to sign, to review."""
    return group == SECURITY and user.is_person and not members_of(SECURITY).exclude(pk=user.pk).exists()


def groups_of(user: User) -> frozenset[str]:
    """The names of all groups of an account."""
    return frozenset(user.groups.values_list("name", flat=True))


def is_alone_in(user: User, group: str) -> bool:
    """True when no other account is in the group: it is a new one, or the name is misspelt."""
    return not User.objects.filter(groups__name=group).exclude(pk=user.pk).exists()


def is_in(user: User, *groups: str) -> bool:
    """True when the account is active and in at least one of these groups."""
    return user.is_active and user.groups.filter(name__in=groups).exists()


def find_by_name(name: str) -> User | None:
    """The account with this name in any spelling."""
    folded = fold_name(name)
    return User.objects.filter(username=folded).first() if folded else None


def accounts_of(owner: User) -> QuerySet[User]:
    """The service accounts that a person answers for."""
    return owner.service_accounts.order_by("username")


def live_tokens_of(user: User, *, now: datetime) -> QuerySet[ApiToken]:
    """The API tokens of one account that are neither revoked nor over, newest first. Of a family, the one in use."""
    live = ApiToken.objects.filter(IN_USE, user=user, revoked_at=None, expires_at__gt=now)
    return live.select_related("user", "family").order_by("-pk")


def open_offer_of(agent: User, *, now: datetime) -> AgentHandover | None:
    """Who is asked to answer for it, while that counts."""
    rows = AgentHandover.objects.select_related("agent__owner", "offered_by", "to")
    return rows.filter(agent=agent, closed_at=None, expires_at__gt=now).first()


def offers_to(person: User, *, now: datetime) -> QuerySet[AgentHandover]:
    """The agents that this person is asked to answer for, oldest first."""
    rows = AgentHandover.objects.filter(to=person, closed_at=None, expires_at__gt=now)
    return rows.select_related("agent__owner", "offered_by").order_by("pk")


def agents_of_others(person: User) -> QuerySet[User]:
    """Every service account that somebody else answers for, or nobody; retired ones last."""
    rows = User.objects.filter(kind=AccountKind.SERVICE).exclude(owner=person).select_related("owner")
    is_over = Q(stopped_because=StoppedBecause.RETIRED)
    return rows.order_by(Case(When(is_over, then=1), default=0), "username")
