"""Requests to a registry: a connection, the credential, redirects followed here and never handed out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from jit_access.domain.reasons import Reason
from registry_proxy.control_client import TargetFacts
from registry_proxy.protocols.http1 import CHUNKED, ResponseHead, render_head
from registry_proxy.protocols.origins import Origin, parse_url
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.upstream.connection import UpstreamConnection
from registry_proxy.upstream.credential import (
    CredentialBook,
    CredentialState,
    Scheme,
    basic_authorization,
    learn,
    read_token,
    realm_path,
    token_target,
)
from registry_proxy.upstream.failure import UpstreamError, away, broken
from registry_proxy.upstream.pool import FRESH_S, IDLE_S, ConnectionPool
from registry_proxy.upstream.sinks import CollectingSink

RESPONSE_TIMEOUT_S = 60.0
# After the last byte of an upload a registry hashes and stores it before it answers.
UPLOAD_RESPONSE_TIMEOUT_S = 300.0
MAX_REDIRECTS = 3
MAX_TOKEN_BODY_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE = frozenset({"GET", "HEAD"})
_ONLY_WITHOUT_REDIRECT = frozenset({b"content-type", b"content-range"})

# Called with the connection once the head of a request with a body is sent; awaits until the body is sent too.
SendBody = Callable[[UpstreamConnection], "asyncio.Future[None]"]


@dataclass(slots=True)
class Leg:
    """An answered request: the head, and the connection that still holds the body."""

    head: ResponseHead
    connection: UpstreamConnection
    origin: Origin
    allow_private: bool
    is_redirected: bool = False


@dataclass(frozen=True, slots=True)
class _Call:
    """One try of a request at one place."""

    request: UpstreamRequest
    target: TargetFacts
    origin: Origin
    path: bytes
    authorization: bytes | None
    send_body: SendBody | None = None


class UpstreamClient:
    """Shared by all exchanges of a process."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._book = CredentialBook()

    async def open(
        self,
        target: TargetFacts,
        request: UpstreamRequest,
        send_body: SendBody | None = None,
        on_connection: Callable[[UpstreamConnection], None] = lambda _: None,
    ) -> Leg:
        """Send the request and wait for the head of the answer that counts.

        `on_connection` is told of each connection used, so that a cut reaches it. Raises UpstreamError.
        """
        origin = _origin_of(target)
        state = self._book.state(target)
        if request.length != 0 and state.scheme is Scheme.UNKNOWN and target.username:
            await self._probe(target, request, state)
        authorization = await self._authorization(target, request, state)
        call = _Call(request, target, origin, request.target, authorization, send_body)
        leg = await self._call(call, on_connection)
        if leg.head.status == 401:
            leg = await self._answer_challenge(call, leg, state, on_connection)
        elif state.scheme is Scheme.UNKNOWN and target.username:
            state.scheme = Scheme.BASIC
        if leg.head.status in _REDIRECTS:
            leg = await self._follow(call, leg, on_connection)
        return leg

    async def fetch(
        self,
        target: TargetFacts,
        request: UpstreamRequest,
        limit: int,
        on_connection: Callable[[UpstreamConnection], None] = lambda _: None,
    ) -> tuple[ResponseHead, bytes]:
        """A small body, whole. Raises UpstreamError."""
        leg = await self.open(target, request, None, on_connection)
        return leg.head, await self.collect(leg, limit)

    async def collect(self, leg: Leg, limit: int) -> bytes:
        """The body of a leg, at most `limit` bytes; the connection goes back. Raises UpstreamError."""
        sink = CollectingSink(limit)
        leg.connection.deliver_to(sink)
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                body = await sink.body()
        except TimeoutError as exc:
            leg.connection.abort()
            raise away(504) from exc
        except (UpstreamError, asyncio.CancelledError):
            leg.connection.abort()
            raise
        self.release(leg)
        return body

    def release(self, leg: Leg) -> None:
        """Give the connection back; the pool drops it when it is not exactly in step."""
        self._pool.release(leg.connection, leg.origin, allow_private=leg.allow_private)

    # -- one call

    async def _call(self, call: _Call, on_connection: Callable[[UpstreamConnection], None]) -> Leg:
        request, allow_private = call.request, call.target.allow_private
        for is_last in (False, True):
            # A kept connection may have been closed by the registry just now: what is safe to repeat is repeated once.
            max_idle_s = 0.0 if is_last else IDLE_S if request.method in _SAFE else FRESH_S
            connection, was_used = await self._pool.acquire(
                call.origin, allow_private=allow_private, max_idle_s=max_idle_s
            )
            on_connection(connection)
            try:
                head = await self._exchange(connection, call)
            except UpstreamError as exc:
                connection.abort()
                if is_last or not was_used or not exc.retryable or request.method not in _SAFE:
                    raise
            except asyncio.CancelledError:
                connection.abort()
                raise
            else:
                return Leg(head, connection, call.origin, allow_private)
        raise away()

    async def _exchange(self, connection: UpstreamConnection, call: _Call) -> ResponseHead:
        request = call.request
        connection.begin(_render(call), request.method, has_body=request.length != 0)
        response = asyncio.ensure_future(connection.response())
        try:
            if request.length != 0 and call.send_body is not None:
                # A registry may answer before it has the whole body (it refuses); then nothing more is sent.
                both: tuple[asyncio.Future[Any], ...] = (response, call.send_body(connection))
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(UPLOAD_RESPONSE_TIMEOUT_S if request.length else RESPONSE_TIMEOUT_S):
                return await response
        except TimeoutError as exc:
            raise away(504) from exc
        finally:
            response.cancel()

    # -- credential

    async def _authorization(
        self, target: TargetFacts, request: UpstreamRequest, state: CredentialState
    ) -> bytes | None:
        if state.scheme is not Scheme.BEARER or state.challenge is None:
            return basic_authorization(target)
        token = state.token_for(request.scopes)
        if token is None:
            path = realm_path(state.challenge, _origin_of(target))
            call = _Call(
                _small_request(request, token_target(path, state.challenge, request.scopes)), target,
                _origin_of(target), token_target(path, state.challenge, request.scopes), basic_authorization(target),
            )  # fmt: skip
            leg = await self._call(call, lambda _: None)
            body = await self.collect(leg, MAX_TOKEN_BODY_BYTES)
            if leg.head.status != 200:
                refused = leg.head.status in (400, 401, 403)
                raise UpstreamError(Reason.UPSTREAM_REFUSED_CREDENTIAL) if refused else broken()
            token, lasts_s = read_token(body)
            state.keep(request.scopes, token, lasts_s)
        return b"Bearer " + token.encode("ascii")

    async def _probe(self, target: TargetFacts, request: UpstreamRequest, state: CredentialState) -> None:
        """Learn the scheme with a ping, because a body cannot be sent twice."""
        ping = _small_request(request, b"/v2/")
        call = _Call(ping, target, _origin_of(target), ping.target, basic_authorization(target))
        leg = await self._call(call, lambda _: None)
        await self.collect(leg, MAX_TOKEN_BODY_BYTES)
        if leg.head.status == 401:
            learn(state, leg.head, _origin_of(target))
        else:
            state.scheme = Scheme.BASIC

    async def _answer_challenge(
        self, call: _Call, leg: Leg, state: CredentialState, on_connection: Callable[[UpstreamConnection], None]
    ) -> Leg:
        leg.connection.abort()
        learn(state, leg.head, call.origin)
        if call.request.length != 0:
            raise UpstreamError(Reason.UPSTREAM_REFUSED_CREDENTIAL, retryable=True)
        authorization = await self._authorization(call.target, call.request, state)
        again = _Call(call.request, call.target, call.origin, call.path, authorization)
        leg = await self._call(again, on_connection)
        if leg.head.status == 401:
            leg.connection.abort()
            raise UpstreamError(Reason.UPSTREAM_REFUSED_CREDENTIAL)
        return leg

    # -- redirects

    async def _follow(self, call: _Call, leg: Leg, on_connection: Callable[[UpstreamConnection], None]) -> Leg:
        """Go where the registry points, without any credential: not even back to itself (CVE-2018-20060)."""
        place = f"{call.origin.scheme}://{call.origin.authority.decode('ascii')}{call.path.decode('ascii')}"
        for _ in range(MAX_REDIRECTS):
            location = leg.head.get(b"location")
            leg.connection.abort()
            if not call.request.follows_redirects or location is None:
                raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED)
            place = urljoin(place, location.decode("ascii"))
            try:
                origin, path = parse_url(place)
            except ValueError as exc:
                raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED) from exc
            if not _is_followed(origin, call):
                raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED)
            leg = await self._call(_Call(call.request, call.target, origin, path.encode("ascii"), None), on_connection)
            leg.is_redirected = True
            if leg.head.status not in _REDIRECTS:
                return leg
        leg.connection.abort()
        raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED)


