"""The hub's reads as an allow-list: method, route and query to one operation. Whatever is not listed is refused.

Writes are not served yet: neither are they in this table, nor are the addresses that hand out tokens for xet, with
which bytes would go past the gateway.
"""

from __future__ import annotations

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.hf.names import Place, is_commit, parse_place
from registry_proxy.protocols.query import QueryError, parse_pairs, render_pairs
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import Classified, RefKind, Wanted

MAX_FORM_BYTES = 1024 * 1024
LISTED = frozenset({"info", "revision", "tree", "paths-info", "commits", "refs"})  # answered with JSON
_METHODS = {"resolve": {"GET", "HEAD"}, "paths-info": {"POST"}}
_READ = {"GET"}
_OF_INFO = frozenset({"blobs", "securityStatus", "expand"})
_QUERY_KEYS: dict[str, frozenset[str]] = {
    "info": _OF_INFO,
    "revision": _OF_INFO,
    "refs": frozenset({"include_prs"}),
    "tree": frozenset({"recursive", "expand", "cursor", "limit"}),
    "commits": frozenset({"expand[]", "p", "limit", "cursor"}),
    "resolve": frozenset({"download"}),
}
_REPEATABLE = frozenset({"expand", "expand[]"})


def classify(method: str, target: bytes) -> Classified:
    """What this request is, or Unclassified. `target` passed the edge under the rule of this protocol."""
    path, _, raw_query = target.decode("ascii").partition("?")
    place = parse_place(path)
    if method not in _METHODS.get(place.route, _READ):
        raise Unclassified(405, Reason.METHOD_NOT_ALLOWED, "The gateway only reads from a hub.")
    query = _read_query(place, raw_query.encode("ascii"))
    if place.route == "whoami":
        return Classified((), "whoami")
    upstream_path = "/" + path.split("/", 3)[3]
    return Classified(
        (_wanted(place),), place.route, b"" if place.route == "auth-check" else forward(upstream_path, query),
        place.target, place.repository, query, MAX_FORM_BYTES if method == "POST" else None, file=place.file,
    )  # fmt: skip


def forward(path: str, query: tuple[tuple[str, str], ...]) -> bytes:
    """Path and query as the hub gets them."""
    target = path.encode("ascii")
    return target + b"?" + render_pairs(query) if query else target


def _wanted(place: Place) -> Wanted:
    kind = RefKind.NONE if not place.revision else RefKind.COMMIT if is_commit(place.revision) else RefKind.TAG
    return Wanted(place.target, place.repository, Operation.PULL, place.revision, kind, _file(place))


def _file(place: Place) -> str:
    """A folder of a listing is no file: what is not granted is kept out of the list."""
    return place.file if place.route == "resolve" else ""


def _read_query(place: Place, raw: bytes) -> tuple[tuple[str, str], ...]:
    try:
        query = parse_pairs(raw, repeatable=_REPEATABLE)
    except QueryError as exc:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, f"The query cannot be used: {exc}.") from exc
    if not {key for key, _ in query} <= _QUERY_KEYS.get(place.route, frozenset()):
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The query holds a key that this address does not take.")
    return query
