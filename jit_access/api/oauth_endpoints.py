"""The authorization server's endpoints for machines. They know no session: a client's own credential counts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from jit_access.domain.reasons import Reason
from jit_access.oauth.errors import Refused
from jit_access.oauth.grant_types import server


@csrf_exempt
def token(request: HttpRequest) -> HttpResponse:
    """RFC 6749, 3.2."""
    return _only_post(request) or server().token_response(request)


def _only_post(request: HttpRequest) -> HttpResponse | None:
    if request.method == "POST":
        return None
    refused = Refused("invalid_request", Reason.METHOD_NOT_ALLOWED, status_code=405)
    response = server().refuse(request, refused, {})
    response["Allow"] = "POST"
    return response
