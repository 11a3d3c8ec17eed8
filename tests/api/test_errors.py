"""Every failure is a problem document, and none tells more than it should."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import redis
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.test import Client
from rest_framework import exceptions
from rest_framework.response import Response

from jit_access.accounts.services import lock_account
from jit_access.api.errors import handle_exception
from jit_access.api.me import MeView
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PeerError, PolicyRefusal
from jit_access.domain.reasons import Reason, explain
from tests.support.cast import Cast

CANARY = "canary-7f3a-password=hunter2"
MakeClient = Callable[..., Client]


def answer(exc: Exception) -> Response:
    return handle_exception(exc, {})


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (CallerError(Reason.INVALID_INPUT), 400, "invalid-input"),
        (CallerError(Reason.TOKEN_EXPIRED), 401, "token-expired"),
        (PolicyRefusal(Reason.SECOND_FACTOR_MISSING), 401, "second-factor-missing"),
        (PolicyRefusal(Reason.SECOND_FACTOR_STALE), 403, "second-factor-stale"),
        (PolicyRefusal(Reason.NO_RULE_ALLOWS), 403, "no-rule-allows"),
        (NotFound(), 404, "not-found"),
        (Http404(CANARY), 404, "not-found"),
        (exceptions.NotFound(CANARY), 404, "not-found"),
        (PermissionDenied(CANARY), 404, "not-found"),
        (exceptions.PermissionDenied(CANARY), 404, "not-found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method-not-allowed"),
        (Conflict(Reason.STATE_CHANGED), 409, "state-changed"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "invalid-input"),
        (exceptions.ParseError(CANARY), 400, "invalid-input"),
        (RequestDataTooBig(CANARY), 413, "request-too-large"),
        (exceptions.Throttled(wait=3), 429, "rate-limited"),
        (PolicyRefusal(Reason.SECOND_FACTOR_LOCKED), 429, "second-factor-locked"),
        (PeerError(Reason.UPSTREAM_AWAY, retryable=True), 502, "upstream-away"),
        (OperationalError(CANARY), 503, "database-away"),
        (InterfaceError(CANARY), 503, "database-away"),
        (redis.ConnectionError(CANARY), 503, "control-plane-lost"),
        (GatewayError(Reason.AUDIT_UNAVAILABLE), 503, "audit-unavailable"),
        (RuntimeError(CANARY), 500, "internal-error"),
        (KeyError(CANARY), 500, "internal-error"),
    ],
)
def test_each_failure_has_its_status_and_code(exc: Exception, status: int, code: str) -> None:
    response = answer(exc)
    body = response.data
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert set(body) == {"type", "title", "status", "code", "detail", "fields"}
    assert body["type"] == f"urn:jit-access:reason:{code}"
    assert body["detail"]
    assert response.content_type == "application/problem+json"
    assert CANARY not in str(body)


def test_a_step_up_says_how_old_the_proof_may_be() -> None:
    body = answer(PolicyRefusal(Reason.SECOND_FACTOR_STALE, max_age_s=300)).data
    assert body["fields"] == {"max_age_s": 300}
    assert body["detail"] == explain(Reason.SECOND_FACTOR_STALE)


def test_a_refusal_names_its_rule_and_every_reason() -> None:
    refusal = PolicyRefusal(Reason.FORBIDDEN_BY_RULE, rule="no-agents", also=(Reason.LASTS_TOO_LONG,))
    assert answer(refusal).data["fields"] == {"rule": "no-agents", "also": ["lasts-too-long"]}


def test_fields_say_what_is_wrong_with_each() -> None:
    body = answer(exceptions.ValidationError({"lasts": ["Too long."], "scope": {"0": ["Unknown."]}})).data
    assert body["fields"] == {"lasts": ["Too long."], "scope": {"0": ["Unknown."]}}


def test_waiting_is_told_in_seconds() -> None:
    assert int(answer(exceptions.Throttled(wait=3))["Retry-After"]) >= 3
    assert answer(OperationalError())["Retry-After"] == "5"


def test_an_unknown_failure_is_logged_for_us(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer(RuntimeError(CANARY))
    assert "internal-error" in caplog.text


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing", "/api/v1/me/", "/api/v1/me/../x"])
def test_an_unknown_address_is_a_problem_document(cast: Cast, client_for: MakeClient, path: str) -> None:
    response = client_for(cast.ada).get(path)
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_a_bug_in_a_view_shows_nothing(cast: Cast, client_for: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Response:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(MeView, "get", broken)
    response = client_for(cast.ada).get("/api/v1/me")
    assert (response.status_code, response.json()["code"]) == (500, "internal-error")
    assert CANARY.encode() not in response.content


def test_a_lock_is_told_and_then_nothing(cast: Cast, client_for: MakeClient) -> None:
    client = client_for(cast.ada)
    lock_account(actor=GATEWAY, user=cast.ada)
    assert client.get("/api/v1/me").json()["detail"] == explain(Reason.ACCOUNT_LOCKED)
