"""The authorization server's endpoints for machines. They know no session: a client's own credential counts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from jit_access.domain.reasons import Reason
from jit_access.oauth.device_grant import DEVICE_AUTHORIZATION
from jit_access.oauth.endpoints import INTROSPECTION, REVOCATION
from jit_access.oauth.errors import Refused
from jit_access.oauth.grant_types import server
from jit_access.oauth.metadata import describe


@csrf_exempt
def token(request: HttpRequest) -> HttpResponse:
    """RFC 6749, 3.2."""
    return _only_post(request) or server().token_response(request)


@csrf_exempt
def device_authorization(request: HttpRequest) -> HttpResponse:
    """RFC 8628, 3.1."""
    return _only_post(request) or server().endpoint_response(request, DEVICE_AUTHORIZATION)


@csrf_exempt
def revoke(request: HttpRequest) -> HttpResponse:
    """RFC 7009."""
    return _only_post(request) or server().endpoint_response(request, REVOCATION)


@csrf_exempt
def introspect(request: HttpRequest) -> HttpResponse:
    """RFC 7662."""
    return _only_post(request) or server().endpoint_response(request, INTROSPECTION)


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # the same for everybody
    """RFC 8414."""
    response = JsonResponse(describe())
    response["Cache-Control"] = "max-age=300"
    return response


def _only_post(request: HttpRequest) -> HttpResponse | None:
    if request.method == "POST":
        return None
    refused = Refused("invalid_request", Reason.METHOD_NOT_ALLOWED, status_code=405)
    response = server().refuse(request, refused, {})
    response["Allow"] = "POST"
    return response
