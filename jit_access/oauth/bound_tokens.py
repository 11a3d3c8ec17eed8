"""Where a token belongs to a key, whoever uses it proves to hold that key: when it is got and at each call.

`require_key` is for every door that takes a token in an Authorization header, whatever kind of token it is.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

import redis
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path

from jit_access.audit.outside import record_outside_refusal
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.jose.errors import TokenFault
from jit_access.mfa.services import client_address
from jit_access.oauth.dpop import ALGORITHMS, Asked, check_proof, new_nonce, own_url
from jit_access.oauth.errors import Refused

SCHEME: Final = "dpop"
PROOF_HEADER: Final = "DPoP"
NONCE_HEADER: Final = "DPoP-Nonce"


class KeyProofNeeded(CallerError):
    """The answer to a call without a proof that counts (RFC 9449, 7.1). `challenge` and `headers` go out with it."""

    status = 401

    def __init__(self, reason: Reason, error: str, *, nonce: str = "") -> None:
        self.challenge = f'{PROOF_HEADER} error="{error}", algs="{" ".join(sorted(ALGORITHMS))}"'
        self.headers: Mapping[str, str] = {NONCE_HEADER: nonce} if nonce else {}
        super().__init__(reason)


class NonceNeeded(Refused):
    """The token endpoint's answer to a proof without a fresh nonce (RFC 9449, 8). Nothing was refused yet."""

    def __init__(self) -> None:
        super().__init__("use_dpop_nonce", Reason.KEY_PROOF_REFUSED, "Make the proof again with the nonce given here.")

    def get_headers(self) -> list[tuple[str, str]]:
        return [*super().get_headers(), (NONCE_HEADER, new_nonce())]


def require_key(http: HttpRequest, *, text: str, jkt: str, actor: ActorRef, token_id: str) -> None:
    """Nothing happens for a token without a key that came as Bearer. Otherwise both have to be there, and fit.

    Raises: KeyProofNeeded, recorded unless all that is missing is a nonce; redis.RedisError when nobody can tell
    whether the proof was used before.
    """
    is_bound, came_bound = bool(jkt), http.headers.get("Authorization", "").partition(" ")[0].lower() == SCHEME
    if not is_bound and not came_bound:
        return
    check = "bearer" if is_bound and not came_bound else "not-bound" if not is_bound else _check(http, text, jkt)
    if not check:
        return
    if check == "nonce":
        raise KeyProofNeeded(Reason.KEY_PROOF_REFUSED, "use_dpop_nonce", nonce=new_nonce())
    reason = Reason.KEY_PROOF_MISSING if check in {"bearer", "missing"} else Reason.KEY_PROOF_REFUSED
    record_outside_refusal(
        actor=actor,
        kind="api.refused",
        reason=reason,
        address=client_address(http),
        detail={"token": token_id, "check": check},
    )
    error = "invalid_token" if check in {"bearer", "not-bound", "other-key"} else "invalid_dpop_proof"
    raise KeyProofNeeded(reason, error, nonce=new_nonce())


def key_of_token_request(http: HttpRequest) -> str:
    """The thumbprint of the key that the new token will belong to; empty when no proof came. Raises: Refused."""
    proof = http.headers.get(PROOF_HEADER)
    if proof is None:
        return ""
    try:
        return check_proof(proof, Asked(http.method or "", own_url(escape_uri_path(http.path))))
    except TokenFault as fault:
        if fault.code == "nonce":
            raise NonceNeeded from fault
        raise Refused("invalid_dpop_proof", Reason.KEY_PROOF_REFUSED, check=f"dpop-{fault.code}") from fault
    except redis.RedisError as exc:
        raise Refused("temporarily_unavailable", Reason.CONTROL_PLANE_LOST, check="redis", status_code=503) from exc


def _check(http: HttpRequest, text: str, jkt: str) -> str:
    """Which check failed; empty when the proof counts."""
    proof = http.headers.get(PROOF_HEADER)
    if proof is None:
        return "missing"
    try:
        thumbprint = check_proof(proof, Asked(http.method or "", own_url(escape_uri_path(http.path)), text))
    except TokenFault as fault:
        return fault.code
    return "" if hmac.compare_digest(thumbprint, jkt) else "other-key"
