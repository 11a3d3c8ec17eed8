"""What the registry's answer means for this request: pass it on, look into it first, or refuse it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from jit_access.domain.reasons import Reason, explain
from jit_access.domain.scopes import DIGEST, ResourceScope
from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Judgement
from registry_proxy.protocols.documents import read_document
from registry_proxy.protocols.headers import forwarded_response
from registry_proxy.protocols.http1 import Headers, ResponseHead
from registry_proxy.protocols.oci.errors import error_answer
from registry_proxy.protocols.oci.manifests import MAX_MANIFEST_BYTES, digest_of, tag_names
from registry_proxy.protocols.oci.rewrites import LeavesGateway, rewrite_link, rewrite_location
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.wanted import Classified, RefKind, needs_digest_check

_JUDGED_WHOLE = frozenset({"manifest", "tags", "referrers"})


def judge_head(asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:
    """Judge by the head alone."""
    classified, method, resource = asked.classified, asked.head.method, asked.restricted()
    try:
        headers = forwarded_response(head) + _rewritten(asked, head, upstream)
    except LeavesGateway:
        return _broken(Reason.UPSTREAM_REDIRECT_REFUSED, classified)
    digest = (head.get(b"docker-content-digest") or b"").decode("ascii")
    if head.status == 416 and classified.route == "blob":
        # docker-registry 2.8 announces the blob's length for the few bytes of this answer.
        return Judgement(digest_seen=digest, answer=Answer(416, headers))
    verify = ""
    is_read = method == "GET" and classified.route in ("manifest", "blob")
    if asked.admitted().verify_digests and is_read and head.status == 200:
        verify = classified.digest or (digest if DIGEST.fullmatch(digest) else "")
    if resource is not None and head.status == 200:
        if method == "HEAD" and _is_foreign_tag(resource, classified, digest):
            return Judgement(digest_seen=digest, refusal=Reason.REFERENCE_NOT_GRANTED)
        if method == "GET" and classified.route in _JUDGED_WHOLE:
            return Judgement(headers, buffer_limit=MAX_MANIFEST_BYTES, verify=verify, digest_seen=digest)
    if verify and classified.route == "manifest":  # small: a wrong one gets an answer, not a torn connection
        return Judgement(headers, buffer_limit=MAX_MANIFEST_BYTES, verify=verify, digest_seen=digest)
    if asked.admitted().verify_digests:  # bytes that are hashed as they pass are asked for as a whole
        headers = tuple(pair for pair in headers if pair[0] != b"accept-ranges")
    return Judgement(headers, verify=verify, digest_seen=digest)


def _rewritten(asked: Asked, head: ResponseHead, upstream: Origin | None) -> Headers:
    """Location and Link under our origin. Raises LeavesGateway when an upload would go past us."""
    if upstream is None:
        return ()
    fields: list[tuple[bytes, bytes]] = []
    location, link, ours = head.get(b"location"), head.get(b"link"), asked.facts.origin
    if location is not None:
        try:
            fields.append((b"location", rewrite_location(location, asked.classified, upstream=upstream, ours=ours)))
        except LeavesGateway:
            if asked.classified.route == "upload":
                raise
    if link is not None:
        rewritten = rewrite_link(link, asked.classified, upstream=upstream, ours=ours)
        fields += [(b"link", rewritten)] if rewritten else []
    return tuple(fields)


def judge_body(asked: Asked, judgement: Judgement, status: int, body: bytes, knows: Callable[[str], bool]) -> Judgement:
    """Judge a whole body under a restricted scope."""
    classified, resource = asked.classified, asked.resource(asked.classified.wanted[0])

    def passed(kept: bytes) -> Judgement:
        return replace(judgement, answer=Answer(status, judgement.headers, kept))

    if classified.route == "tags":
        return passed(_filtered_tags(body, resource))
    if classified.route == "referrers":
        return passed(_filtered_referrers(body, resource, knows))
    expected = classified.digest or judgement.verify
    digest = digest_of(body, expected or "sha256:")
    if expected and digest != expected:
        return replace(_broken(Reason.DIGEST_MISMATCH, classified), digest_seen=digest)
    if _is_foreign_tag(resource, classified, digest):
        return Judgement(digest_seen=digest, refusal=Reason.REFERENCE_NOT_GRANTED)
    return replace(passed(body), digest_seen=digest)


def _broken(reason: Reason, classified: Classified) -> Judgement:
    answer = error_answer(502, reason, f"{explain(reason)} Target: {classified.target}.")
    return Judgement(refusal=reason, answer=answer)


def _is_foreign_tag(resource: ResourceScope, classified: Classified, digest: str) -> bool:
    """True when a tag that is open only by digest points to a digest that is not granted (a tag that moved)."""
    asked = classified.wanted[0]
    return (
        asked.reference_kind is RefKind.TAG
        and needs_digest_check(resource, asked)
        and not resource.covers_digest(digest)
    )


def _filtered_tags(body: bytes, resource: ResourceScope) -> bytes:
    name = _object(body).get("name", "")
    tags = [tag for tag in tag_names(body) if resource.covers_tag(tag)]
    return json.dumps({"name": name, "tags": tags}, separators=(",", ":")).encode() + b"\n"


def _filtered_referrers(body: bytes, resource: ResourceScope, knows: Callable[[str], bool]) -> bytes:
    index = _object(body)
    listed = index.get("manifests")
    kept = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []

    def is_open(digest: object) -> bool:
        return isinstance(digest, str) and (resource.covers_digest(digest) or knows(digest))

    index["manifests"] = [item for item in kept if is_open(item.get("digest"))]
    return json.dumps(index, separators=(",", ":")).encode()


def _object(body: bytes) -> dict[str, object]:
    try:
        document = read_document(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
