"""A whole response of our own, and the HTTP status of each refusal. Each protocol puts the words into its own form."""

from __future__ import annotations

import json
from dataclasses import dataclass

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.http1 import Headers

JSON = (b"content-type", b"application/json")

_UNAVAILABLE = frozenset(
    {Reason.CONTROL_PLANE_LOST, Reason.AUDIT_UNAVAILABLE, Reason.DATABASE_AWAY, Reason.DRAINING,
     Reason.TOO_MANY_CONNECTIONS}
)  # fmt: skip
# A new token can help with these, so the client is asked for one.
_SIGN_IN_AGAIN = frozenset(
    {Reason.TOKEN_MISSING, Reason.TOKEN_MALFORMED, Reason.TOKEN_UNKNOWN, Reason.TOKEN_EXPIRED, Reason.TOKEN_REVOKED,
     Reason.GRANT_EXPIRED}
)  # fmt: skip
# Out of scope and unknown are one answer: a caller must not learn which repositories exist.
_HIDDEN = {Reason.TARGET_UNKNOWN: Reason.OUT_OF_SCOPE}
INSUFFICIENT_SCOPE = frozenset({Reason.OUT_OF_SCOPE, Reason.OPERATION_NOT_GRANTED})

_STATUS = {
    Reason.RATE_LIMITED: 429,
    Reason.TOO_MANY_STREAMS: 429,
    Reason.REQUEST_TOO_SLOW: 408,
    Reason.REQUEST_TOO_LARGE: 413,
    Reason.MALFORMED_REQUEST: 400,
    Reason.TLS_ON_PLAIN_PORT: 400,
    Reason.INTERNAL_ERROR: 500,
}
COME_BACK = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response. Content-Length and Connection are added when it is written."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def with_headers(self, *headers: tuple[bytes, bytes]) -> Answer:
        """The same answer with more fields."""
        return Answer(self.status, self.headers + headers, self.body)


def status_for(reason: Reason) -> int:
    """The HTTP status of a gate's or an exchange's refusal."""
    if reason in _SIGN_IN_AGAIN:
        return 401
    if reason in _UNAVAILABLE:
        return 503
    return _STATUS.get(reason, 403)


def shown(reason: Reason) -> Reason:
    """The reason as the client may see it."""
    return _HIDDEN.get(reason, reason)


def json_answer(body: object, *headers: tuple[bytes, bytes]) -> Answer:
    """200 with a JSON body that no cache keeps."""
    return Answer(200, (JSON, (b"cache-control", b"no-store"), *headers), dump_json(body))


def dump_json(body: object) -> bytes:
    """Compact JSON and a line's end."""
    return json.dumps(body, separators=(",", ":")).encode("utf-8") + b"\n"
