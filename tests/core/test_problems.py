"""Problem documents say what to branch on, what to read, and nothing foreign."""

from __future__ import annotations

import json

import pytest

from jit_access.core.problems import problem, problem_of, problem_response, status_of
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PeerError, PolicyRefusal
from jit_access.domain.reasons import Reason, explain


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_makes_a_whole_document(reason: Reason) -> None:
    body = problem_of(CallerError(reason))
    assert body["code"] == str(reason)
    assert body["detail"] == explain(reason)
    assert isinstance(body["status"], int)
    assert 400 <= body["status"] < 600


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CallerError(Reason.INVALID_INPUT), 400),
        (CallerError(Reason.TOKEN_REVOKED), 401),
        (PolicyRefusal(Reason.OWN_REQUEST), 403),
        (NotFound(), 404),
        (Conflict(Reason.STATE_CHANGED), 409),
        (PolicyRefusal(Reason.SIGN_IN_LOCKED), 429),
        (GatewayError(Reason.INTERNAL_ERROR), 500),
        (PeerError(Reason.UPSTREAM_BROKEN, retryable=False), 502),
        (GatewayError(Reason.DATABASE_AWAY), 503),
    ],
)
def test_the_status_is_the_familys_unless_the_reason_has_its_own(error: GatewayError, status: int) -> None:
    assert status_of(error) == status


def test_the_answer_is_stored_by_nobody() -> None:
    response = problem_response(problem(Reason.SIGNED_OUT, status=401, fields={"a": 1}))
    assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")
    assert response["Cache-Control"] == "no-store"
    assert json.loads(response.content)["fields"] == {"a": 1}
