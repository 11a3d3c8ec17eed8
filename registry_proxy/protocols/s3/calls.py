"""One S3 request taken apart: what it is, what it names, who signed it, and what it asks of the gate."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import unquote_to_bytes

from jit_access.domain import sigv4
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import Scope
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.claims import QUERY_KEYS, Claim, read_claim
from registry_proxy.protocols.s3.fields import check_fields
from registry_proxy.protocols.s3.names import Place, check_bucket, check_prefix, decode_key
from registry_proxy.protocols.s3.proving import Proof
from registry_proxy.protocols.s3.queries import Pairs, parse_query
from registry_proxy.protocols.s3.routes import UNKNOWN, Route, find_route
from registry_proxy.protocols.s3.scoping import any_question, find, question
from registry_proxy.protocols.wanted import Classified, Wanted

_FORWARDED_AWAY = QUERY_KEYS | {"x-id"}


@dataclass(frozen=True, slots=True)
class Source:
    """Of a copy: an object of the same target, perhaps an old version of it."""

    bucket: str
    key: str
    version: str = ""

    def field(self) -> bytes:
        """x-amz-copy-source in the one spelling in which we forward it."""
        text = f"/{self.bucket}/{sigv4.encode(self.key, safe='/')}"
        return (f"{text}?versionId={sigv4.encode(self.version)}" if self.version else text).encode("ascii")


@dataclass(frozen=True, slots=True)
class Call:
    """What the head says."""

    route: Route
    place: Place
    query: Pairs
    claim: Claim | None
    source: Source | None = None
    refused: Unclassified | None = None  # said once it is known who asks, so that it stands under their name

    def word(self, key: str) -> str:
        """A query value, or nothing."""
        return dict(self.query).get(key, "")

    def target(self, **instead: str) -> bytes:
        """Path and query for the store, path style, in our own spelling."""
        pairs = [(key, instead.get(key, text)) for key, text in self.query if key not in _FORWARDED_AWAY]
        path = f"/{self.place.bucket}" + (f"/{sigv4.encode(self.place.key, safe='/')}" if self.place.key else "")
        query = sigv4.canonical_query(pairs)
        return (f"{path}?{query}" if query else path).encode("ascii")


@dataclass(frozen=True, slots=True)
class S3Request(Classified):
    """`proof` is there once the signature was checked; before, nothing but the token is asked of the gate."""

    call: Call = field(kw_only=True)
    proof: Proof | None = field(default=None, kw_only=True)
    body: bytes = field(default=b"", kw_only=True)  # of a request whose body decides, written anew
    outside: tuple[str, ...] = field(default=(), kw_only=True)  # of its keys, those that the grant does not cover


def read_call(head: RequestHead, place: Place) -> Call:
    """By the head alone. Raises Unclassified for what nobody could have signed."""
    query = parse_query(head.target.partition(b"?")[2].decode("ascii"))
    claim = read_claim(head, query)
    copied = head.get(b"x-amz-copy-source")
    try:
        route = find_route(head.method, place, query, copies=copied is not None)
        check_fields(head, route.name)
        if head.length != 0 and not (route.takes_body or route.reads):
            raise Unclassified(400, Reason.MALFORMED_REQUEST, "This request does not take a body.")
        call = Call(route, place, query, claim, _source(copied) if copied is not None else None)
        if route.name.startswith("list-objects"):
            check_prefix(call.word("prefix"))
    except Unclassified as exc:
        return Call(UNKNOWN, place, query, claim, refused=exc)
    return call


def questions(call: Call, scope: Scope) -> tuple[Wanted, ...]:
    """What to ask the gate, in the words of this grant."""
    place, operation = call.place, call.route.operation
    if not place.bucket:
        return ()
    if operation is None or (call.route.reads and not place.key):
        return (any_question(scope, place.target, place.bucket, operation),)
    key = place.key or call.word("prefix")
    asked = question(scope, place.target, (place.bucket, key), operation)
    # A prefix of a listing names no file; and what was begun may always be given up.
    wanted = [asked if place.key and call.route.name != "abort-upload" else replace(asked, file=None)]
    if call.source is not None:
        wanted.append(question(scope, place.target, (call.source.bucket, call.source.key), Operation.PULL))
    return tuple(wanted)


def key_questions(call: Call, scope: Scope, keys: tuple[str, ...]) -> tuple[Wanted, ...]:
    """For each key of a batch; those that one part of the grant covers are one question."""
    asked: dict[tuple[str, Operation], Wanted] = {}
    for key in keys:
        wanted = question(scope, call.place.target, (call.place.bucket, key), Operation.DELETE)
        asked.setdefault((wanted.repository, wanted.operation), wanted)
    return tuple(asked.values())


def may_delete(call: Call, scope: Scope, key: str) -> bool:
    """Does the grant cover this key of a batch?"""
    found = find(scope, call.place.bucket, key, Operation.DELETE)
    return found is not None and Operation.DELETE in found.operations


def _source(raw: bytes) -> Source:
    """`[/]bucket/key[?versionId=…]`, encoded once. Access points are not served. Raises Unclassified."""
    path, mark, query = raw.decode("ascii").removeprefix("/").partition("?")
    try:
        bucket, slash, _ = unquote_to_bytes(path).decode("utf-8").partition("/")
    except UnicodeDecodeError as exc:
        raise _bad_source() from exc
    version = dict(parse_query(query)) if mark else {}
    if not slash or version.keys() - {"versionId"} or (mark and not version) or "%25" in path or "+" in path:
        raise _bad_source()
    check_bucket(bucket)
    key = decode_key(path.replace("%2F", "/").replace("%2f", "/").partition("/")[2])
    if not key:
        raise _bad_source()
    return Source(bucket, key, version.get("versionId", ""))


def _bad_source() -> Unclassified:
    return Unclassified(400, Reason.MALFORMED_REQUEST, "x-amz-copy-source does not name one object.",
                        code="InvalidArgument")  # fmt: skip
