"""What of a hub is served, as an allow-list: method, route and query to one operation. All else is refused.

The addresses that hand out tokens for xet are not in it: with these, bytes would go past the gateway. Branches, tags
and discussions of a repository are not made through the gateway, whatever a grant says.
"""

from __future__ import annotations

import re

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.hf.names import Place, is_commit, parse_place
from registry_proxy.protocols.query import QueryError, parse_pairs, render_pairs
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import Classified, RefKind, Wanted

MAX_FORM_BYTES = 1024 * 1024
LISTED = frozenset({"info", "revision", "tree", "paths-info", "commits", "refs"})  # answered with JSON
MAX_COMMIT_BYTES = 16 * 1024 * 1024  # small files are inside, large ones go by LFS
MAX_SETTINGS_BYTES = 16 * 1024
# A repository's own life. What it is about stands in the body, or in the path and the body.
ADMINISTERS = {
    "repo-create": "POST",
    "repo-move": "POST",
    "repo-delete": "DELETE",
    "settings": "PUT",
    "duplicate": "POST",
}
FORMS = {
    **dict.fromkeys(ADMINISTERS, MAX_SETTINGS_BYTES),
    "paths-info": MAX_FORM_BYTES, "preupload": 4 * MAX_FORM_BYTES, "commit": MAX_COMMIT_BYTES,
    "lfs-batch": MAX_FORM_BYTES, "lfs-verify": 4096,
}  # fmt: skip
WRITES = frozenset({"preupload", "commit", "lfs-batch", "lfs-verify", "lfs-place"})
_METHODS = {"resolve": {"GET", "HEAD"}, "lfs-place": {"PUT", "POST"}} | {
    route: {ADMINISTERS.get(route, "POST")} for route in FORMS
}
_ADMINISTERED = re.compile(
    r"/hf/[^/]+/api/(?:repos/(?!(?:create|move|delete)\Z).*|(?:models|datasets|spaces)/[^/]+(?:/[^/]+)?/"
    r"(?:branch|tag|super-squash|lfs-files|discussions|resource-group|secrets|variables)(?:/.*)?)"
)
_XET = re.compile(r"/hf/[^/]+/api/(?:models|datasets|spaces)/[^/]+(?:/[^/]+)?/xet-(?:read|write)-token/.*")
_READ = {"GET"}
_OF_INFO = frozenset({"blobs", "securityStatus", "expand"})
_QUERY_KEYS: dict[str, frozenset[str]] = {
    "info": _OF_INFO,
    "revision": _OF_INFO,
    "refs": frozenset({"include_prs"}),
    "tree": frozenset({"recursive", "expand", "cursor", "limit"}),
    "commits": frozenset({"expand[]", "p", "limit", "cursor"}),
    "resolve": frozenset({"download"}),
    "preupload": frozenset({"create_pr"}),
    "commit": frozenset({"create_pr"}),
}
_NOT_ADMINISTERED = "Nobody makes or removes branches, tags and discussions of a hub through the gateway."
_REPEATABLE = frozenset({"expand", "expand[]"})


def classify(method: str, target: bytes) -> Classified:
    """What this request is, or Unclassified. `target` passed the edge under the rule of this protocol."""
    path, _, raw_query = target.decode("ascii").partition("?")
    _refuse_by_name(method, path)
    place = parse_place(path)
    if method not in _METHODS.get(place.route, _READ):
        raise Unclassified(405, Reason.METHOD_NOT_ALLOWED)
    if place.route in WRITES and is_commit(place.revision):
        raise Unclassified(400, Reason.NAME_INVALID, "A commit never changes: write to a branch.")
    query = _read_query(place, raw_query.encode("ascii"))
    if place.route == "whoami":
        return Classified((), "whoami")
    upstream_path = "/" + path.split("/", 3)[3]
    # What a commit asks for stands in its body, and so does which repository is made, moved or removed.
    wanted = () if place.route == "commit" or not place.repository else (_wanted(place),)
    return Classified(
        wanted, place.route, b"" if place.route == "auth-check" else forward(upstream_path, query),
        place.target, place.repository, query, FORMS.get(place.route), file=place.file,
    )  # fmt: skip


def revision_of(classified: Classified) -> str:
    """Of a write to a branch: the end of its path."""
    return classified.upstream_target.partition(b"?")[0].rpartition(b"/")[2].decode("ascii").replace("%2F", "/")


def _refuse_by_name(method: str, path: str) -> None:
    """Addresses that clients know, and that get a better answer than that there is nothing. Raises Unclassified."""
    if method != "GET" and _ADMINISTERED.fullmatch(path):
        raise Unclassified(403, Reason.OPERATION_NOT_GRANTED, _NOT_ADMINISTERED)
    if _XET.fullmatch(path):
        raise Unclassified(404, Reason.ROUTE_UNKNOWN, "Bytes go by the gateway. Set HF_HUB_DISABLE_XET=1, then repeat.")
    if method == "DELETE" and not path.endswith("/api/repos/delete"):
        raise Unclassified(403, Reason.OPERATION_NOT_GRANTED, _NOT_ADMINISTERED)


def forward(path: str, query: tuple[tuple[str, str], ...]) -> bytes:
    """Path and query as the hub gets them."""
    target = path.encode("ascii")
    return target + b"?" + render_pairs(query) if query else target


def _wanted(place: Place) -> Wanted:
    kind = RefKind.NONE if not place.revision else RefKind.COMMIT if is_commit(place.revision) else RefKind.TAG
    operation = Operation.PUSH if place.route in WRITES else Operation.PULL
    if place.route == "settings":
        operation = Operation.ADMIN
    return Wanted(place.target, place.repository, operation, place.revision, kind, _file(place))


def _file(place: Place) -> str | None:
    """A folder of a listing is no file: what is not granted is kept out of the list. All of them is none of them."""
    if place.route in ADMINISTERS:
        return None
    return place.file if place.route == "resolve" else ""


def _read_query(place: Place, raw: bytes) -> tuple[tuple[str, str], ...]:
    try:
        query = parse_pairs(raw, repeatable=_REPEATABLE)
    except QueryError as exc:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, f"The query cannot be used: {exc}.") from exc
    if not {key for key, _ in query} <= _QUERY_KEYS.get(place.route, frozenset()):
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The query holds a key that this address does not take.")
    return query
