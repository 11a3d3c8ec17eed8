"""Break-glass after a no. It is not refused, since a no may have been wrong about an emergency: it is said aloud."""

from __future__ import annotations

from datetime import timedelta

from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.domain.scopes import parse_scope

LOOKS_BACK = timedelta(days=1)


def denials_before(request: AccessRequest) -> tuple[Verdict, ...]:
    """Who denied the same person any of the same things in the day before, latest first. At most ten."""
    since = request.created_at - LOOKS_BACK
    wanted = _names(request)
    rows = Verdict.objects.filter(
        is_approval=False,
        request__requester=request.requester_id,
        request__target=request.target_id,
        created_at__range=(since, request.created_at),
    )
    found = rows.select_related("approver", "request").order_by("-created_at", "-pk")[:100]
    return tuple(verdict for verdict in found if wanted & _names(verdict.request))[:10]


def in_words(verdicts: tuple[Verdict, ...]) -> str:
    """`Ben Okafor at 13:06 UTC: “Not this week”`; nothing when nobody denied it."""
    return "; ".join(_sentence(verdict) for verdict in verdicts)


def _sentence(verdict: Verdict) -> str:
    note = f": “{verdict.note}”" if verdict.note else ""
    return f"{verdict.approver.display_name} at {verdict.created_at:%H:%M} UTC{note}"


def _names(request: AccessRequest) -> frozenset[str]:
    return frozenset(part.repository for part in parse_scope(request.scope).resources)
