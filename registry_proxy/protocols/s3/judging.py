"""What the store's answer means: objects are relayed, everything written in XML is read and written anew."""

from __future__ import annotations

from collections.abc import Callable

from jit_access.domain.plain_xml import BadXML
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Judgement
from registry_proxy.protocols.http1 import CHUNKED, Headers, ResponseHead
from registry_proxy.protocols.s3 import listings
from registry_proxy.protocols.s3.calls import S3Request
from registry_proxy.protocols.s3.errors import XML, error_answer, store_answer
from registry_proxy.protocols.s3.fields import answered
from registry_proxy.protocols.s3.uploads import UploadSeal

MAX_ERROR_BYTES = 64 * 1024
_OBJECTS = frozenset({"get-object", "head-object"})
_RELAYED = frozenset({200, 206, 304})
_DONE = frozenset({200, 204})
_WITHOUT_BODY = frozenset({"put-object", "upload-part", "delete-object", "abort-upload"})


def judge_head(asked: Asked, head: ResponseHead, route: str) -> Judgement:
    """By status and route."""
    if head.status in (_RELAYED if route in _OBJECTS else _DONE if route in _WITHOUT_BODY else ()):
        is_plain = route in _OBJECTS or head.length == 0
        return Judgement(answered(head)) if is_plain else Judgement(answer=Answer(head.status, answered(head)))
    if 200 < head.status < 400:
        is_elsewhere = head.status >= 300
        return _broken(Reason.UPSTREAM_REDIRECT_REFUSED if is_elsewhere else Reason.UPSTREAM_BROKEN)
    is_error = head.status >= 400
    if is_error and (asked.head.method == "HEAD" or head.length == 0):
        return _refused(head.status, b"")
    limit = MAX_ERROR_BYTES if is_error else listings.MAX_ANSWER_BYTES
    if head.length != CHUNKED and head.length > limit:
        return _broken(Reason.UPSTREAM_BROKEN)
    return Judgement(answered(head), buffer_limit=limit)


def judge_body(asked: Asked, judged: Judgement, status: int, body: bytes, seal: UploadSeal) -> Judgement:
    """Raises nothing: what cannot be read is refused."""
    if status >= 400:
        return _refused(status, body)
    try:
        cleaned = _CLEANERS[_request(asked).route](asked, body, seal)
    except listings.StoreError:
        return _refused(500, body)
    except (BadXML, KeyError):
        return _broken(Reason.UPSTREAM_BROKEN)
    kept: Headers = tuple(pair for pair in judged.headers if pair[0] not in (b"content-type", b"etag"))
    return Judgement(answer=Answer(200, (*XML, *kept), cleaned))


def _request(asked: Asked) -> S3Request:
    classified = asked.classified
    if not isinstance(classified, S3Request):
        raise BadXML
    return classified


def _clean_list(asked: Asked, body: bytes, _seal: UploadSeal) -> bytes:
    return listings.clean_list(body, asked.admitted().view.scope, _request(asked).call.place.bucket)


def _clean_completed(asked: Asked, body: bytes, _seal: UploadSeal) -> bytes:
    location = (asked.facts.origin + _request(asked).call.place.path.encode("ascii")).decode("ascii")
    return listings.clean_completed(body, location)


_CLEANERS: dict[str, Callable[[Asked, bytes, UploadSeal], bytes]] = {
    "list-objects": _clean_list,
    "list-objects-v2": _clean_list,
    "create-upload": lambda _, body, seal: listings.clean_created(body, seal),
    "list-parts": lambda _, body, seal: listings.clean_parts(body, seal),
    "complete-upload": _clean_completed,
    "copy-object": lambda _, body, __: listings.clean_copied(body, "CopyObjectResult"),
    "upload-part-copy": lambda _, body, __: listings.clean_copied(body, "CopyPartResult"),
    "delete-objects": lambda _, body, __: listings.clean_deleted(body),
}


def _refused(status: int, body: bytes) -> Judgement:
    """A missing key is the caller's answer; a store that refuses our credential is not the caller's business."""
    if not body and status in (404, 412, 416, 405):
        return Judgement(answer=Answer(status, XML))
    answer = store_answer(status, body)
    return Judgement(answer=answer) if answer is not None else _broken(Reason.UPSTREAM_REFUSED_CREDENTIAL)


def _broken(reason: Reason) -> Judgement:
    return Judgement(refusal=reason, answer=error_answer(502, reason))
