"""Which fields of a request a store may see, and which of its answer a client may.

An x-amz field that is not listed is refused, not dropped: it may hand rights away (x-amz-acl, x-amz-grant-*), lock an
object for years, or encrypt it with a key that nobody else has. A client must hear that it did not happen.
"""

from __future__ import annotations

from collections.abc import Iterable

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.http1 import Headers, RequestHead, ResponseHead, list_tokens
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.checksums import TRAILERS

_META = b"x-amz-meta-"
_CHECKSUMS = frozenset(name.encode("ascii") for name in TRAILERS)
# About the request itself: read here, made anew for the store.
_OURS = frozenset(
    b"x-amz-date x-amz-security-token x-amz-content-sha256 x-amz-decoded-content-length x-amz-trailer "
    b"x-amz-user-agent x-amz-copy-source".split()
)
_READ = frozenset({b"x-amz-checksum-mode"})
_ABOUT_CHECKSUMS = frozenset(b"x-amz-sdk-checksum-algorithm x-amz-checksum-algorithm x-amz-checksum-type".split())
_COPY = frozenset(
    b"x-amz-copy-source-if-match x-amz-copy-source-if-none-match x-amz-copy-source-if-modified-since "
    b"x-amz-copy-source-if-unmodified-since x-amz-copy-source-range x-amz-metadata-directive".split()
)
_WRITE = _CHECKSUMS | _ABOUT_CHECKSUMS | {b"x-amz-mp-object-size"}
_BY_ROUTE: dict[str, frozenset[bytes]] = {
    "get-object": _READ, "head-object": _READ, "put-object": _WRITE, "upload-part": _WRITE,
    "copy-object": _COPY | _ABOUT_CHECKSUMS, "upload-part-copy": _COPY, "create-upload": _ABOUT_CHECKSUMS,
    "complete-upload": _WRITE,
}  # fmt: skip
# Of a body that the store gets written anew: verified here, and wrong there.
_READ_HERE = {"delete-objects": frozenset({b"x-amz-sdk-checksum-algorithm"}) | _CHECKSUMS}
_WITH_META = frozenset({"put-object", "copy-object", "create-upload"})
_CONDITIONS = frozenset(b"if-match if-none-match if-modified-since if-unmodified-since".split())
_ABOUT_BODY = frozenset(b"content-type content-disposition content-language cache-control expires".split())
_PLAIN = {
    "get-object": _CONDITIONS | {b"range"}, "head-object": _CONDITIONS | {b"range"},
    "put-object": _CONDITIONS | _ABOUT_BODY | {b"content-md5"}, "upload-part": frozenset({b"content-md5"}),
    "copy-object": _CONDITIONS | _ABOUT_BODY, "create-upload": _ABOUT_BODY,
    "complete-upload": frozenset({b"if-match", b"if-none-match"}), "delete-object": frozenset({b"if-match"}),
}  # fmt: skip
_NOTHING: frozenset[bytes] = frozenset()
_ANSWER = frozenset(
    b"content-type content-disposition content-language content-range cache-control expires etag last-modified date "
    b"accept-ranges x-amz-version-id x-amz-delete-marker x-amz-mp-parts-count x-amz-storage-class x-amz-missing-meta "
    b"x-amz-server-side-encryption x-amz-checksum-type x-amz-copy-source-version-id retry-after".split()
) | _CHECKSUMS  # fmt: skip


def check_fields(head: RequestHead, route: str) -> None:
    """Raises Unclassified for a field that this route does not take."""
    allowed = _OURS | _BY_ROUTE.get(route, _NOTHING) | _READ_HERE.get(route, _NOTHING)
    for name, _ in head.headers:
        if not name.startswith(b"x-amz-"):
            continue
        if name in allowed or (route in _WITH_META and name.startswith(_META)):
            continue
        raise Unclassified(
            403, Reason.ROUTE_UNKNOWN, f"The gateway does not take the field {name.decode('ascii')} here."
        )
    codings = list_tokens(head.headers, b"content-encoding")
    if codings - {b"aws-chunked", b"identity"}:
        raise Unclassified(
            400, Reason.MALFORMED_REQUEST, "The gateway passes plain bodies only. Leave Content-Encoding out."
        )


def forwarded(head: RequestHead, route: str, *, without: Iterable[bytes] = ()) -> list[tuple[bytes, bytes]]:
    """The client's fields that the store gets; ours come after them."""
    passed = (_PLAIN.get(route, _NOTHING) | _BY_ROUTE.get(route, _NOTHING)) - frozenset(without)
    has_meta, dropped = route in _WITH_META, list_tokens(head.headers, b"connection")
    return [
        pair for pair in head.headers
        if (pair[0] in passed or (has_meta and pair[0].startswith(_META))) and pair[0] not in dropped
    ]  # fmt: skip


def answered(head: ResponseHead) -> Headers:
    """The store's fields that the client gets."""
    dropped = list_tokens(head.headers, b"connection")
    return tuple(
        pair for pair in head.headers if (pair[0] in _ANSWER or pair[0].startswith(_META)) and pair[0] not in dropped
    )
