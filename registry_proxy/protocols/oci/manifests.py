"""What a manifest holds: the digests that hang on it. Nothing is trusted but the bytes that were hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from jit_access.domain.scopes import DIGEST, TAG

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
MAX_CHILDREN = 4096
INDEX_TYPES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
ACCEPT_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        *INDEX_TYPES,
        "application/vnd.oci.artifact.manifest.v1+json",
    )
).encode("ascii")


def digest_of(body: bytes, like: str = "sha256:") -> str:
    """The digest of a body, by the algorithm of `like`."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def children_of(body: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Digests of child manifests, and of blobs, of one manifest or index. Unreadable: none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return (), ()
    if not isinstance(document, dict):
        return (), ()
    manifests = [*_descriptors(document.get("manifests")), *_descriptors([document.get("subject")])]
    blobs = [
        *_descriptors([document.get("config")]),
        *_descriptors(document.get("layers")),
        *_descriptors(document.get("blobs")),
    ]
    return tuple(manifests[:MAX_CHILDREN]), tuple(blobs[:MAX_CHILDREN])


def _descriptors(raw: object) -> Iterator[str]:
    if not isinstance(raw, list):
        return
    for item in raw:
        digest = item.get("digest") if isinstance(item, dict) else None
        if isinstance(digest, str) and DIGEST.fullmatch(digest):
            yield digest


def tag_names(body: bytes) -> tuple[str, ...]:
    """The tags of a tag list. Unreadable: none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    tags = document.get("tags") if isinstance(document, dict) else None
    if not isinstance(tags, list):
        return ()
    return tuple(tag for tag in tags if isinstance(tag, str) and TAG.fullmatch(tag))