def _is_followed(origin: Origin, call: _Call) -> bool:
    """Never from https down to http; ports other than the usual ones only where private addresses are open too."""
    if call.origin.is_tls and not origin.is_tls:
        return False
    return origin.port in (80, 443, call.origin.port) or call.target.allow_private


def _origin_of(target: TargetFacts) -> Origin:
    try:
        return parse_url(target.base_url)[0]
    except ValueError as exc:
        raise away() from exc


def _small_request(like: UpstreamRequest, target: bytes) -> UpstreamRequest:
    accept = ((b"accept", b"application/json"),)
    return UpstreamRequest("GET", target, accept, 0, like.scopes, False, like.origin, like.request_id)


def _render(call: _Call) -> bytes:
    """Our own fields come last; what the client may send was chosen by an allow-list before."""
    request = call.request
    scheme, _, host = request.origin.partition(b"://")
    is_redirected = call.origin != _origin_of(call.target)
    fields = [pair for pair in request.headers if not is_redirected or pair[0] not in _ONLY_WITHOUT_REDIRECT]
    fields += [(b"host", call.origin.authority), (b"accept-encoding", b"identity")]
    if call.authorization is not None:
        fields.append((b"authorization", call.authorization))
    if not is_redirected:
        fields += [
            (b"x-request-id", request.request_id.encode("ascii")),
            (b"x-forwarded-proto", scheme), (b"x-forwarded-host", host),
        ]  # fmt: skip
    if request.length == CHUNKED:
        fields.append((b"transfer-encoding", b"chunked"))
    elif request.length or request.method not in _SAFE:
        fields.append((b"content-length", b"%d" % request.length))
    return render_head(request.method.encode() + b" " + call.path + b" HTTP/1.1", tuple(fields))
