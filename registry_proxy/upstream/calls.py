"""One try of a request at one place, and the head that goes out for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from registry_proxy.protocols.http1 import CHUNKED, Headers, ResponseHead, render_head
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.values import value
from registry_proxy.upstream.connection import UpstreamConnection

SAFE = frozenset({"GET", "HEAD"})
_ONLY_AT_HOME = frozenset({b"content-type", b"content-range"})

# Called with the connection once the head of a request with a body is sent; awaits until the body is sent too.
SendBody = Callable[[UpstreamConnection], "asyncio.Future[None]"]
# Told of each connection that is used, so that a cut reaches it.
OnConnection = Callable[[UpstreamConnection], None]


def nobody(_: UpstreamConnection) -> None:
    """For calls that nobody cuts but their deadline."""


@dataclass(slots=True)
class Leg:
    """An answered request: the head, and the connection that still holds the body."""

    head: ResponseHead
    connection: UpstreamConnection
    origin: Origin
    allow_private: bool
    is_redirected: bool = False


@value
class Call:
    """`authorization` is for `origin` and nobody else. `is_home`: the registry itself, at the first hop."""

    request: UpstreamRequest
    origin: Origin
    path: bytes
    allow_private: bool
    is_home: bool
    authorization: bytes | None = None
    send_body: SendBody | None = None
    signed: Headers = ()  # by the registry's credential, over this very request

    @property
    def is_repeatable(self) -> bool:
        """True when sending it twice does no more than sending it once."""
        return self.request.method in SAFE and not self.request.upgrade

    @property
    def url(self) -> str:
        """What a relative Location is relative to."""
        return f"{self.origin}{self.path.decode('ascii')}"


def small_request(like: UpstreamRequest, target: bytes) -> UpstreamRequest:
    """A request of our own on the way to another one: a ping, a token."""
    accept = ((b"accept", b"application/json"),)
    return UpstreamRequest(
        "GET", target, accept, 0, like.scopes, False, like.origin, like.request_id, like.traceparent
    )  # fmt: skip


def is_inside(path: str, beginnings: tuple[str, ...]) -> bool:
    """Does a redirect stay where the protocol said? A path that can be read in two ways does not."""
    plain = path.partition("?")[0]
    has_doubt = "//" in plain or "/." in plain or "\\" in plain or "%2e" in plain.lower()
    return plain.startswith(beginnings) and not has_doubt


def with_kept(head: ResponseHead, kept: dict[bytes, bytes]) -> ResponseHead:
    """A store's head with what the registry itself said of the same bytes."""
    if not kept:
        return head
    return replace(head, headers=(*(pair for pair in head.headers if pair[0] not in kept), *kept.items()))


def render_call(call: Call) -> bytes:
    """Our own fields come last; what the client may send was chosen by an allow-list before."""
    request = call.request
    fields = [pair for pair in request.headers if call.is_home or pair[0] not in _ONLY_AT_HOME]
    fields += [(b"host", call.origin.authority), (b"accept-encoding", b"identity")]
    fields += call.signed
    if call.authorization is not None:
        fields.append((b"authorization", call.authorization))
    if call.is_home:
        scheme, _, host = request.origin.partition(b"://")
        fields += [
            (b"x-request-id", request.request_id.encode("ascii")),
            (b"x-forwarded-proto", scheme), (b"x-forwarded-host", host),
        ]  # fmt: skip
        if request.traceparent:
            fields.append((b"traceparent", request.traceparent))
        if request.upgrade:
            fields += [(b"connection", b"upgrade"), (b"upgrade", request.upgrade)]
    if request.length == CHUNKED:
        fields.append((b"transfer-encoding", b"chunked"))
    elif request.length or request.body or request.method not in SAFE:
        fields.append((b"content-length", b"%d" % (request.length or len(request.body))))
    head = render_head(request.method.encode() + b" " + call.path + b" HTTP/1.1", tuple(fields))
    return head + request.body
