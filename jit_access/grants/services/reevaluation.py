"""Grants are asked about again while they live: when a fact changed, and by a sweep in case nobody said so.

A grant that today's rules, groups or accounts would not allow ends now. A rule that became shorter moves the end
forward; smaller budgets, and kinds of files that are refused now, count for what is open. Nothing here ever widens or
lengthens anything.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.db.models import Q, QuerySet

from jit_access.accounts.models import User
from jit_access.accounts.standing import STOPPED
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.credentials import services as credentials
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import GatewayError
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors
from jit_access.grants.access import group_names
from jit_access.grants.models import Grant
from jit_access.grants.policy import ask_about, judge
from jit_access.grants.services.ending import Ending, close_grant
from jit_access.grants.services.session_views import push_views
from jit_access.policies.answers import Terms, strictest
from jit_access.policies.questions import Phase

_TOLD_TO_PROXIES = (GrantState.ACTIVE, GrantState.SUSPENDED)
_USABLE = (GrantState.SCHEDULED, GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.SUSPENDED)
# These say why by themselves; any other refusal is told as what changed: the groups or the rules.
_TOLD_AS_THEY_ARE = frozenset(
    {
        *STOPPED,
        Reason.POLICY_MISSING,
        Reason.POLICY_BROKEN,
        Reason.ENVELOPE_ENDED,
        Reason.ENVELOPE_SUSPENDED,
        Reason.ENVELOPE_UNREVIEWED,
        Reason.ENVELOPE_EXPIRED,
        Reason.ENVELOPE_REVOKED,
        Reason.OUTSIDE_ENVELOPE,
        Reason.TRUST_ENDED,
    }
)

log = structlog.get_logger(__name__)


def reevaluate_grant(*, grant_id: int, because: Reason | None = None) -> bool:
    """Ask again about one grant. True when it lost anything. `because` is what is known to have changed."""
    with audited(actor=GATEWAY):
        grant = selectors.lock_grant(grant_id)
        if grant.state not in _USABLE:
            return False
        answer = ask_about(grant, Phase.LIVE)
        decision = judge(grant, answer)
        if decision.is_allowed:
            return _narrow(grant, answer.terms)
        if decision.reason is Reason.LASTS_TOO_LONG and grant.activated_at is not None:
            is_narrower = _narrow(grant, answer.terms)
            return _shorten(grant, grant.activated_at + timedelta(seconds=answer.lasts_at_most_s)) or is_narrower
        return close_grant(grant, Ending(_told_as(grant, decision.reason, because)))


def _told_as(grant: Grant, reason: Reason, because: Reason | None) -> Reason:
    if reason in _TOLD_AS_THEY_ARE:
        return reason
    if because is not None:
        return because
    had = set(grant.request.payload["requester"]["groups"])
    return Reason.GROUP_MEMBERSHIP_LOST if had - group_names(grant.subject) else Reason.POLICY_TIGHTENED


def _shorten(grant: Grant, until: datetime) -> bool:
    if until >= selectors.end_of(grant):
        return False
    if until <= clock.now():
        return close_grant(grant, Ending(Reason.POLICY_TIGHTENED))
    with audited(actor=GATEWAY) as audit:
        Grant.objects.filter(pk=grant.pk).update(valid_until=until)
        grant.valid_until = until
        credentials.shorten(grant_id=grant.pk, valid_until=until)
        push_views(grant)
        audit.record(
            "grant.shortened",
            reason=Reason.POLICY_TIGHTENED,
            grant=grant.public_id,
            target=grant.target.slug,
            detail={"until": clock.format_instant(until)},
        )
    return True


def _narrow(grant: Grant, today: Terms) -> bool:
    """What was agreed on stays the limit; what the rules take away by now is taken away."""
    agreed = replace(
        today,
        byte_budget=grant.byte_budget,
        request_budget=grant.request_budget,
        refused_files=tuple(grant.refused_files),
    )
    left = strictest((agreed, today))
    if left == strictest((agreed,)):
        return False
    with audited(actor=GATEWAY) as audit:
        grant.byte_budget, grant.request_budget = left.byte_budget, left.request_budget
        grant.refused_files = list(left.refused_files)
        Grant.objects.filter(pk=grant.pk).update(
            byte_budget=grant.byte_budget, request_budget=grant.request_budget, refused_files=grant.refused_files
        )
        if grant.state in _TOLD_TO_PROXIES:
            push_views(grant)
        audit.record(
            "grant.narrowed",
            reason=Reason.POLICY_TIGHTENED,
            grant=grant.public_id,
            target=grant.target.slug,
            detail={
                "byte_budget": left.byte_budget,
                "request_budget": left.request_budget,
                "refused_files": ", ".join(left.refused_files),
            },
        )
    return True


def reevaluate_subject(user: User, reason: Reason) -> None:
    """An account lost something: ask again about its grants, and its service accounts'.

    Runs in the transaction of the loss, so a lost group or a locked account and the closed doors are one.
    """
    theirs = Grant.objects.filter(Q(subject=user) | Q(subject__owner=user), state__in=_USABLE)
    _reevaluate(theirs, because=reason)


def end_all_of(user: User, reason: Reason) -> None:
    """Somebody else may have had what this account acts by: all its grants end, whatever rules say of them.

    An API token makes tokens of every grant of its account, so it is not told apart which grant it was used for.
    """
    with audited(actor=GATEWAY):
        for pk in Grant.objects.filter(subject=user, state__in=_USABLE).order_by("pk").values_list("pk", flat=True):
            close_grant(selectors.lock_grant(pk), Ending(reason))


def reevaluate_all(version: int) -> None:
    """Another policy counts: ask again about everything, in the transaction that activates it."""
    _reevaluate(Grant.objects.exclude(request__policy_version__number=version).filter(state__in=_USABLE))


def reevaluate_target(target_id: int) -> None:
    """The tier of a repository changed: what still may go on is told to the proxies anew, digest checks and all."""
    theirs = Grant.objects.filter(target_id=target_id, state__in=_USABLE)
    _reevaluate(theirs, because=Reason.TIER_RAISED)
    with audited(actor=GATEWAY):
        opened = theirs.filter(state__in=_TOLD_TO_PROXIES).order_by("pk")
        push_views(*(selectors.lock_grant(pk) for pk in opened.values_list("pk", flat=True)))


def reevaluate_live_grants() -> int:
    """Ask again about everything that could still be used. Returns how many ended or became shorter."""
    ids = list(Grant.objects.filter(state__in=_USABLE).order_by("pk").values_list("pk", flat=True))
    return sum(_reevaluate_alone(pk) for pk in ids)


def _reevaluate_alone(pk: int) -> bool:
    try:
        return reevaluate_grant(grant_id=pk)
    except GatewayError:
        # One row that cannot be judged must not keep the sweep from the others.
        log.exception("grant.reevaluation_failed", grant=pk)
        return False


def _reevaluate(grants: QuerySet[Grant], *, because: Reason | None = None) -> int:
    ids = list(grants.order_by("pk").values_list("pk", flat=True))
    return sum(reevaluate_grant(grant_id=pk, because=because) for pk in ids)
