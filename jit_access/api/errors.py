"""Every failure of the API as a problem document. Nothing of an unknown failure's text leaves the house."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import redis
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from jit_access.api.challenges import challenge_of, step_up_for
from jit_access.core.problems import CONTENT_TYPE, problem, problem_of
from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason

logger = logging.getLogger(__name__)

# DRF's own failures: which reason they are. The first fit counts.
_FRAMEWORK: tuple[tuple[type[Exception], int, Reason, str], ...] = (
    (exceptions.NotAuthenticated, 401, Reason.TOKEN_MISSING, "Send an API token, or sign in first."),
    (exceptions.AuthenticationFailed, 401, Reason.TOKEN_MALFORMED, ""),
    (exceptions.NotFound, 404, Reason.NOT_FOUND, ""),
    (Http404, 404, Reason.NOT_FOUND, ""),
    # A door that is not the actor's looks like no door.
    (exceptions.PermissionDenied, 404, Reason.NOT_FOUND, ""),
    (PermissionDenied, 404, Reason.NOT_FOUND, ""),
    (exceptions.MethodNotAllowed, 405, Reason.METHOD_NOT_ALLOWED, "This method is not allowed here."),
    (exceptions.UnsupportedMediaType, 415, Reason.INVALID_INPUT, "Send JSON (Content-Type: application/json)."),
    (exceptions.NotAcceptable, 406, Reason.INVALID_INPUT, "Answers are JSON only."),
    (RequestDataTooBig, 413, Reason.REQUEST_TOO_LARGE, ""),
    (exceptions.Throttled, 429, Reason.RATE_LIMITED, ""),
    (exceptions.ParseError, 400, Reason.INVALID_INPUT, "The body is not readable JSON."),
    (OperationalError, 503, Reason.DATABASE_AWAY, ""),
    (InterfaceError, 503, Reason.DATABASE_AWAY, ""),
    (redis.RedisError, 503, Reason.CONTROL_PLANE_LOST, "A part of the gateway does not answer. Try again soon."),
)


def handle_exception(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler. Answers everything, so that no page of Django's ever reaches a client of the API."""
    set_rollback()
    body = _body_of(exc)
    step_up = step_up_for(exc, context.get("request"))
    if step_up is not None:
        body |= {"status": 401, "title": "Prove it is you again"}
    status = body["status"]
    response = Response(body, status=status if isinstance(status, int) else 500, content_type=CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    challenge = step_up or challenge_of(exc, response.status_code)
    if challenge is not None:
        response["WWW-Authenticate"] = challenge
    for name, value in getattr(exc, "headers", {}).items():
        response[name] = value
    if response.status_code in {429, 503} or hasattr(exc, "wait"):
        response["Retry-After"] = str(_wait_s(exc))
    if response.status_code >= 500:
        view = type(context.get("view")).__name__
        logger.error("API request failed: %s in %s", body["code"], view, exc_info=exc)
    return response


def _body_of(exc: Exception) -> dict[str, object]:
    if isinstance(exc, GatewayError):
        return problem_of(exc)
    if isinstance(exc, exceptions.ValidationError):
        return problem(Reason.INVALID_INPUT, status=400, fields=_fields(exc.detail))
    for kind, status, reason, sentence in _FRAMEWORK:
        if isinstance(exc, kind):
            return problem(reason, status=status, detail=sentence)
    return problem(Reason.INTERNAL_ERROR, status=500)


def _fields(detail: object) -> dict[str, object]:
    """Field by field what is wrong, as DRF says it; errors of the whole body under `body`."""
    if isinstance(detail, Mapping):
        return {str(name): _plain(value) for name, value in detail.items()}
    return {"body": _plain(detail)}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def _wait_s(exc: Exception) -> int:
    wait = getattr(exc, "wait", None)
    return int(wait) + 1 if isinstance(wait, int | float) else 5
