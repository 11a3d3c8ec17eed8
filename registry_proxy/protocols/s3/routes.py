"""S3 as an allow-list: method, level and query keys to one route. Whatever is not listed is refused before the store.

Source: Amazon S3 API reference. Sub-resources that are not here: acl, policy, versioning, lifecycle, tagging, cors,
replication, retention, torrent, select and some forty more; they are operations of administrators.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.claims import QUERY_KEYS
from registry_proxy.protocols.s3.names import Place
from registry_proxy.protocols.s3.queries import Pairs

MAX_DELETE_BYTES = 2 * 1024**2  # 1,000 keys of 1,024 bytes, and their tags
MAX_COMPLETE_BYTES = 4 * 1024**2  # 10,000 parts with a checksum each


@dataclass(frozen=True, slots=True)
class Route:
    """`marks` are the query keys that make it this route; `keys` may be there too."""

    name: str
    operation: Operation | None  # None: any part of the bucket will do
    marks: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    takes_body: bool = False  # that goes on as it comes
    reads: int = 0  # bytes of a body that decides
    is_local: bool = False


UNKNOWN = Route("unknown", None, is_local=True)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PULL, _PUSH, _DELETE = Operation.PULL, Operation.PUSH, Operation.DELETE
_LIST = _words("prefix delimiter max-keys encoding-type")
_LIST_V2 = _LIST | _words("continuation-token start-after fetch-owner")
_BUCKETS = (Route("list-buckets", None, keys=_words("max-buckets"), is_local=True),)
_OF_BUCKETS: dict[str, tuple[Route, ...]] = {
    "GET": (
        Route("list-objects-v2", _PULL, _words("list-type"), _LIST_V2),
        Route("location", None, _words("location"), is_local=True),
        Route("list-objects", _PULL, keys=_LIST | _words("marker")),
    ),
    "HEAD": (Route("head-bucket", None, is_local=True),),
    "POST": (Route("delete-objects", _DELETE, _words("delete"), reads=MAX_DELETE_BYTES),),
}  # fmt: skip
_OF_OBJECTS: dict[str, tuple[Route, ...]] = {
    "GET": (
        Route("list-parts", _PUSH, _words("uploadId"), _words("max-parts part-number-marker")),
        Route("get-object", _PULL, keys=_words("versionId partNumber")),
    ),
    "HEAD": (Route("head-object", _PULL, keys=_words("versionId partNumber")),),
    "PUT": (
        Route("upload-part", _PUSH, _words("partNumber uploadId"), takes_body=True),
        Route("put-object", _PUSH, takes_body=True),
    ),
    "POST": (
        Route("create-upload", _PUSH, _words("uploads")),
        Route("complete-upload", _PUSH, _words("uploadId"), reads=MAX_COMPLETE_BYTES),
    ),
    # Without versionId: taking an old version away cannot be undone, and is for administrators.
    "DELETE": (Route("abort-upload", _PUSH, _words("uploadId")), Route("delete-object", _DELETE)),
}  # fmt: skip
_COPIES = {
    "put-object": Route("copy-object", _PUSH),
    "upload-part": Route("upload-part-copy", _PUSH, _words("partNumber uploadId")),
}
_IGNORED = frozenset({"x-id"})  # some clients name the operation; it does nothing
_COUNT = re.compile(r"0|[1-9][0-9]{0,8}")
_VERSION = re.compile(r"[A-Za-z0-9._=+/-]{1,1024}")


def _is_empty(text: str) -> bool:
    return not text


def _is_count(text: str) -> bool:
    return bool(_COUNT.fullmatch(text))


_VALUES: dict[str, Callable[[str], bool]] = {
    "uploads": _is_empty, "delete": _is_empty, "location": _is_empty,
    "list-type": lambda text: text == "2", "encoding-type": lambda text: text == "url",
    "fetch-owner": lambda text: text == "false",
    "max-keys": _is_count, "max-parts": _is_count, "part-number-marker": _is_count, "max-buckets": _is_count,
    "partNumber": lambda text: _is_count(text) and 1 <= int(text) <= 10_000,
    "versionId": lambda text: bool(_VERSION.fullmatch(text)),
}  # fmt: skip


_NO_BUCKETS = (
    "The gateway makes and removes no buckets. Ask an operator to do it at the store, and to discover it under Targets."
)


def find_route(method: str, place: Place, query: Pairs, *, copies: bool) -> Route:
    """The one route of this request. Raises Unclassified."""
    asked = {key: text for key, text in query if key not in QUERY_KEYS and key not in _IGNORED}
    if not place.bucket:
        routes: tuple[Route, ...] = _BUCKETS if method == "GET" else ()
    else:
        routes = (_OF_OBJECTS if place.key else _OF_BUCKETS).get(method, ())
    found = next((item for item in routes if item.marks <= asked.keys() <= item.marks | item.keys), None)
    if found is None:
        if place.bucket and not place.key and method in ("PUT", "DELETE") and not asked:
            raise Unclassified(405, Reason.METHOD_NOT_ALLOWED, _NO_BUCKETS, code="MethodNotAllowed")
        raise _unknown(asked, is_method=not routes)
    if not all(_VALUES.get(key, bool)(text) or key in ("prefix", "delimiter", "marker", "start-after")
               for key, text in asked.items()):  # fmt: skip
        raise Unclassified(400, Reason.INVALID_INPUT, "A query key of this request has a value that it cannot have.",
                           code="InvalidArgument")  # fmt: skip
    if copies:
        if found.name not in _COPIES:
            raise Unclassified(400, Reason.MALFORMED_REQUEST, "x-amz-copy-source does not go with this request.")
        return _COPIES[found.name]
    return found


def _unknown(asked: dict[str, str], *, is_method: bool) -> Unclassified:
    if is_method:
        return Unclassified(405, Reason.METHOD_NOT_ALLOWED, code="MethodNotAllowed")
    named = ", ".join(sorted(key for key in asked if key.isascii() and key.isprintable()))[:120]
    sentence = "The gateway does not serve this operation of S3" + (f" ({named})." if named else ".")
    return Unclassified(403, Reason.ROUTE_UNKNOWN, sentence, code="AccessDenied")
