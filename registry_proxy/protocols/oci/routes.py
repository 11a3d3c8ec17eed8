"""OCI Distribution v2 as an allow-list: method, route and query to the operations that it takes.

Source: distribution-spec 1.1 "Endpoints"; distribution 2.8 registry/handlers. Whatever is not listed is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import DIGEST
from registry_proxy.protocols.oci.manifests import MAX_MANIFEST_BYTES
from registry_proxy.protocols.oci.names import Place, check_digest, is_tag, parse_place, split_name
from registry_proxy.protocols.query import QueryError, parse_pairs, render_pairs
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import Classified, RefKind, Wanted

Pairs = tuple[tuple[str, str], ...]

_METHODS = {
    "ping": {"GET", "HEAD"},
    "token": {"GET", "POST"},
    "catalog": {"GET"},
    "manifest": {"GET", "HEAD", "PUT", "DELETE"},
    "blob": {"GET", "HEAD", "DELETE"},
    "uploads": {"POST"},
    "upload": {"GET", "PATCH", "PUT", "DELETE"},
    "tags": {"GET"},
    "referrers": {"GET"},
}
_ANY_KEY = frozenset({"*"})
# `ns` names the source host in mirror mode; it never steers us, and it is not passed on.
_QUERY_KEYS: dict[tuple[str, str], frozenset[str]] = {
    ("token", "GET"): frozenset({"service", "scope", "account", "client_id", "offline_token", "access_type"}),
    ("catalog", "GET"): frozenset({"n", "last"}),
    ("manifest", "GET"): frozenset({"ns"}),
    ("manifest", "HEAD"): frozenset({"ns"}),
    ("manifest", "PUT"): frozenset({"tag"}),
    ("blob", "GET"): frozenset({"ns"}),
    ("blob", "HEAD"): frozenset({"ns"}),
    ("uploads", "POST"): frozenset({"digest", "digest-algorithm", "mount", "from"}),
    ("upload", "GET"): _ANY_KEY,
    ("upload", "PATCH"): _ANY_KEY,
    ("upload", "PUT"): _ANY_KEY,
    ("upload", "DELETE"): _ANY_KEY,
    ("tags", "GET"): frozenset({"n", "last", "ns"}),
    ("referrers", "GET"): frozenset({"artifactType", "ns"}),
}
_OPERATIONS = {"GET": Operation.PULL, "HEAD": Operation.PULL, "PUT": Operation.PUSH, "DELETE": Operation.DELETE}
_NUMBER = re.compile(r"[0-9]{1,6}")
_NOT_FORWARDED = frozenset({"ns"})


@lru_cache(maxsize=512)
def classify(method: str, target: bytes, content_type: bytes) -> Classified:
    """What this request is, or Unclassified. `target` passed the edge, so it is ASCII in origin form.

    Nothing but these three words counts, so what they mean is remembered for those who ask for the same.
    """
    path, _, raw_query = target.decode("ascii").partition("?")
    place = parse_place(path)
    if method not in _METHODS[place.route]:
        raise Unclassified(405, Reason.METHOD_NOT_ALLOWED)
    if b"form" in content_type.lower() and place.route != "token":
        raise Unclassified(400, Reason.FORM_BODY_REFUSED)
    query = _read_query(place, method, raw_query.encode("ascii"))
    return _BUILDERS[place.route](place, method, query, raw_query)


def _read_query(place: Place, method: str, raw: bytes) -> Pairs:
    repeatable = {"tag"} if place.route == "manifest" else {"scope"} if place.route == "token" else set()
    try:
        query = parse_pairs(raw, repeatable=repeatable)
    except QueryError as exc:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, f"The query cannot be used: {exc}.") from exc
    allowed = _QUERY_KEYS.get((place.route, method), frozenset())
    names = {key for key, _ in query}
    if allowed is not _ANY_KEY and not names <= allowed:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The query holds a key that this address does not take.")
    for key, value in query:
        if key == "n" and not _NUMBER.fullmatch(value):
            raise Unclassified(400, Reason.INVALID_INPUT, "n is not a number.", code="PAGINATION_NUMBER_INVALID")
        if key in ("digest", "mount"):
            check_digest(value)
    return query


def _forward(place: Place, query: Pairs) -> bytes:
    path = f"/v2/{place.repository}/{place.tail}".encode("ascii")
    kept = [pair for pair in query if pair[0] not in _NOT_FORWARDED]
    return path + b"?" + render_pairs(kept) if kept else path


def _local(place: Place, _method: str, query: Pairs, _raw: str) -> Classified:
    return Classified((), place.route, query=query)


def _manifest(place: Place, method: str, query: Pairs, _raw: str) -> Classified:
    is_digest = bool(DIGEST.fullmatch(place.reference))
    kind = RefKind.DIGEST if is_digest else RefKind.TAG
    wanted = [Wanted(place.target, place.repository, _OPERATIONS[method], place.reference, kind)]
    for _, tag in (pair for pair in query if pair[0] == "tag"):
        if not is_digest or not is_tag(tag):
            raise Unclassified(400, Reason.MALFORMED_REQUEST, "tag= goes with a manifest pushed by digest.")
        wanted.append(Wanted(place.target, place.repository, Operation.PUSH, tag, RefKind.TAG))
    return Classified(
        tuple(wanted), "manifest", _forward(place, query), place.target, place.repository,
        digest=place.reference if is_digest else "", body_limit=MAX_MANIFEST_BYTES,
    )  # fmt: skip


def _blob(place: Place, method: str, query: Pairs, _raw: str) -> Classified:
    wanted = Wanted(place.target, place.repository, _OPERATIONS[method], place.reference, RefKind.BLOB)
    return Classified(
        (wanted,), "blob", _forward(place, query), place.target, place.repository, digest=place.reference,
        is_immutable=method == "GET",
    )  # fmt: skip


def _read_list(place: Place, _method: str, query: Pairs, _raw: str) -> Classified:
    kind = RefKind.DIGEST if place.route == "referrers" else RefKind.NONE
    wanted = Wanted(place.target, place.repository, Operation.PULL, place.reference, kind)
    return Classified((wanted,), place.route, _forward(place, query), place.target, place.repository)


def _start_upload(place: Place, _method: str, query: Pairs, _raw: str) -> Classified:
    """A mount reads its source. One that names no source of ours becomes the ordinary upload it falls back to."""
    fields = dict(query)
    mount, source = fields.pop("mount", ""), fields.pop("from", "")
    push = Wanted(place.target, place.repository, Operation.PUSH)
    plain = Classified(
        (push,), "upload", _forward(place, tuple(fields.items())), place.target, place.repository
    )  # fmt: skip
    source_repository = _mount_source(place, source)
    if not mount or not source_repository:
        return plain
    fields |= {"mount": mount, "from": source_repository}
    pull = Wanted(place.target, source_repository, Operation.PULL, mount, RefKind.BLOB)
    return Classified(
        (push, pull), "upload", _forward(place, tuple(fields.items())), place.target, place.repository,
        mount_source=source_repository, fallback=plain,
    )  # fmt: skip


def _mount_source(place: Place, source: str) -> str:
    """The source's repository at the same target, or "" when the registry must not be asked to mount."""
    try:
        slug, repository = split_name(source)
    except Unclassified:
        return ""
    return repository if slug == place.target else ""


def _continue_upload(place: Place, method: str, query: Pairs, raw: str) -> Classified:
    """The session's own query is opaque (`_state`) and goes back to the registry as it came."""
    names = {key for key, _ in query}
    if names & {"mount", "from"} or ("digest" in names and method != "PUT"):
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The query holds a key that this address does not take.")
    path = _forward(place, ())
    return Classified(
        (Wanted(place.target, place.repository, Operation.PUSH, dict(query).get("digest", "")),),
        "upload", path + b"?" + raw.encode("ascii") if raw else path, place.target, place.repository,
    )  # fmt: skip


_BUILDERS: dict[str, Callable[[Place, str, Pairs, str], Classified]] = {
    "ping": _local,
    "token": _local,
    "catalog": _local,
    "manifest": _manifest,
    "blob": _blob,
    "uploads": _start_upload,
    "upload": _continue_upload,
    "tags": _read_list,
    "referrers": _read_list,
}
