"""Asking a cluster whether a token counts there right now: only this notices that a pod was deleted.

Source: Kubernetes, TokenReview (authentication.k8s.io/v1). An API server that does not understand audiences answers
without any, so the audience is looked for in the answer and not only in the question.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from jit_access.core.sealing import open_secret
from jit_access.domain.networks import network_of
from jit_access.domain.tally import Tally
from jit_access.jose.errors import TokenFault
from jit_access.jose.fetching import post_json
from jit_access.workloads.kinds import account_named
from jit_access.workloads.models import TrustedIssuer

PATH: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
FAILURES_A_MINUTE: Final = 20  # of one network, at one cluster: strangers could make us ask it for ever
_API: Final = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
_EXTRA: Final = "authentication.kubernetes.io/"
_failures = Tally()


def review_token(issuer: TrustedIssuer, text: str, facts: Mapping[str, str], *, address: str) -> dict[str, str]:
    """What the cluster says about this token's holder. Raises: TokenFault; PeerError (issuer-away)."""
    key, now = f"{issuer.public_id} {network_of(address)}", time.monotonic()
    if _failures.count(key, now=now) >= FAILURES_A_MINUTE:
        raise TokenFault("too-many-tries")
    status = _ask(issuer, text)
    try:
        return _check(issuer, status, facts)
    except TokenFault:
        _failures.add(key, now=now)
        raise


def forget_failures() -> None:
    """Begin anew; for tests."""
    _failures.forget()


def _ask(issuer: TrustedIssuer, text: str) -> Mapping[str, Any]:
    credential = open_secret(issuer.sealed_credential, context=issuer.credential_context)
    question = _API | {"spec": {"token": text, "audiences": [issuer.audience]}}
    answer = post_json(f"{issuer.api_server}{PATH}", question, bearer=credential, peer=issuer.peer)
    if any(answer.get(name) != value for name, value in _API.items()):
        raise TokenFault("review-broken")
    return _object(answer.get("status"))


def _check(issuer: TrustedIssuer, status: Mapping[str, Any], facts: Mapping[str, str]) -> dict[str, str]:
    if status.get("authenticated") is not True or status.get("error"):
        raise TokenFault("review-denied")
    audiences = status.get("audiences")
    if not isinstance(audiences, list) or issuer.audience not in audiences:
        raise TokenFault("review-audience")
    user = _object(status.get("user"))
    namespace, name = account_named(user.get("username"))
    uid = user.get("uid")
    if not isinstance(uid, str) or not 0 < len(uid) <= 64:
        raise TokenFault("review-uid")
    told = {"namespace": namespace, "service_account": name, "service_account_uid": uid}
    # The token said the same before it was asked about; two stories about one holder are none.
    if any(facts.get(key) != value for key, value in told.items()):
        raise TokenFault("review-differs")
    extra = _object(user.get("extra"))
    for key, where in (("pod", "pod-name"), ("pod_uid", "pod-uid"), ("node", "node-name")):
        values = extra.get(_EXTRA + where)
        if isinstance(values, list) and len(values) == 1 and isinstance(values[0], str):
            told[key] = values[0][:255]
    return told | {"sub": facts["sub"]}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
