"""What the hub's answer means for this request: pass it on, look into it first, or say it in our own words."""

from __future__ import annotations

import re

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import JSON, Answer, json_answer
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Judgement
from registry_proxy.protocols.headers import forwarded_response
from registry_proxy.protocols.hf.administering import MADE, there_answer
from registry_proxy.protocols.hf.errors import error_answer, upstream_answer
from registry_proxy.protocols.hf.listings import MAX_LISTING_BYTES, Unusable, clean, next_page
from registry_proxy.protocols.hf.seals import Sealer
from registry_proxy.protocols.hf.uploads import ANSWERED, answer_for, page_of, taken
from registry_proxy.protocols.http1 import Headers, ResponseHead
from registry_proxy.protocols.origins import Origin

# What a client needs to know of a file. X-Xet-* and Link are not among them: bytes stay on the gateway.
FILE_FIELDS = frozenset({b"x-repo-commit", b"x-linked-size", b"x-linked-etag", b"content-disposition"})
MAX_MADE_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FILE = frozenset({200, 206, 304, 416})
_SHA256 = re.compile(rb'"?([0-9a-f]{64})"?')
_SIZE = re.compile(rb"[0-9]{1,18}")


def judge_head(asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:
    """By the head alone."""
    if head.status >= 400 and head.status != 416:
        return Judgement(answer=upstream_answer(head))
    if asked.classified.route == "resolve":
        return _file(asked, head)
    if asked.classified.route == "lfs-place":
        etag = [pair for pair in head.headers if pair[0] == b"etag"]  # a list of parts names them by it
        return Judgement(answer=Answer(200, tuple(etag))) if taken(head.status) else _broken()
    if head.status != 200 or upstream is None:
        return _broken()
    try:
        links = [next_page(value, asked, upstream) for name, value in head.headers if name == b"link"]
    except Unusable:
        return _broken()
    return Judgement(tuple((b"link", link) for link in links), MAX_LISTING_BYTES)


def judge_body(asked: Asked, judgement: Judgement, body: bytes, sealer: Sealer) -> Judgement:
    """A listing: without hints, and under a restricted grant without other revisions. Or the answer to a write."""
    try:
        if asked.classified.route in ANSWERED:
            return Judgement(answer=answer_for(asked, body, sealer))
        cleaned = clean(body, asked)
    except Unusable:
        return _broken()
    return Judgement(answer=Answer(200, (JSON, (b"cache-control", b"no-store"), *judgement.headers), cleaned))


def judge_administered(asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:
    """Of a repository's own life, the answer says no more than whether it worked."""
    is_made = asked.classified.route in MADE
    if head.status == 409 and is_made:
        return Judgement(answer=there_answer(page_of(asked)))
    if head.status >= 400:
        return Judgement(answer=upstream_answer(head))
    if not taken(head.status) or upstream is None:
        return _broken()
    return Judgement((), MAX_MADE_BYTES) if is_made else Judgement(answer=json_answer({}))


def _file(asked: Asked, head: ResponseHead) -> Judgement:
    pinned, commit = asked.notes.get("commit", ""), head.get(b"x-repo-commit")
    if pinned and commit != pinned.encode("ascii"):  # the hub read the revision otherwise than we did
        return _broken()
    headers = forwarded_response(head, more=FILE_FIELDS)
    if head.status in _REDIRECTS and asked.head.method == "HEAD":
        return Judgement(answer=Answer(200, headers + _as_stored(head)))
    if head.status not in _FILE:
        return _broken()
    linked = _SHA256.fullmatch(head.get(b"x-linked-etag") or b"")
    is_verified = asked.admitted().verify_digests and asked.head.method == "GET" and head.status == 200
    verify = f"sha256:{linked[1].decode('ascii')}" if linked and is_verified else ""
    return Judgement(headers, verify=verify, digest_seen=f"sha256:{linked[1].decode('ascii')}" if linked else "")


def _as_stored(head: ResponseHead) -> Headers:
    """The metadata of a file in a store, as if we held it: the way there is never handed out."""
    size, etag = head.get(b"x-linked-size") or b"", head.get(b"x-linked-etag")
    fields: list[tuple[bytes, bytes]] = []
    if _SIZE.fullmatch(size):
        fields.append((b"content-length", size))
    if etag and head.get(b"etag") is None:
        fields.append((b"etag", etag))
    return tuple(fields)


def _broken() -> Judgement:
    return Judgement(refusal=Reason.UPSTREAM_BROKEN, answer=error_answer(502, Reason.UPSTREAM_BROKEN))
