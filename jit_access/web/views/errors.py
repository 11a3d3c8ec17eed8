"""The pages of refusals that no view of ours made: unknown addresses, broken forms, our own faults."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jit_access.accounts.models import User
from jit_access.audit.outside import record_outside_refusal
from jit_access.core.problems import problem, problem_response
from jit_access.core.request_id import current_request_id
from jit_access.domain.actors import NOBODY
from jit_access.domain.reasons import Reason
from jit_access.mfa.services import client_address
from jit_access.web.presenters.refusals import make_refusal

# Their clients read problem documents, not pages.
_FOR_MACHINES = ("/api/", "/internal/")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # Django's shape
    """404: unknown and hidden look the same."""
    return _page(
        request,
        404,
        "There is nothing here that you may see.",
        "Either this address does not exist, or it is not yours. Both look the same from here.",
        Reason.NOT_FOUND,
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # Django's shape
    """400."""
    return _page(request, 400, "This request could not be read.", "Nothing was changed.", Reason.MALFORMED_REQUEST)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # Django's shape
    """403."""
    return _page(request, 403, "You may not do this.", "Nothing was changed.", Reason.NOT_FOUND)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django's shape
    """403 for a form that did not come from a page of ours, or from one that is too old."""
    actor = request.user.ref if isinstance(request.user, User) else NOBODY
    address = client_address(request)
    record_outside_refusal(actor=actor, kind="web.refused", reason=Reason.CSRF_FAILED, address=address)
    return _page(
        request,
        403,
        "This form is not one of ours any more.",
        "It was opened before you signed in, or cookies are off. Go back, reload the page, and send it again.",
        Reason.CSRF_FAILED,
    )


def broken(request: HttpRequest) -> HttpResponse:
    """500: our fault. Asks neither the database nor the session, which may be what broke."""
    return _page(
        request,
        500,
        "Something broke on our side.",
        "The request was refused, nothing was half done. It is written down.",
        Reason.INTERNAL_ERROR,
    )


def _page(request: HttpRequest, status: int, title: str, sentence: str, reason: Reason) -> HttpResponse:
    if request.path_info.startswith(_FOR_MACHINES):
        return problem_response(problem(reason, status=status))
    refusal = make_refusal(status, title, sentence, str(reason), request_id=current_request_id(), is_signed_in=True)
    context = {"page": refusal, "theme": request.COOKIES.get("theme", "auto"), "now_iso": ""}
    response = render(request, "web/refusal.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response
