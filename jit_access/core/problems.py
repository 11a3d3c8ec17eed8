"""A failure as a problem document (RFC 9457), the same from every floor that answers over HTTP.

`code` is the reason that machines branch on; `detail` is the sentence for people; `fields` are the facts.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.http import JsonResponse

from jit_access.domain.errors import GatewayError, PolicyRefusal
from jit_access.domain.reasons import Reason, explain

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:jit-access:reason:"
_TITLES = {
    400: "This cannot be used",
    401: "Sign in first",
    403: "Refused",
    404: "Not found",
    405: "Not this way",
    409: "Changed meanwhile",
    412: "Changed since you saw it",
    413: "Too large",
    415: "Not in this form",
    429: "Too many tries",
    500: "Our fault",
    502: "The target did not play along",
    503: "Not now",
}
# Where the family's status would mislead a client about what to do next. This is the one table of exceptions.
_STATUS_OF: dict[Reason, int] = {
    Reason.TOKEN_MISSING: 401,
    Reason.TOKEN_MALFORMED: 401,
    Reason.TOKEN_UNKNOWN: 401,
    Reason.TOKEN_EXPIRED: 401,
    Reason.TOKEN_REVOKED: 401,
    Reason.TOKEN_SPENT: 401,
    Reason.TOKEN_REPLACED: 401,
    Reason.TOKEN_COPIED: 401,
    Reason.TOKEN_LEAKED: 401,
    Reason.TOKEN_ELSEWHERE: 403,
    Reason.SIGN_IN_FAILED: 401,
    Reason.SIGNED_OUT: 401,
    Reason.DEVICE_CHANGED: 401,
    Reason.SECOND_FACTOR_MISSING: 401,
    Reason.METHOD_NOT_ALLOWED: 405,
    Reason.VERSION_CHANGED: 412,
    Reason.REQUEST_TOO_LARGE: 413,
    Reason.SIGN_IN_LOCKED: 429,
    Reason.SECOND_FACTOR_LOCKED: 429,
    Reason.RATE_LIMITED: 429,
    Reason.CONTROL_PLANE_LOST: 503,
    Reason.AUDIT_UNAVAILABLE: 503,
    Reason.DATABASE_AWAY: 503,
}

Fields = Mapping[str, object]


def status_of(error: GatewayError) -> int:
    """The HTTP status: the reason's own where it has one, else its family's."""
    return _STATUS_OF.get(error.reason, error.status)


def problem_of(error: GatewayError) -> dict[str, object]:
    """The document for one of our own failures."""
    fields: dict[str, object] = dict(error.fields)
    if isinstance(error, PolicyRefusal):
        fields |= {"rule": error.rule} if error.rule else {}
        fields |= {"also": [str(reason) for reason in error.also]} if error.also else {}
    return problem(error.reason, status=status_of(error), detail=error.sentence, fields=fields)


def problem(reason: Reason, *, status: int, detail: str = "", fields: Fields | None = None) -> dict[str, object]:
    """The document for a reason."""
    return {
        "type": f"{TYPE_PREFIX}{reason}",
        "title": _TITLES.get(status, "Refused"),
        "status": status,
        "code": str(reason),
        "detail": detail or explain(reason),
        "fields": dict(fields or {}),
    }


def problem_response(body: dict[str, object]) -> JsonResponse:
    """The document as an answer. Refusals are never stored by anybody in between."""
    status = body["status"]
    response = JsonResponse(body, status=status if isinstance(status, int) else 500, content_type=CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    return response
