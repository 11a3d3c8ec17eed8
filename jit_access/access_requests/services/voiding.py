"""What lost rights do to approvals of open requests: they are taken back, and may be given anew by who can.

Where nobody is left who could answer, that is said at once to whoever waits and to the operators, who can mend it; the
request itself goes on, since the next member of the group may answer it (elevator #138, TEAM #585 wedge here).
"""

from __future__ import annotations

from collections import Counter

from django.db.models import Count, Q

from jit_access.access_requests import selectors
from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.access_requests.news import tell_approvers, tell_stuck
from jit_access.access_requests.people import can_still_be_met, counts, step_states
from jit_access.access_requests.services.bundling import hold_no_more
from jit_access.accounts.models import AccountKind, User
from jit_access.audit.models import AuditEntry
from jit_access.audit.recorder import audited
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.policies.asked import RELATIONS, TARGET_OWNER, group_of

BATCH = 500


def void_verdicts_of(user: User, reason: Reason) -> None:
    """This account lost something: a group, its reports, or everything."""
    with audited(actor=GATEWAY):
        _void(Q(approver=user) | Q(on_behalf_of=user), reason)
        note_stuck_requests()


def void_verdicts_of_owners(target_id: int) -> None:
    """A target was given to others."""
    with audited(actor=GATEWAY):
        _void(Q(request__target=target_id, step__group=TARGET_OWNER), Reason.APPROVER_CHANGED)
        note_stuck_requests()
        for request in AccessRequest.objects.filter(
            target=target_id, state=RequestState.PENDING, steps__group=TARGET_OWNER
        ).order_by("pk"):
            tell_approvers(request)


def _void(which: Q, reason: Reason) -> None:
    given = Verdict.objects.filter(which, is_approval=True, request__state=RequestState.PENDING)
    rows = given.select_related("approver", "on_behalf_of", "step").order_by("request_id", "pk")
    with audited(actor=GATEWAY) as audit:
        for verdict in rows:
            request = selectors.lock_request(verdict.request_id)
            if request.state != RequestState.PENDING or counts(verdict, verdict.step, request):
                continue
            audit.record(
                "verdict.voided",
                reason=reason,
                request=request.public_id,
                target=request.target.slug,
                detail={"account": verdict.approver.public_id, "group": verdict.step.group},
            )
            verdict.delete()
            hold_no_more(request)
            announce(request, Change.VOIDED)
            tell_approvers(request)


def note_stuck_requests() -> None:
    """Say of each open request, once, that nobody is left who could bring it to its end."""
    with audited(actor=GATEWAY) as audit:
        for request in _doubtful():
            if can_still_be_met(step_states(request)):
                continue
            if AuditEntry.objects.filter(kind="request.unanswerable", request=request.public_id).exists():
                continue
            audit.record(
                "request.unanswerable",
                reason=Reason.NO_APPROVER,
                request=request.public_id,
                target=request.target.slug,
            )
            tell_stuck(request)


def _doubtful() -> list[AccessRequest]:
    """Open requests that few could answer. Large groups are counted, not looked into: this runs at every loss."""
    people = User.objects.filter(is_active=True, kind=AccountKind.PERSON)
    there = dict(people.values("groups__name").annotate(count=Count("pk")).values_list("groups__name", "count"))
    rows = AccessRequest.objects.filter(state=RequestState.PENDING).prefetch_related("steps")
    found = []
    for request in rows.select_related("requester", "requester__owner", "target").order_by("pk")[:BATCH]:
        needed: Counter[str] = Counter()
        for step in request.steps.all():
            needed[step.group] += step.needed
        enough = needed.total() + 2  # the requester and their owner may be in any group, and never answer
        if any(word in RELATIONS or there.get(group_of(word) or "", 0) < enough for word in needed):
            found.append(request)
    return found
