"""What each parser of hostile bytes promises, as functions from bytes to nothing: an escape is a finding.

A parser may refuse in its own way only; what it accepts has to keep the promise written here.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import fields

from jit_access.domain.audit_record import canonical_bytes, decode_record
from jit_access.domain.errors import GatewayError
from jit_access.domain.scopes import parse_scope
from jit_access.domain.session_view import ViewRejected, decode_view, encode_view, sign_text
from jit_access.domain.tokens import format_token, parse_token
from registry_proxy.control_client.messages import open_message, read_heartbeat, read_news, read_snapshot
from registry_proxy.edge.head import find_head_end, read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.edge.target import check_target
from registry_proxy.protocols.bodies import make_reader
from registry_proxy.protocols.credentials import MAX_TOKEN_CHARS, read_token
from registry_proxy.protocols.http1 import CHUNKED, FIELD_NAME, HEAD_END, FramingError
from registry_proxy.protocols.oci.challenge import parse_bearer, read_scope
from registry_proxy.protocols.oci.form import read_form_token
from registry_proxy.protocols.oci.manifests import children_of, tag_names
from registry_proxy.protocols.oci.rewrites import LeavesGateway, rewrite_link, rewrite_location
from registry_proxy.protocols.oci.routes import classify
from registry_proxy.protocols.origins import parse_url
from registry_proxy.protocols.query import QueryError, parse_pairs, render_pairs
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.upstream.response_head import parse_response_head
from tests.fuzzing.oracle import served

LIMITS = EdgeLimits()
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e]*")
KEY = b"k" * 32
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_LIST = classify("GET", b"/v2/demo/a/tags/list", b"")


def request_head(data: bytes) -> None:
    """Refused, waiting for more, or one head in which nothing has two readings."""
    try:
        end = find_head_end(data, LIMITS)
        if not end:
            return
        head = read_head(data[:end], LIMITS)
    except EdgeRefusal as refusal:
        assert 400 <= refusal.http_status < 600
        return
    assert head.target.startswith(b"/")
    assert sum(name == b"host" for name, _ in head.headers) == 1
    framing = [name for name, _ in head.headers if name in (b"content-length", b"transfer-encoding")]
    assert len(framing) <= 1
    assert head.length == 0 or framing
    for name, value in head.headers:
        assert FIELD_NAME.fullmatch(name)
        assert FIELD_VALUE.fullmatch(value)


def request_target(data: bytes) -> None:
    """What the table says a target is, is what a registry would serve for what we forward."""
    method, target = _METHODS[data[0] % len(_METHODS)] if data else "GET", data[1:]
    try:
        check_target(target)
        classified = classify(method, target, b"")
    except (EdgeRefusal, Unclassified):
        return
    if not classified.upstream_target:
        assert classified.route in ("ping", "token", "catalog")
        return
    read = served(classified.upstream_target)
    assert read is not None, classified.upstream_target
    assert read.repository == classified.repository
    asked = classified.wanted[0]
    assert (asked.repository, asked.target) == (classified.repository, classified.target)
    assert target.startswith(f"/v2/{asked.target}/{asked.repository}/".encode())
    if classified.route in ("manifest", "blob", "referrers"):
        assert read.reference == asked.reference
    assert read.route in (classified.route, "uploads")


def body(data: bytes) -> None:
    """However the bytes are sliced, payload and end come out the same, and never both an end and an error."""
    if not data:
        return
    length = CHUNKED if data[0] & 1 else data[0] >> 1
    whole, cut = data[1:], data[0] % max(1, len(data) - 1)
    assert _read_body(length, [whole]) == _read_body(length, [whole[:cut], whole[cut:]])


def _read_body(length: int, slices: list[bytes]) -> object:
    reader, payload, rest = make_reader(length), b"", b""
    try:
        for piece in slices:
            if reader.is_complete and length != CHUNKED:
                rest += piece
            elif piece:
                found, more = reader.feed(piece)
                payload, rest = payload + found, rest + more
    except FramingError:
        return "refused"
    if length != CHUNKED:
        assert len(payload) <= length
        assert payload + rest == b"".join(slices)
    return payload, rest, reader.is_complete


def response_head(data: bytes) -> None:
    """One status, one framing; whatever has no marked end is refused."""
    method = "HEAD" if data[:1] == b"h" else "GET"
    try:
        head = parse_response_head(data[1:] + HEAD_END, method)
    except FramingError:
        return
    assert 100 <= head.status < 600
    assert head.length >= CHUNKED
    if method == "HEAD" or head.status in (204, 304):
        assert head.length == 0


def query(data: bytes) -> None:
    """What was read is what is written: no key twice, no second meaning."""
    try:
        pairs = parse_pairs(data)
    except QueryError:
        return
    assert len(dict(pairs)) == len(pairs)
    assert parse_pairs(render_pairs(pairs)) == pairs


def credential(data: bytes) -> None:
    """A credential gives a bounded text or nothing; the form its token, or a refusal."""
    if data.isascii():
        token = read_token(data)
        assert token is None or len(token) <= MAX_TOKEN_CHARS
        parts = parse_token(token or "")
        if parts is not None:
            assert format_token(parts.kind, parts.token_id, parts.secret) == token
    with contextlib.suppress(QueryError):
        read_form_token(data)


def manifest(data: bytes) -> None:
    """Unreadable manifests have no children; readable ones only digests."""
    manifests, blobs = children_of(data)
    assert all(":" in digest for digest in (*manifests, *blobs))
    assert all(tag_names(data))


def challenge(data: bytes) -> None:
    """A registry's challenge and a client's scope are read, or they are none."""
    if not FIELD_VALUE.fullmatch(data):
        return
    found = parse_bearer(data)
    if found is not None:
        assert found.realm
        with contextlib.suppress(ValueError):
            parse_url(found.realm)
    read_scope(data.decode("ascii"))


def location(data: bytes) -> None:
    """Whatever a registry points to, the client only ever hears of our origin and the same repository."""
    if not FIELD_VALUE.fullmatch(data):
        return
    origin, _ = parse_url("http://registry.internal:5000")
    upload = classify("POST", b"/v2/demo/a/b/blobs/uploads/", b"")
    with contextlib.suppress(LeavesGateway):
        found = rewrite_location(data, upload, upstream=origin, ours=b"https://gw")
        assert found.startswith(b"https://gw/v2/demo/a/b/")
        check_target(found.removeprefix(b"https://gw").partition(b"?")[0])
    link = rewrite_link(data, _LIST, upstream=origin, ours=b"https://gw")
    assert link is None or link.startswith(b"<https://gw/v2/demo/a/")


def session_view(data: bytes) -> None:
    """A view is refused, or says the same again when it is written again."""
    try:
        view = decode_view(data.decode("utf-8", "replace"))
    except ViewRejected:
        return
    assert decode_view(encode_view(view)) == view


def news(data: bytes) -> None:
    """Even with a good signature: a message is read or rejected, nothing else."""
    text = data.decode("utf-8", "replace")
    try:
        message = open_message(text, sign_text(text, KEY), KEY)
    except ViewRejected:
        return
    for read in (lambda: read_heartbeat(message, heard=1.0), lambda: read_news(message, at=(1, 1)),
                 lambda: read_snapshot(message, heard=1.0, known={})):  # fmt: skip
        with contextlib.suppress(ViewRejected):
            read()


def audit_record(data: bytes) -> None:
    """A record is rejected, or its bytes are the one canonical form of what they say."""
    try:
        record = decode_record(data)
    except GatewayError:
        return
    assert canonical_bytes(record) == data
    assert all(field.name for field in fields(record))


def scope(data: bytes) -> None:
    """A scope from JSON is refused with a reason, or only names what it lists."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return
    with contextlib.suppress(GatewayError):
        parse_scope(raw)


READINGS: dict[str, Callable[[bytes], None]] = {
    reading.__name__: reading
    for reading in (request_head, request_target, body, response_head, query, credential, manifest, challenge,
                    location, session_view, news, audit_record, scope)
}  # fmt: skip
