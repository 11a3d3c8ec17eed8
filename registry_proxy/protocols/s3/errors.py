"""Refusals as S3 says them: XML with a code that tools branch on and a message that `aws` and boto3 print."""

from __future__ import annotations

import re
from dataclasses import replace

from jit_access.domain.plain_xml import Node, render
from jit_access.domain.reasons import Reason, explain
from registry_proxy.protocols.answers import COME_BACK, INSUFFICIENT_SCOPE, Answer, shown, status_for
from registry_proxy.protocols.ask_again import sentence_for
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.http1 import Headers
from registry_proxy.protocols.wanted import Wanted

XML: Headers = ((b"content-type", b"application/xml"),)
# Amazon S3 API reference, "List of error codes". What is not here is AccessDenied, or by its status.
_CODES = {
    Reason.TOKEN_MALFORMED: "InvalidToken", Reason.TOKEN_UNKNOWN: "InvalidToken", Reason.TOKEN_REVOKED: "InvalidToken",
    Reason.TOKEN_EXPIRED: "ExpiredToken", Reason.GRANT_EXPIRED: "ExpiredToken",
    Reason.SIGNATURE_INVALID: "SignatureDoesNotMatch", Reason.DIGEST_MISMATCH: "BadDigest",
    Reason.MALFORMED_REQUEST: "InvalidRequest", Reason.INVALID_INPUT: "InvalidArgument",
    Reason.REQUEST_TOO_LARGE: "EntityTooLarge", Reason.REQUEST_TOO_SLOW: "RequestTimeout",
    Reason.RATE_LIMITED: "SlowDown", Reason.TOO_MANY_STREAMS: "SlowDown", Reason.UPLOAD_UNKNOWN: "NoSuchUpload",
}  # fmt: skip
_BY_STATUS = {403: "AccessDenied", 404: "NoSuchKey", 405: "MethodNotAllowed", 500: "InternalError",
              502: "InternalError", 503: "ServiceUnavailable", 504: "InternalError"}  # fmt: skip
# `aws` and boto3 try 429 as often as 503, but know only SlowDown by its name; 401 and 413 they do not expect of S3.
_STATUS = {401: 403, 429: 503, 413: 400}
_STATUS_BY_REASON = {Reason.DIGEST_MISMATCH: 400, Reason.UPLOAD_UNKNOWN: 404}
_SENTENCES = {
    Reason.OUT_OF_SCOPE: "Your grant does not cover this bucket or prefix.",
    Reason.TOKEN_MISSING: "No session token was sent. Set all three values of your access: key id, secret and token.",
}
# What a store may say of an object, a body or a condition. Other codes speak of our credential and of its owner.
PASSED = frozenset({
    "NoSuchKey", "NoSuchBucket", "NoSuchUpload", "NoSuchVersion", "InvalidPart", "InvalidPartOrder", "EntityTooSmall",
    "EntityTooLarge", "PreconditionFailed", "InvalidRange", "BadDigest", "InvalidDigest", "IncompleteBody", "SlowDown",
    "InternalError", "ServiceUnavailable", "InvalidObjectState", "ConditionalRequestConflict", "OperationAborted",
    "KeyTooLongError", "MethodNotAllowed", "MalformedXML", "MetadataTooLarge", "InvalidPartNumber", "InvalidArgument",
    "InvalidRequest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "MissingContentLength",
})  # fmt: skip
MAX_NAMED = 20
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_PASSED_SENTENCES = {
    "NoSuchKey": "The store has no such key.", "NoSuchBucket": "The store has no such bucket.",
    "NoSuchUpload": "The store knows no such upload. Begin it again.",
    "PreconditionFailed": "At least one of the conditions of the request does not hold.",
    "InvalidRange": "The object is not that long.",
}  # fmt: skip


def error_answer(status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
    """One error in S3's form."""
    visible = shown(reason)
    status = _STATUS_BY_REASON.get(visible, _STATUS.get(status, status))
    code = code or _CODES.get(visible) or _BY_STATUS.get(status, "InvalidRequest")
    words = sentence or _SENTENCES.get(visible) or explain(visible)
    answer = _answer(status, code, words, visible.value)
    return answer.with_headers((b"retry-after", b"1")) if status in COME_BACK else answer


def gate_answer(
    reason: Reason, facts: ExchangeFacts, wanted: tuple[Wanted, ...], outside: tuple[str, ...] = ()
) -> Answer:  # fmt: skip
    """The gate's no, with where to ask. `outside` are the keys of a batch for whose sake nothing of it is done."""
    visible = shown(reason)
    own = _SENTENCES.get(visible, explain(visible))
    if outside and visible in INSUFFICIENT_SCOPE:
        own = f"{own} {_named(outside)}"
    sentence = sentence_for(reason, facts, _linked(reason, wanted))
    return error_answer(status_for(reason), reason, sentence.replace(explain(visible), own))


def _linked(reason: Reason, wanted: tuple[Wanted, ...]) -> tuple[Wanted, ...]:
    """What nothing covers is asked for by its folder: the page finds the longest thing there that holds it."""
    if reason is not Reason.OUT_OF_SCOPE or not wanted:
        return wanted
    bucket, folder = wanted[0].repository.partition("/")[0], wanted[0].reference.rpartition("/")[0]
    return (replace(wanted[0], repository=f"{bucket}/{folder}".rstrip("/")), *wanted[1:])


def _named(outside: tuple[str, ...]) -> str:
    """Whole keys, as many as anybody reads."""
    more = f", and {len(outside) - MAX_NAMED} more" if len(outside) > MAX_NAMED else ""
    return f"Nothing was deleted. Not covered: {', '.join(outside[:MAX_NAMED])}{more}."


def store_answer(status: int, body: bytes) -> Answer | None:
    """What the store refused, in our words: its own may show our request to it. None where it refuses us."""
    found = _CODE.search(body)
    code = found[1].decode("ascii") if found else ""
    if code not in PASSED:
        if status in (400, 401, 403):
            return None
        code = _BY_STATUS.get(status, "InvalidRequest" if status < 500 else "InternalError")
    return _answer(status, code, _PASSED_SENTENCES.get(code, f"The store answered {code}."), "upstream")


def _answer(status: int, code: str, sentence: str, reason: str) -> Answer:
    nodes = (Node("Code", code), Node("Message", sentence), Node("Reason", reason))
    return Answer(status, XML, render(Node("Error", children=nodes)))
