"""What the registry's answer means for this request: pass it on, look into it first, or refuse it.

Location and Link are rewritten by the shell, which knows the registry's origin; everything else is judged here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from jit_access.domain.reasons import Reason, explain
from jit_access.domain.scopes import DIGEST, ResourceScope
from registry_proxy.exchange.events import UpstreamAnswered
from registry_proxy.protocols.answers import Answer, error_answer
from registry_proxy.protocols.headers import forwarded_response
from registry_proxy.protocols.http1 import Headers, RequestHead
from registry_proxy.protocols.manifests import children_of, digest_of, tag_names
from registry_proxy.protocols.wanted import Classified, RefKind, needs_digest_check

_JUDGED_WHOLE = frozenset({"manifest", "tags", "referrers"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to do with an answer. `answer` is set when a refusal is not the gate's usual one."""

    headers: Headers = ()
    buffers: bool = False
    verify: str = ""  # digest that the relayed body must have
    digest_seen: str = ""
    refusal: Reason | None = None
    answer: Answer | None = None
    body: bytes = b""
    reachable: tuple[str, ...] = ()


def judge_head(
    event: UpstreamAnswered,
    request: RequestHead,
    classified: Classified,
    resource: ResourceScope | None,
    *,
    verifies: bool,
) -> Judgement:
    """Judge by the head alone. `resource` is given when the scope covers only some references."""
    head = event.head
    headers = forwarded_response(head) + event.rewritten
    digest = (head.get(b"docker-content-digest") or b"").decode("ascii")
    is_read = request.method in ("GET", "HEAD") and classified.route in ("manifest", "blob")
    if resource is not None and head.status == 200:
        if request.method == "HEAD" and _is_foreign_tag(resource, classified, digest):
            return Judgement(digest_seen=digest, refusal=Reason.REFERENCE_NOT_GRANTED)
        if request.method == "GET" and classified.route in _JUDGED_WHOLE:
            return Judgement(headers, buffers=True, digest_seen=digest)
    verify = ""
    if verifies and is_read and request.method == "GET" and head.status == 200:
        verify = classified.digest or (digest if DIGEST.fullmatch(digest) else "")
    return Judgement(headers, verify=verify, digest_seen=digest)


def judge_body(body: bytes, classified: Classified, resource: ResourceScope, knows: Callable[[str], bool]) -> Judgement:
    """Judge a whole body under a restricted scope."""
    if classified.route == "tags":
        return Judgement(body=_filtered_tags(body, resource))
    if classified.route == "referrers":
        return Judgement(body=_filtered_referrers(body, resource, knows))
    digest = digest_of(body, classified.digest or "sha256:")
    if classified.digest and digest != classified.digest:
        sentence = f"{explain(Reason.DIGEST_MISMATCH)} Target: {classified.target}."
        answer = error_answer(502, Reason.DIGEST_MISMATCH, sentence)
        return Judgement(digest_seen=digest, refusal=Reason.DIGEST_MISMATCH, answer=answer)
    if _is_foreign_tag(resource, classified, digest):
        return Judgement(digest_seen=digest, refusal=Reason.REFERENCE_NOT_GRANTED)
    manifests, blobs = children_of(body)
    return Judgement(body=body, digest_seen=digest, reachable=(digest, *manifests, *blobs))


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
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
