"""What a request was asked together with, as far as whoever reads it may see that."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from jit_access.access_requests.models import AccessRequest
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.scopes import parse_scope
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.viewmodels.parts import Action, Badge, Fact
from jit_access.web.viewmodels.request_state import Together, TogetherPart

_BADGES = {
    RequestState.PENDING: Badge("Waiting", "clock", "wait"),
    RequestState.APPROVED: Badge("Approved", "check", "live"),
    RequestState.DENIED: Badge("Denied", "x", "stop"),
    RequestState.WITHDRAWN: Badge("Withdrawn", "back"),
    RequestState.EXPIRED: Badge("No answer", "clock"),
    RequestState.INVALIDATED: Badge("Ended", "x", "stop"),
}
_RULES = {
    True: "All or nothing: it is granted when everybody agreed to all of it, and the end of one is the end of all.",
    False: "Each is decided by itself.",
}


def build_together(request: AccessRequest, seen: Sequence[AccessRequest], *, is_asking: bool) -> Together | None:
    """The other parts of its bundle. `seen` are those that the reader may see; of the rest only the number is said."""
    if request.bundle is None:
        return None
    others = [row for row in seen if row.pk != request.pk]
    hidden = request.bundle.size - 1 - len(others)
    more = f" {figures.plural(hidden, 'other part')} you may not see." if hidden else ""
    page = "web:request" if is_asking else "web:approval"
    return Together(
        note=f"{_RULES[request.bundle.is_all_or_nothing]}{more}",
        parts=tuple(
            TogetherPart(_badge(row), Action(_name(row), reverse(page, args=[row.public_id]))) for row in others
        ),
    )


def bundle_fact(request: AccessRequest, together: Together | None) -> tuple[Fact, ...]:
    """For the page on which it is signed."""
    if request.bundle is None or together is None:
        return ()
    rule = "all or nothing" if request.bundle.is_all_or_nothing else "each by itself"
    names = figures.joined([part.link.label for part in together.parts])
    return (Fact(f"One of {request.bundle.size}, {rule}", f"with {names}" if names else together.note),)


def _badge(row: AccessRequest) -> Badge:
    if row.state == RequestState.PENDING and row.agreed_reason:
        return Badge("Agreed, held", "check", "wait")
    return _BADGES[RequestState(row.state)]


def _name(row: AccessRequest) -> str:
    return f"{row.target.slug}/{words.scope_name(parse_scope(row.scope))}"
