"""What a request is, by its head: method, path and query. What only its body tells is left to `asking`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.mlflow.names import LOGGED, PREFIX, SLUG, canonical_path
from registry_proxy.protocols.mlflow.table import FILE, FILE_PUT, FILES, LOGGED_ROUTES, ROUTES, Route
from registry_proxy.protocols.query import QueryError, parse_pairs, render_pairs
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import Classified

MAX_BODY_BYTES = 1024 * 1024  # what MLflow itself takes in one batch
# What requests' `requote_uri` leaves alone stands for itself; %XX only for bytes that it must encode.
PATHS = re.compile(rb"/(?:[A-Za-z0-9._~:@=+,!$&'()*/-]|%(?:2[02]|3[CE]|5[BDE]|60|7[BCD]|[89A-F][0-9A-F]))*")
LOCAL = {"health": "health", "version": "server-version", "api/3.0/mlflow/server-info": "server-info"}
_API = "api/2.0/mlflow/"
_ARTIFACTS = "api/2.0/mlflow-artifacts/"
_LOGGED = "logged-models/"


@dataclass(frozen=True, slots=True)
class Found:
    """A route, and what stands in the path itself."""

    route: Route
    tail: str = ""  # id of a logged model, or path of an artifact


def classify(head: RequestHead) -> Classified:
    """What this request is. `target` passed the edge under `PATHS`. Raises Unclassified."""
    raw_path, _, raw_query = head.target.partition(b"?")
    slug, path = _split(raw_path.decode("ascii"))
    if path in LOCAL:
        if head.method != "GET" or raw_query or head.length:
            raise Unclassified(405, Reason.METHOD_NOT_ALLOWED)
        return Classified((), LOCAL[path], b"/version" if path == "version" else b"", slug)
    found = find(head.method, path)
    reads_query = head.method == "GET"
    if raw_query and not reads_query:
        raise _malformed("Only what is read takes a query.")
    if head.length and reads_query:
        raise _malformed("A request that reads has no body.")
    query = _read_query(found.route, raw_query)
    if found.route is FILES:
        canonical_path(dict(query).get("path", ""))
    target = b"/" + path.encode("ascii")
    if query:
        target += b"?" + render_pairs(query)
    limit = MAX_BODY_BYTES if has_body(head.method, found.route) else None
    file = found.tail if found.route in (FILE, FILE_PUT) else ""
    return Classified((), found.route.name, target, slug, query=query, body_limit=limit, file=file)


def find(method: str, path: str) -> Found:
    """The one route of this path behind the target's name. Raises Unclassified."""
    if path.startswith(_ARTIFACTS):
        return _find_artifacts(method, path.removeprefix(_ARTIFACTS))
    if not path.startswith(_API):
        raise _unknown()
    name = path.removeprefix(_API)
    if name.startswith(_LOGGED):
        identity, slash, rest = name.removeprefix(_LOGGED).partition("/")
        route = LOGGED_ROUTES.get((method, rest))
        if route is None or (slash and not rest) or not LOGGED.fullmatch(identity):
            raise _unknown()
        return Found(route, identity)
    route = ROUTES.get((method, name))
    if route is None:
        raise _unknown()
    return Found(route)


def found_of(asked_target: bytes, method: str) -> Found:
    """The same again, of a request that was classified."""
    return find(method, _split(asked_target.partition(b"?")[0].decode("ascii"))[1])


def has_body(method: str, route: Route) -> bool:
    """True when the body decides. A file's content does not: it goes where its path says."""
    return method != "GET" and route is not FILE_PUT


def _split(path: str) -> tuple[str, str]:
    _, prefix, slug, rest = [*path.split("/", 3), "", "", ""][:4]
    if prefix != PREFIX or not rest:
        raise _unknown()
    if not SLUG.fullmatch(slug):
        raise Unclassified(400, Reason.NAME_INVALID)
    return slug, rest


def _find_artifacts(method: str, rest: str) -> Found:
    if rest == "artifacts" and method == "GET":
        return Found(FILES)
    if rest.startswith(("mpu/", "presigned/")):
        # The client goes on with one plain request when it hears these words (`_UnsupportedMultipartUploadException`).
        raise Unclassified(
            501, Reason.ROUTE_UNKNOWN,
            "Multipart upload is not supported for the current artifact repository, nor are presigned addresses: all "
            "bytes go through the gateway.", code="NOT_IMPLEMENTED",
        )  # fmt: skip
    route = {"GET": FILE, "PUT": FILE_PUT}.get(method)
    if route is None or not rest.startswith("artifacts/"):
        raise _unknown()
    try:
        path = unquote_to_bytes(rest.removeprefix("artifacts/")).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise _malformed("The path is not UTF-8.") from exc
    return Found(route, canonical_path(path))


def _read_query(route: Route, raw: bytes) -> tuple[tuple[str, str], ...]:
    try:
        query = parse_pairs(raw, repeatable=route.lists)
    except QueryError as exc:
        raise _malformed(f"The query cannot be used: {exc}.") from exc
    if unknown := sorted({key for key, _ in query} - set(route.fields)):
        raise _malformed(f"The gateway does not know the field {unknown[0][:40]!r} of this request.")
    if not all(route.fields[key](value) for key, value in query):
        raise _malformed("A value of the query is too long.")
    return query


def _unknown() -> Unclassified:
    return Unclassified(404, Reason.ROUTE_UNKNOWN, "The gateway does not serve this address of a tracking server.")


def _malformed(sentence: str) -> Unclassified:
    return Unclassified(400, Reason.MALFORMED_REQUEST, sentence)
