"""Puts the refusals into the API's description, so that a client knows every status and the form of its body."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from jit_access.core.problems import CONTENT_TYPE
from jit_access.domain.reasons import Reason

_ANY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.NOT_ACCEPTABLE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_OF_CHANGES = (
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.BAD_GATEWAY,
)
_PROBLEM = {
    "type": "object",
    "description": "A refusal (RFC 9457). Branch on `code`; `detail` is for people.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(str(reason) for reason in Reason)},
        "detail": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": True},
    },
    "required": ["type", "title", "status", "code", "detail", "fields"],
}
_UNAUTHORIZED = (
    "Nobody is signed in, or the proof behind a token is missing or too old (second-factor-missing, "
    "second-factor-stale, passkey-needed). With a session the latter two are 403."
)
_CHALLENGE = {
    "description": 'Where a better proof helps (RFC 9470): `error="insufficient_user_authentication"` with the '
    "`acr_values` and `max_age` to ask the authorization endpoint for.",
    "schema": {"type": "string"},
}
METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def add_problems(result: dict[str, Any], generator: object, request: object, public: bool) -> dict[str, Any]:  # noqa: ARG001  # spectacular's signature
    """A postprocessing hook of drf-spectacular."""
    parts = result["components"]
    parts["schemas"]["Problem"] = _PROBLEM
    parts["responses"] = {f"Problem{int(status)}": _response(status) for status in (*_ANY, *_OF_CHANGES)}
    for operations in result["paths"].values():
        for method in METHODS & set(operations):
            for status in _ANY if method == "get" else (*_ANY, *_OF_CHANGES):
                reference = {"$ref": f"#/components/responses/Problem{int(status)}"}
                operations[method]["responses"].setdefault(str(int(status)), reference)
    return result


def _response(status: HTTPStatus) -> dict[str, Any]:
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if status is HTTPStatus.UNAUTHORIZED:
        return {"description": _UNAUTHORIZED, "headers": {"WWW-Authenticate": _CHALLENGE}, "content": content}
    return {"description": status.phrase, "content": content}
