"""Paths of OCI Distribution v2: which route, which target, which repository, which reference.

Source: distribution-spec 1.1 "Endpoints". The last segments decide the route, as the longest repository name wins
upstream too; route words inside a repository name are refused, so that no reader can split it elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import DIGEST, MAX_NAME_CHARS, NAME, TAG
from registry_proxy.protocols.refusals import Unclassified

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_UPLOAD_ID = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=~-]{0,255}")
_ROUTE_WORDS = frozenset({"manifests", "blobs", "uploads", "tags", "referrers", "_catalog"})
MAX_SLUG_CHARS = 64


@dataclass(frozen=True, slots=True)
class Place:
    """A path taken apart. `tail` is what follows the repository, as it is forwarded."""

    route: str
    target: str = ""
    repository: str = ""
    tail: str = ""
    reference: str = ""


def split_name(name: str) -> tuple[str, str]:
    """`<target>/<repository>` into both. Raises Unclassified."""
    slug, _, repository = name.partition("/")
    if len(slug) > MAX_SLUG_CHARS or not _SLUG.fullmatch(slug):
        raise Unclassified(400, Reason.NAME_INVALID)
    if len(repository) > MAX_NAME_CHARS or not NAME.fullmatch(repository):
        raise Unclassified(400, Reason.NAME_INVALID, "Write names as <target>/<repository>, in lower case.")
    if _ROUTE_WORDS & set(repository.split("/")):
        raise Unclassified(400, Reason.NAME_INVALID)
    return slug, repository


def is_tag(text: str) -> bool:
    """True for a tag by the spec's grammar."""
    return bool(TAG.fullmatch(text))


def check_digest(text: str) -> str:
    """The digest, or Unclassified."""
    if not DIGEST.fullmatch(text):
        raise Unclassified(400, Reason.DIGEST_INVALID)
    return text


def parse_place(path: str) -> Place:
    """The one route this path can mean. Raises Unclassified (404 for every path that is not in the table)."""
    if path in ("/v2", "/v2/"):
        return Place("ping")
    if path == "/token":
        return Place("token")
    if path == "/v2/_catalog":
        return Place("catalog")
    segments = path.split("/")
    if len(segments) < 6 or segments[:2] != ["", "v2"]:
        raise Unclassified(404, Reason.ROUTE_UNKNOWN)
    return _parse_named(segments[2:])


def _parse_named(segments: list[str]) -> Place:
    if segments[-3:-1] == ["blobs", "uploads"]:
        return _upload(segments)
    word, reference = segments[-2:]
    slug, repository = split_name("/".join(segments[:-2]))
    place = Place({"manifests": "manifest", "blobs": "blob"}.get(word, word), slug, repository,
                  f"{word}/{reference}", reference)  # fmt: skip
    match word:
        case "manifests" if not is_tag(reference):
            check_digest(reference)
        case "blobs" | "referrers":
            check_digest(reference)
        case "tags" if reference == "list":
            return Place("tags", slug, repository, "tags/list")
        case "manifests":
            pass
        case _:
            raise Unclassified(404, Reason.ROUTE_UNKNOWN)
    return place


def _upload(segments: list[str]) -> Place:
    slug, repository = split_name("/".join(segments[:-3]))
    session = segments[-1]
    if session == "":
        return Place("uploads", slug, repository, "blobs/uploads/")
    if not _UPLOAD_ID.fullmatch(session):
        raise Unclassified(404, Reason.ROUTE_UNKNOWN)
    return Place("upload", slug, repository, f"blobs/uploads/{session}", session)
