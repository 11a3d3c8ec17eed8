"""Everything that became of one request, in the order of the log, which cannot be edited.

Whoever may see the request may see this: of the grant only its own life is told, not what was done with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from jit_access.access_requests.models import AccessRequest
from jit_access.audit.models import AuditEntry
from jit_access.domain.audit_record import decode_record
from jit_access.grants.models import Grant
from jit_access.notifications.models import Notification

TOLD, COMMENTED, SUBMITTED = "request.told", "request.commented", "request.submitted"
# Told once each; a start that takes two records is told when it is done.
KINDS = frozenset(
    {
        SUBMITTED,
        COMMENTED,
        "verdict.given",
        "verdict.voided",
        "request.narrowed",
        "request.agreed",
        "request.approved",
        "request.denied",
        "request.withdrawn",
        "request.expired",
        "request.invalidated",
        "grant.activated",
        "grant.activation_failed",
        "grant.suspended",
        "grant.resumed",
        "grant.shortened",
        "grant.narrowed",
        "grant.extended",
        "grant.expired",
        "grant.relinquished",
        "grant.revoked",
        "grant.revoke_failed",
        "grant.ended",
    }
)
MOST = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. `who` is the name of whoever did it; `record` its place in the log, when it has one."""

    at: datetime
    kind: str
    who: str = ""
    text: str = ""
    reason: str = ""
    decision: str = ""
    record: str = ""
    detail: Mapping[str, str | int | bool] = field(default_factory=dict)


def timeline_of(request: AccessRequest) -> tuple[Moment, ...]:
    """Oldest first. Three queries."""
    grant = Grant.objects.filter(request_id=request.pk).values_list("public_id", flat=True).first()
    moments: list[Moment] = []
    for moment in _from_log(request, grant):
        moments.append(moment)
        if moment.kind == SUBMITTED:
            moments += _told(request, moment.at)
    return tuple(moments)


def _from_log(request: AccessRequest, grant: str | None) -> list[Moment]:
    about = Q(request=request.public_id) | Q(grant=grant) if grant else Q(request=request.public_id)
    found = []
    for entry in AuditEntry.objects.filter(about, kind__in=KINDS).order_by("seq")[:MOST]:
        record = decode_record(entry.body.encode("utf-8"))
        words = next((record.detail[name] for name in ("note", "taken", "text") if record.detail.get(name)), "")
        found.append(
            Moment(
                entry.at,
                entry.kind,
                entry.actor_name,
                str(words),
                entry.reason,
                entry.decision,
                entry.record_id,
                record.detail,
            )
        )
    return found


def _told(request: AccessRequest, at: datetime) -> list[Moment]:
    """Who was asked to answer: written down with the request, whenever a channel delivers it."""
    rows = Notification.objects.filter(dedupe_key=f"request-waits:{request.public_id}").select_related("user")
    names = [row.user.display_name for row in rows.order_by("pk")]
    return [Moment(at, TOLD, text=", ".join(names))] if names else []
