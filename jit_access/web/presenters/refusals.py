"""A refusal as a page: what happened, what it means, what to do."""

from __future__ import annotations

from django.urls import reverse

from jit_access.domain.errors import GatewayError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.web.viewmodels.gate import RefusalPage
from jit_access.web.viewmodels.parts import Action

_NEXT: dict[str, str] = {
    Reason.NOT_FOUND: "Either this address does not exist, or it is not yours. Both look the same from here.",
    Reason.STATE_CHANGED: "Somebody else was first, or it ended. Go back and look at it as it is now.",
    Reason.RATE_LIMITED: "Nothing was changed.",
    Reason.INTERNAL_ERROR: "It is written down. Nothing was half done.",
}
_STATUSES: dict[str, int] = {
    Reason.RATE_LIMITED: 429,
    Reason.SIGN_IN_LOCKED: 429,
    Reason.SECOND_FACTOR_LOCKED: 429,
    Reason.DATABASE_AWAY: 503,
    Reason.AUDIT_UNAVAILABLE: 503,
    Reason.CONTROL_PLANE_LOST: 503,
}


def build_refusal(error: GatewayError, *, request_id: str, is_signed_in: bool) -> RefusalPage:
    """The page of one error. It names the rule where a rule decided."""
    status = _STATUSES.get(error.reason, error.status)
    sentence = _NEXT.get(error.reason, "")
    if isinstance(error, PolicyRefusal) and error.rule:
        sentence = f"Decided by {error.rule}. {sentence}".strip()
    return make_refusal(
        status, error.sentence, sentence, str(error.reason), request_id=request_id, is_signed_in=is_signed_in
    )


def make_refusal(
    status: int, title: str, sentence: str, code: str, *, request_id: str = "", is_signed_in: bool = False
) -> RefusalPage:
    """A refusal from its words. The way on is always named."""
    way = (
        Action("My access", reverse("web:my-access"), "grid")
        if is_signed_in
        else Action("Sign in", reverse("web:sign-in"))
    )
    return RefusalPage(
        status=status,
        title=title,
        sentence=sentence or "Nothing was changed.",
        code=code,
        actions=(way,),
        request_id=request_id if status >= 500 else "",
    )
