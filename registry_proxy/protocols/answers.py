"""Answers that we give ourselves, in the error form of the OCI distribution spec.

`skopeo`, `oras` and `docker` print `message`; it says what happened and what to do. `detail.reason` is our code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from jit_access.domain.reasons import Reason, explain
from registry_proxy.protocols.http1 import Headers

_JSON = (b"content-type", b"application/json")

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
_COME_BACK = frozenset({429, 503})
# OCI distribution spec, "Error Codes".
_CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 405: "UNSUPPORTED", 416: "BLOB_UPLOAD_INVALID",
          413: "SIZE_INVALID", 429: "TOOMANYREQUESTS", 502: "UNAVAILABLE", 503: "UNAVAILABLE",
          504: "UNAVAILABLE"}  # fmt: skip
_CODES_BY_REASON = {
    Reason.NAME_INVALID: "NAME_INVALID",
    Reason.DIGEST_INVALID: "DIGEST_INVALID",
    Reason.INTERNAL_ERROR: "UNAVAILABLE",
}


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


def error_answer(status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
    """One error in OCI form."""
    visible = shown(reason)
    code = code or _CODES_BY_REASON.get(visible) or _CODES.get(status, "UNSUPPORTED")
    error = {"code": code, "message": sentence or explain(visible), "detail": {"reason": visible.value}}
    extra = ((b"retry-after", b"1"),) if status in _COME_BACK else ()
    return Answer(status, (_JSON, *extra), _dump({"errors": [error]}))


def unknown_answer(route: str, digest: str) -> Answer:
    """A digest that is not there, or that this grant does not reach: one body for both."""
    code, message = ("BLOB_UNKNOWN", "blob unknown to registry")
    if route != "blob":
        code, message = ("MANIFEST_UNKNOWN", "manifest unknown")
    return Answer(404, (_JSON,), _dump({"errors": [{"code": code, "message": message, "detail": digest}]}))


def json_answer(body: object, *headers: tuple[bytes, bytes]) -> Answer:
    """200 with a JSON body that no cache keeps."""
    return Answer(200, (_JSON, (b"cache-control", b"no-store"), *headers), _dump(body))


def _dump(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("utf-8") + b"\n"
