"""What proxies ask of the control plane: the snapshot, and a place for their audit records and byte counters.

Plain views behind one shared secret. No session, no cookie, no CSRF token: a browser cannot send the bearer by itself.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

import redis
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from jit_access.audit.errors import LogBroken
from jit_access.audit.outside import record_outside_refusal
from jit_access.audit.services import MAX_BATCH_RECORDS, ingest_records
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.scopes import is_repository_name
from jit_access.mfa.services import client_address
from jit_access.proxy_sessions.pins import settle_pins
from jit_access.proxy_sessions.selectors import read_snapshot
from jit_access.proxy_sessions.usage import Used, record_usage

MAX_AUDIT_BYTES = 2 * 1024 * 1024
MAX_USAGE_GRANTS = 500
MAX_COUNT = 2**53  # what JSON carries exactly, 8 PiB
MAX_PINNED = 500
# Words of a scope, and what registries call commits, versions and digests.
_PIN_WORD = re.compile(r"[A-Za-z0-9._:/@-]{1,128}")
_GRANT = re.compile(r"[a-z0-9_]{1,40}")
_RUN = re.compile(r"[0-9a-f]{32}")

_log = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]


def for_proxies(method: str) -> Callable[[View], View]:
    """Let only proxies in, by one method, and keep their answers out of every cache."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            if not _is_proxy(request):
                record_outside_refusal(
                    actor=NOBODY,
                    kind="internal.refused",
                    reason=Reason.TOKEN_UNKNOWN,
                    address=client_address(request),
                )
                answer = _refuse(HTTPStatus.UNAUTHORIZED, Reason.TOKEN_UNKNOWN)
                answer["WWW-Authenticate"] = "Bearer"
            elif request.method != method:
                answer = _refuse(HTTPStatus.METHOD_NOT_ALLOWED, Reason.METHOD_NOT_ALLOWED)
                answer["Allow"] = method
            else:
                answer = _answer(view, request)
            answer["Cache-Control"] = "no-store"
            return answer

        return guarded

    return decorate


@for_proxies("GET")
def get_snapshot(_request: HttpRequest) -> HttpResponse:
    """Everything a proxy enforces, signed."""
    body, signature = read_snapshot()
    return JsonResponse({"body": body, "signature": signature})


@for_proxies("POST")
def post_audit(request: HttpRequest) -> HttpResponse:
    """Canonical audit records, one a line. What is known already counts as a duplicate."""
    lines = _read_body(request).split(b"\n")
    if len(lines) > MAX_BATCH_RECORDS:
        raise CallerError(Reason.REQUEST_TOO_LARGE)
    result = ingest_records(lines)
    return JsonResponse(
        {"accepted": result.accepted, "duplicates": result.duplicates, "rejected": list(result.rejected)}
    )


@for_proxies("POST")
def post_usage(request: HttpRequest) -> HttpResponse:
    """What one run of a proxy counted under grants with a budget; the answer says what all of them counted.

    Proxies of the version before count bytes only, and are answered as they expect.
    """
    try:
        body = json.loads(_read_body(request))
        run, moved, requested = body["run"], body["moved"], body.get("requests", {})
        is_sound = _RUN.fullmatch(run) and _are_counts(moved) and _are_counts(requested)
        if not is_sound or not requested.keys() <= moved.keys():
            raise ValueError("shape")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise CallerError(Reason.INVALID_INPUT) from exc
    used = record_usage(run=run, counted={name: Used(moved[name], requested.get(name, 0)) for name in moved})
    return JsonResponse({
        "used": {name: total.moved for name, total in used.items()},
        "requests": {name: total.requests for name, total in used.items()},
    })  # fmt: skip


@for_proxies("POST")
def post_pins(request: HttpRequest) -> HttpResponse:
    """What movable names mean to a grant: what was told first stands, and the answer says what that is."""
    try:
        body = json.loads(_read_body(request))
        grant, repository, names = body["grant"], body["repository"], body["names"]
        words = [*names.keys(), *filter(None, names.values())]
        is_sound = _GRANT.fullmatch(grant) and is_repository_name(repository) and len(names) <= MAX_PINNED
        if not is_sound or not all(_PIN_WORD.fullmatch(word) for word in words) or None in names.values():
            raise ValueError("shape")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise CallerError(Reason.INVALID_INPUT) from exc
    return JsonResponse({"pins": settle_pins(grant_id=grant, repository=repository, names=names)})


def _are_counts(told: object) -> bool:
    if not isinstance(told, dict) or len(told) > MAX_USAGE_GRANTS:
        return False
    return all(_GRANT.fullmatch(name) and _is_count(value) for name, value in told.items())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_COUNT


def _read_body(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig as exc:
        raise CallerError(Reason.REQUEST_TOO_LARGE) from exc
    except UnreadablePostError as exc:
        raise CallerError(Reason.INVALID_INPUT) from exc
    if len(body) > MAX_AUDIT_BYTES:
        raise CallerError(Reason.REQUEST_TOO_LARGE)
    if not body:
        raise CallerError(Reason.INVALID_INPUT)
    return body


def _is_proxy(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, f"Bearer {settings.PROXY_SECRET}".encode())


def _answer(view: View, request: HttpRequest) -> HttpResponse:
    try:
        return view(request)
    except NotFound as exc:
        return _refuse(HTTPStatus.NOT_FOUND, exc.reason)
    except CallerError as exc:
        is_large = exc.reason is Reason.REQUEST_TOO_LARGE
        return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_large else HTTPStatus.BAD_REQUEST, exc.reason)
    except (DatabaseError, InterfaceError) as exc:
        _log.warning("a proxy was not served: %s", type(exc).__name__)
        return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, Reason.DATABASE_AWAY)
    except redis.RedisError as exc:
        _log.warning("a proxy was not served: %s", type(exc).__name__)
        return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, Reason.CONTROL_PLANE_LOST)
    except LogBroken as exc:
        _log.exception("the audit log takes nothing")
        return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, exc.reason)


def _refuse(status: HTTPStatus, reason: Reason) -> HttpResponse:
    return JsonResponse({"code": reason, "message": explain(reason)}, status=status)
