"""Refusals in the error form of the OCI distribution spec.

`skopeo`, `oras` and `docker` print `message`; it says what happened and what to do. `detail.reason` is our code.
"""

from __future__ import annotations

from jit_access.domain.reasons import Reason, explain
from registry_proxy.protocols.answers import COME_BACK, JSON, Answer, dump_json, shown
from registry_proxy.protocols.oci.versions import API_VERSION

# OCI distribution spec, "Error Codes".
_CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 405: "UNSUPPORTED", 416: "BLOB_UPLOAD_INVALID",
          413: "SIZE_INVALID", 429: "TOOMANYREQUESTS", 502: "UNAVAILABLE", 503: "UNAVAILABLE",
          504: "UNAVAILABLE"}  # fmt: skip
_CODES_BY_REASON = {
    Reason.NAME_INVALID: "NAME_INVALID",
    Reason.DIGEST_INVALID: "DIGEST_INVALID",
    Reason.INTERNAL_ERROR: "UNAVAILABLE",
}


def error_answer(status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
    """One error in OCI form."""
    visible = shown(reason)
    code = code or _CODES_BY_REASON.get(visible) or _CODES.get(status, "UNSUPPORTED")
    error = {"code": code, "message": sentence or explain(visible), "detail": {"reason": visible.value}}
    extra = ((b"retry-after", b"1"),) if status in COME_BACK else ()
    return Answer(status, (JSON, API_VERSION, *extra), dump_json({"errors": [error]}))


def unknown_answer(route: str, digest: str) -> Answer:
    """A digest that is not there, or that this grant does not reach: one body for both."""
    code, message = ("BLOB_UNKNOWN", "blob unknown to registry")
    if route != "blob":
        code, message = ("MANIFEST_UNKNOWN", "manifest unknown")
    error = {"code": code, "message": message, "detail": digest}
    return Answer(404, (JSON, API_VERSION), dump_json({"errors": [error]}))
