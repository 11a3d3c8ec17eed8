"""The questions a request puts to the gate, and the two answers it can get.

The answers live down here, not in `gate`, because `exchange` stands below the gate and has to read them.
Who checks what about references (tags and digests):

- the gate asks `reference_refusal` for every question, next to repository and operation;
- what only the registry's bytes can tell (is this digest reachable from the granted tags, does this tag point to a
  granted digest) is left to the exchange; `needs_reach` and `needs_digest_check` say when.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from jit_access.domain.session_view import LeaseFacts, SessionView
from registry_proxy.protocols.values import value


class RefKind(StrEnum):
    """What a reference is. BLOB is a digest that names bytes, DIGEST one that names a manifest.

    TAG is any name that may move on, a branch too. Whether a COMMIT belongs to a granted one only the hub can tell.
    """

    NONE = "none"
    TAG = "tag"
    DIGEST = "digest"
    BLOB = "blob"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One question to the gate: may this token do this operation there?"""

    target: str
    repository: str
    operation: Operation
    reference: str = ""  # tag, digest or ""
    reference_kind: RefKind = RefKind.NONE
    # What is read or written, decoded: every request for the bytes of one file names it here, and kinds of files are
    # refused by it. "": all of them, and the dialect keeps those back that are not granted. None: names no file.
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What a route may change into (lower case), and the fields of the handshake that pass in either direction."""

    protocols: frozenset[bytes]
    request_fields: frozenset[bytes] = frozenset()
    response_fields: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Classified:
    """What a request is. `upstream_target` is forwarded as it stands; it is empty when we answer ourselves."""

    wanted: tuple[Wanted, ...]  # all must be allowed; empty: any valid token will do (ping, catalogue, token)
    route: str  # "manifest", "blob", "upload", "tags", "referrers", "catalog", "ping", "token"
    upstream_target: bytes = b""
    target: str = ""  # slug
    repository: str = ""  # as the registry knows it
    query: tuple[tuple[str, str], ...] = ()  # decoded, of the routes that we answer ourselves
    body_limit: int | None = None  # bytes that the request's body may have; None: as the process allows
    digest: str = ""  # what the body of the answer must hash to, where the request names it
    is_immutable: bool = False  # a read whose answer can only ever be the bytes of that digest
    mount_source: str = ""  # repository a blob is to be mounted from
    fallback: Classified | None = None  # what to do instead when only the mount's source is refused
    file: str = ""  # inside the repository, decoded, for the record
    upgrade: Upgrade | None = None  # no change of protocol unless a route says so


@value
class Admission:
    """The gate's yes: the facts to act, to record and to ask again by."""

    view: SessionView
    lease: LeaseFacts
    token_hash: str
    rule: str
    strict: bool  # cut when the control plane is lost
    verify_digests: bool


@value
class Refusal:
    """The gate's no. View and lease are known when the token was: they go to the audit record, not to the client."""

    reason: Reason
    view: SessionView | None = None
    lease: LeaseFacts | None = None
    refused: Wanted | None = None  # the question that was answered with no, where it was one of them


def reference_refusal(resource: ResourceScope, wanted: Wanted) -> Reason | None:
    """None when the reference may be tried under this scope, judged by name alone.

    A pushed digest is content-addressed: without a tag it changes nothing that others read, so PUSH covers it.
    """
    if resource.files and (wanted.file is None or (wanted.file and not resource.covers_file(wanted.file))):
        return Reason.FILE_NOT_GRANTED
    if not resource.is_restricted or wanted.reference_kind is RefKind.NONE:
        return None
    if wanted.reference_kind is RefKind.TAG:
        is_open = resource.covers_tag(wanted.reference) or needs_digest_check(resource, wanted)
    elif wanted.operation is Operation.DELETE:
        is_open = resource.covers_digest(wanted.reference)
    else:
        is_open = True
    return None if is_open else Reason.REFERENCE_NOT_GRANTED


def needs_reach(resource: ResourceScope, wanted: Wanted) -> bool:
    """True when a pull by digest is open only if that digest hangs on something the scope names."""
    is_digest = wanted.reference_kind in (RefKind.DIGEST, RefKind.BLOB)
    return is_digest and wanted.operation is Operation.PULL and not resource.covers_digest(wanted.reference)


def needs_digest_check(resource: ResourceScope, wanted: Wanted) -> bool:
    """True when a pull by tag is open only if the tag points to a digest that the scope names."""
    is_pull_by_tag = wanted.reference_kind is RefKind.TAG and wanted.operation is Operation.PULL
    return is_pull_by_tag and bool(resource.digests) and not resource.covers_tag(wanted.reference)
